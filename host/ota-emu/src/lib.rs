#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod board;
mod bus;
mod cpu;
mod devices;
pub mod esp32c3;
mod exit;
mod log;
mod memory;
mod network;
mod rom;
mod rtt;
pub mod stm32;

pub use board::Board;
pub use exit::{Exit, Fault, Reset};
pub use log::{Line, Source};
pub use network::Forwards;

use ota_sim::{Config, Flash};
use std::io;
use std::path::Path;

/// Bytes of the flash chip on a Pico and on a W5500-EVB-Pico.
pub const FLASH_SIZE: u32 = 2 << 20;

/// What a board's flash chip looks like to `ota-sim`: bytes are programmed one by one (up to
/// 256 at a time), and erased in sectors of 4 KiB.
#[must_use]
pub const fn flash_config(size: u32) -> Config {
    Config::new(size, 1, 4096)
}

/// A blank flash chip of [`FLASH_SIZE`].
#[must_use]
pub fn flash() -> Flash {
    Flash::new(flash_config(FLASH_SIZE))
}

/// A flash chip of [`FLASH_SIZE`] whose contents are a file: see [`Flash::open_file`].
///
/// # Errors
/// If the file cannot be read or written, or has another size.
pub fn flash_file(path: impl AsRef<Path>) -> io::Result<Flash> {
    Flash::open_file(path, flash_config(FLASH_SIZE))
}

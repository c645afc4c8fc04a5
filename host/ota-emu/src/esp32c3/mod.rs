//! An ESP32-C3 in software: a module with 4 MiB of flash, and its serial line.

mod board;
mod bus;
pub mod cpu;
mod devices;
mod rom;

pub use crate::stm32::SerialLine;
pub use board::Board;

use crate::flash_config;
use ota_sim::Flash;
use std::io;
use std::path::Path;

/// Bytes of the flash chip in a usual module.
pub const FLASH_SIZE: u32 = 4 << 20;

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

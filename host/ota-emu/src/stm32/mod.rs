//! A NUCLEO-L476RG in software: an STM32L476RG with its flash in two banks, and the serial line
//! of its debugger.

mod board;
mod bus;
mod cpu;
mod devices;
pub(crate) mod line;

pub use board::Board;
pub use line::SerialLine;

use devices::cells::{PAGE, SIZE, WORD};
use ota_sim::{Config, Flash};
use std::io;
use std::path::Path;

/// Where the flash begins.
pub const FLASH_START: u32 = 0x0800_0000;
/// Bytes of flash, in two banks.
pub const FLASH_SIZE: u32 = SIZE;
/// The registers of the flash interface.
const FLASH_REGISTERS: u32 = 0x4002_2000;

/// What the chip's flash looks like to `ota-sim`: double words are programmed one by one, each
/// with its error correction, and erased in pages of 2 KiB.
#[must_use]
pub const fn flash_config() -> Config {
    Config::new(SIZE, WORD, PAGE).with_ecc()
}

/// A blank flash.
#[must_use]
pub fn flash() -> Flash {
    Flash::new(flash_config())
}

/// A flash whose contents are a file: see [`Flash::open_file`].
///
/// # Errors
/// If the file cannot be read or written, or has another size.
pub fn flash_file(path: impl AsRef<Path>) -> io::Result<Flash> {
    Flash::open_file(path, flash_config())
}

//! A chip of which only the calls are there, and a product for it.
#![no_std]

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use ota_bootloader::{Area, Chip, FlashMap, Layout, Product, Strategy, TrialLimits};

/// A flash map such as a Pico's.
pub const MAP: FlashMap = match FlashMap::new(Layout {
    strategy: Strategy::Swap,
    internal: Chip {
        size: 2 << 20,
        write_size: 4,
        erase_size: 4096,
        erased: 0xFF,
    },
    external: None,
    bootloader: Area::internal(0, 0x1_0000),
    journal: Area::internal(0x1_0000, 0x2000),
    banks: [
        Area::internal(0x1_2000, 0x4000),
        Area::internal(0x1_6000, 0x4000),
    ],
    settings: Area::internal(0x1_A000, 0x6000),
    slots: [
        Area::internal(0x2_0000, 0x8_0000),
        Area::internal(0xA_0000, 0x8_2000),
    ],
    step: 4096,
}) {
    Ok(map) => map,
    Err(_) => panic!("checked at compile time"),
};

/// A product.
pub const PRODUCT: Product = Product {
    map: MAP,
    vendor: [1; 16],
    class: [2; 16],
    hardware: 1,
    component: 0,
    load_addresses: [0x1002_0000; 2],
    floor: 0,
    trial: TrialLimits::DEFAULT,
};

unsafe extern "C" {
    fn chip_read(offset: u32, bytes: *mut u8, len: usize) -> u32;
    fn chip_program(offset: u32, bytes: *const u8, len: usize) -> u32;
    fn chip_erase(from: u32, to: u32) -> u32;
    fn chip_reset() -> !;
}

/// What a panic handler calls, and whoever has nothing left to do.
pub fn reset() -> ! {
    // SAFETY: is not run; see `build.rs`. So for all of the chip's functions.
    unsafe { chip_reset() }
}

/// The chip's flash: three calls.
pub struct ChipFlash;

/// A flash operation failed, with this code.
#[derive(Debug)]
pub struct FlashFailed(pub u32);

impl NorFlashError for FlashFailed {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

fn outcome(code: u32) -> Result<(), FlashFailed> {
    match code {
        0 => Ok(()),
        code => Err(FlashFailed(code)),
    }
}

impl ErrorType for ChipFlash {
    type Error = FlashFailed;
}

impl ReadNorFlash for ChipFlash {
    const READ_SIZE: usize = 1;
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashFailed> {
        // SAFETY: see `reset`.
        outcome(unsafe { chip_read(offset, bytes.as_mut_ptr(), bytes.len()) })
    }
    fn capacity(&self) -> usize {
        2 << 20
    }
}

impl NorFlash for ChipFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;
    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashFailed> {
        // SAFETY: see `reset`.
        outcome(unsafe { chip_erase(from, to) })
    }
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashFailed> {
        // SAFETY: see `reset`.
        outcome(unsafe { chip_program(offset, bytes.as_ptr(), bytes.len()) })
    }
}

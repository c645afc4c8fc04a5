//! What the flash of a Pico is, and what lies where on it.

use ota_bootloader::{Area, Chip, FlashMap, Layout, Strategy};

/// Bytes of flash on a Pico and on a W5500-EVB-Pico: the number that
/// `embassy_rp::flash::Flash` wants as its last parameter.
pub const FLASH_SIZE: usize = 2 * 1024 * 1024;

/// Their flash, as `embassy_rp::flash::Flash` drives it: pages of 256 bytes, of which any part may
/// be programmed, and sectors of 4 KiB.
pub const CHIP: Chip = Chip {
    size: 0x20_0000,
    write_size: 1,
    erase_size: 4096,
    erased: 0xFF,
};

/// Where the processor sees the beginning of slot 0 of [`PICO`]: applications are linked for it.
pub const LOAD_ADDRESS: u32 = 0x1002_0000;

/// The built-in map `rp2040` of the tool `ota`. It is fixed for the life of a product.
pub const PICO: FlashMap = match FlashMap::new(Layout {
    strategy: Strategy::Swap,
    internal: CHIP,
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
        Area::internal(0xA_0000, 0x8_2000), // two steps more
    ],
    step: 4096,
}) {
    Ok(map) => map,
    Err(_) => panic!("the map cannot be"),
};

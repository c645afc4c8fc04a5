//! What lies where on the flash of an STM32L476RG.

use ota_bootloader::{Area, Chip, FlashMap, Layout, Strategy};

/// The flash of an STM32L476xG: 1 MiB in pages of 2 KiB, programmed in double words, each once.
pub const L476_CHIP: Chip = Chip {
    size: 0x10_0000,
    write_size: 8,
    erase_size: 2048,
    erased: 0xFF,
};

/// Where the processor sees the beginning of slot 0 of [`L476`]: applications are linked for it.
pub const L476_LOAD_ADDRESS: u32 = 0x0802_0000;

/// The built-in map `stm32l476` of the tool `ota`. It is fixed for the life of a product.
pub const L476: FlashMap = match FlashMap::new(Layout {
    strategy: Strategy::Swap,
    internal: L476_CHIP,
    external: None,
    bootloader: Area::internal(0, 0x1_0000),
    journal: Area::internal(0x1_0000, 0x1000),
    banks: [
        Area::internal(0x1_1000, 0x4000),
        Area::internal(0x1_5000, 0x4000),
    ],
    settings: Area::internal(0x1_9000, 0x7000),
    slots: [
        Area::internal(0x2_0000, 0x6_E000),
        Area::internal(0x8_E000, 0x7_0000), // two steps more
    ],
    step: 4096,
}) {
    Ok(map) => map,
    Err(_) => panic!("the map cannot be"),
};

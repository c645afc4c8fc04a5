//! What lies where on 4 MiB of flash.

use ota_bootloader::{Area, Chip, FlashMap, Layout, Strategy};

/// The flash of most modules: 4 MiB, in sectors of 4 KiB. The mask ROM programs words of four bytes.
pub const ESP32C3_CHIP: Chip = Chip {
    size: 0x40_0000,
    write_size: 4,
    erase_size: 4096,
    erased: 0xFF,
};

/// Where the processor sees the beginning of the slot that runs: the MMU shows either slot there.
pub const ESP32C3_LOAD_ADDRESS: u32 = 0x4200_0000;

/// The built-in map `esp32c3` of the tool `ota`. It is fixed for the life of a product.
pub const ESP32C3: FlashMap = match FlashMap::new(Layout {
    strategy: Strategy::Ab,
    internal: ESP32C3_CHIP,
    external: None,
    bootloader: Area::internal(0, 0x1_0000),
    journal: Area::internal(0x1_0000, 0x2000),
    banks: [
        Area::internal(0x1_2000, 0x7000),
        Area::internal(0x1_9000, 0x7000),
    ],
    settings: Area::internal(0x3E_0000, 0x2_0000),
    slots: [
        Area::internal(0x2_0000, 0x1E_0000),
        Area::internal(0x20_0000, 0x1E_0000),
    ],
    step: 4096,
}) {
    Ok(map) => map,
    Err(_) => panic!("the map cannot be"),
};

//! What lies where on the flash of some chips.

use ota_bootloader::{Area, Chip, FlashMap, Layout, MapError, Strategy};

use crate::sectors::{F407_SECTORS, F429_SECTORS, Run, SectorMap};

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

/// Where the processor sees the slot of [`L476_DUAL_BANK`] whose bank is in front: applications are
/// linked for it.
pub const L476_DUAL_BANK_LOAD_ADDRESS: u32 = 0x0801_0000;

/// The built-in map `stm32l476-dual-bank` of the tool `ota`: a slot in each bank of 512 KiB, at the
/// same distance from its beginning. Nothing is copied; the banks change places.
pub const L476_DUAL_BANK: FlashMap = match FlashMap::new(Layout {
    strategy: Strategy::Ab,
    internal: L476_CHIP,
    external: None,
    bootloader: Area::internal(0, 0x1_0000),
    journal: Area::internal(0x8_0000, 0x1000),
    banks: [
        Area::internal(0x8_1000, 0x4000),
        Area::internal(0x8_5000, 0x4000),
    ],
    settings: Area::internal(0x8_9000, 0x7000),
    slots: [
        Area::internal(0x1_0000, 0x7_0000),
        Area::internal(0x9_0000, 0x7_0000),
    ],
    step: 4096,
}) {
    Ok(map) => map,
    Err(_) => panic!("the map cannot be"),
};

/// Where the processor sees the beginning of slot 0 of [`G474`]: applications are linked for it.
pub const G474_LOAD_ADDRESS: u32 = 0x0802_0000;

/// An STM32G474xE, 512 KiB in pages of 2 KiB, as the factory delivers it (DBANK set).
pub const G474: FlashMap = match FlashMap::new(Layout {
    strategy: Strategy::Swap,
    internal: Chip {
        size: 0x8_0000,
        ..L476_CHIP
    },
    external: None,
    bootloader: Area::internal(0, 0x1_0000),
    journal: Area::internal(0x1_0000, 0x1000),
    banks: [
        Area::internal(0x1_1000, 0x4000),
        Area::internal(0x1_5000, 0x4000),
    ],
    settings: Area::internal(0x1_9000, 0x7000),
    slots: [
        Area::internal(0x2_0000, 0x2_F000),
        Area::internal(0x4_F000, 0x3_1000), // two steps more
    ],
    step: 4096,
}) {
    Ok(map) => map,
    Err(_) => panic!("the map cannot be"),
};

/// Where the processor sees the beginning of slot 0 of [`F407`]: applications are linked for it.
pub const F407_LOAD_ADDRESS: u32 = 0x0804_0000;

/// An STM32F407xG, 1 MiB: four sectors of 16 KiB, one of 64, seven of 128. Images of up to 256 KiB.
///
/// No sector is left for settings, and each bank has one to itself, as it is erased by itself.
pub const F407: SectorMap = sectored(
    FlashMap::new(Layout {
        strategy: Strategy::Swap,
        internal: sectors(0x10_0000, 0x4000),
        external: Some(sectors(0x10_0000, 0x2_0000)),
        bootloader: Area::internal(0, 0x8000),
        journal: Area::internal(0x8000, 0x8000),
        banks: [
            Area::internal(0x1_0000, 0x1_0000),
            Area::internal(0x2_0000, 0x2_0000),
        ],
        settings: Area::internal(0, 0),
        slots: [
            Area::external(0x4_0000, 0x4_0000),
            Area::external(0x8_0000, 0x8_0000), // two steps more
        ],
        step: 0x2_0000,
    }),
    &F407_SECTORS,
);

/// Where the processor sees the beginning of slot 0 of [`F429`]: applications are linked for it.
pub const F429_LOAD_ADDRESS: u32 = 0x0802_0000;

/// An STM32F429xI or one of its like, 2 MiB in two banks: journal and banks in the small sectors of
/// the second, settings in the 64 KiB sectors of the first. Images of up to 640 KiB.
pub const F429: SectorMap = sectored(
    FlashMap::new(Layout {
        strategy: Strategy::Swap,
        internal: sectors(0x20_0000, 0x4000),
        external: Some(sectors(0x20_0000, 0x2_0000)),
        bootloader: Area::internal(0, 0x1_0000),
        journal: Area::internal(0x10_0000, 0x8000),
        banks: [
            Area::internal(0x10_8000, 0x4000),
            Area::internal(0x10_C000, 0x4000),
        ],
        settings: Area::internal(0x1_0000, 0x1_0000),
        slots: [
            Area::external(0x2_0000, 0xA_0000),
            Area::external(0x12_0000, 0xE_0000), // two steps more
        ],
        step: 0x2_0000,
    }),
    &F429_SECTORS,
);

/// A flash that is programmed in words, in units of these sectors.
const fn sectors(size: u32, erase_size: u32) -> Chip {
    Chip {
        size,
        write_size: 4,
        erase_size,
        erased: 0xFF,
    }
}

const fn sectored(map: Result<FlashMap, MapError>, flash: &[Run]) -> SectorMap {
    let Ok(map) = map else {
        panic!("the map cannot be");
    };
    match SectorMap::new(map, flash) {
        Ok(map) => map,
        Err(_) => panic!("the map does not fit the sectors"),
    }
}

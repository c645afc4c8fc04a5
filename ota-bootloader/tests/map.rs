//! What a flash map accepts, and what it refuses and why: one line a mistake.

use ota_bootloader::{
    Area, Chip, FlashMap, FlashMismatch, Layout, MapError, OneFlash, Strategy, smallest_journal,
};
use ota_sim::{Config, Flash, Nor};

const GOOD: Layout = Layout {
    strategy: Strategy::Swap,
    internal: Chip {
        size: 0x20_0000,
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
};

/// Checked when this file is compiled.
const MAP: FlashMap = match FlashMap::new(GOOD) {
    Ok(map) => map,
    Err(_) => panic!("a good map"),
};

#[test]
fn a_journal_of_tiny_units_needs_a_third_one() {
    let smallest = |unit| {
        let chip = Chip {
            erase_size: unit,
            ..GOOD.internal
        };
        let with = |size| {
            FlashMap::new(Layout {
                internal: chip,
                journal: Area {
                    size,
                    ..GOOD.journal
                },
                ..GOOD
            })
        };
        let size = smallest_journal(unit);
        assert_eq!(with(size - unit).err(), Some(MapError::JournalTooSmall));
        assert!(with(size).is_ok(), "{size} in units of {unit}");
        size / unit
    };
    assert_eq!([128, 256, 512, 4096].map(smallest), [3, 3, 2, 2]);
}

#[test]
fn a_good_map_knows_its_sizes() {
    assert_eq!(MAP.image_capacity(), 0x8_0000);
    assert_eq!(MAP.largest_chunk(), 4096);
    let large = FlashMap::new(Layout {
        step: 0x1_0000,
        slots: [
            Area::internal(0x2_0000, 0x8_0000),
            Area::internal(0xA_0000, 0xA_0000),
        ],
        ..GOOD
    })
    .unwrap();
    assert_eq!(large.largest_chunk(), 16 * 1024);
}

#[test]
fn each_mistake_has_its_own_name() {
    let wrong = |change: fn(&mut Layout)| {
        let mut layout = GOOD;
        change(&mut layout);
        FlashMap::new(layout).unwrap_err()
    };
    let external = Chip {
        size: 0x10_0000,
        write_size: 1,
        erase_size: 4096,
        erased: 0xFF,
    };
    assert_eq!(wrong(|l| l.internal.write_size = 3), MapError::WriteSize);
    assert_eq!(wrong(|l| l.internal.write_size = 64), MapError::WriteSize);
    assert_eq!(wrong(|l| l.internal.write_size = 0), MapError::WriteSize);
    assert_eq!(wrong(|l| l.internal.erase_size = 64), MapError::EraseSize);
    assert_eq!(wrong(|l| l.internal.erase_size = 6144), MapError::EraseSize);
    assert_eq!(wrong(|l| l.slots[0].offset += 1024), MapError::Unaligned);
    assert_eq!(wrong(|l| l.banks[1].size += 512), MapError::Unaligned);
    assert_eq!(wrong(|l| l.banks[1].size = 0), MapError::Unaligned);
    assert_eq!(
        wrong(|l| l.slots[1].offset = 0x1F_F000),
        MapError::OutOfChip
    );
    assert_eq!(
        wrong(|l| l.slots[1].offset = 0xFFFF_F000),
        MapError::OutOfChip
    );
    assert_eq!(
        wrong(|l| l.slots[1].device = ota_bootloader::Device::External),
        MapError::OutOfChip
    );
    assert_eq!(wrong(|l| l.slots[1].offset = 0x9_F000), MapError::Overlap);
    assert_eq!(wrong(|l| l.banks[0] = l.banks[1]), MapError::Overlap);
    assert_eq!(wrong(|l| l.journal.offset = 0xF000), MapError::Overlap);
    assert_eq!(wrong(|l| l.settings.size += 1), MapError::Overlap);
    assert_eq!(wrong(|l| l.settings.offset = 0xFFFF), MapError::Overlap);
    assert_eq!(wrong(|l| l.journal.size = 4096), MapError::JournalTooSmall);
    assert_eq!(wrong(|l| l.step = 0), MapError::Step);
    assert_eq!(wrong(|l| l.step = 2048), MapError::Step);
    assert_eq!(
        wrong(|l| l.slots[1].size = 0x2000),
        MapError::StagingTooSmall
    );
    let small = Chip {
        erase_size: 1024,
        ..GOOD.internal
    };
    let tiny = Layout {
        internal: small,
        banks: [Area::internal(0x1_2000, 1024), GOOD.banks[1]],
        ..GOOD
    };
    assert_eq!(FlashMap::new(tiny), Err(MapError::BankTooSmall));
    let on_both = Layout {
        external: Some(external),
        slots: [GOOD.slots[0], Area::external(0, 0x8_2000)],
        ..GOOD
    };
    assert!(FlashMap::new(on_both).is_ok());
}

#[test]
fn every_number_that_matters_on_flash_changes_the_id() {
    let changes: [fn(&mut Layout); 8] = [
        |l| l.strategy = Strategy::Ab,
        |l| l.step = 8192,
        |l| l.banks[0].size = 0x3000,
        |l| l.banks[1].size = 0x3000,
        |l| l.slots[0].size = 0x7_F000,
        |l| l.slots[1].size = 0x8_1000,
        |l| l.internal.write_size = 8,
        |l| l.internal.erased = 0,
    ];
    let mut ids = vec![MAP.id()];
    for (i, change) in changes.into_iter().enumerate() {
        let mut layout = GOOD;
        change(&mut layout);
        assert_ne!(layout, GOOD, "change {i} changes nothing");
        ids.push(FlashMap::new(layout).unwrap().id());
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn a_map_for_another_flash_is_refused() {
    let mut small = Flash::new(Config::new(0x10_0000, 4, 4096));
    assert_eq!(
        OneFlash::new(Nor::<4, 4096>::new(&mut small), MAP).err(),
        Some(FlashMismatch::Capacity)
    );
    let mut coarse = Flash::new(Config::new(0x20_0000, 4, 8192));
    assert_eq!(
        OneFlash::new(Nor::<4, 8192>::new(&mut coarse), MAP).err(),
        Some(FlashMismatch::EraseSize)
    );
    let mut wide = Flash::new(Config::new(0x20_0000, 8, 4096));
    assert_eq!(
        OneFlash::new(Nor::<8, 4096>::new(&mut wide), MAP).err(),
        Some(FlashMismatch::WriteSize)
    );
    let mut right = Flash::new(Config::new(0x20_0000, 4, 4096));
    assert!(OneFlash::new(Nor::<4, 4096>::new(&mut right), MAP).is_ok());
}

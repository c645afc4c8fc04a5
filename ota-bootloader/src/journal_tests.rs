//! The journal against a plain model, through cuts.

extern crate std;

use std::vec::Vec;

use ota_sim::{Config, Cut, Flash, FlashError, Tear};
use proptest::prelude::*;

use crate::journal::{Journal, KEPT, RENEWED, SAVED, SETTLED};
use crate::record::{RECORD_LEN, Record};
use crate::state::{BootState, Fallback};
use crate::storage::{Geometry, Region, Storage};

/// A flash that is all journal.
struct Only(Flash);

impl Storage for Only {
    type Error = FlashError;

    fn geometry(&self, _: Region) -> Geometry {
        let config = self.0.config();
        Geometry {
            write_size: config.write_size,
            erase_size: config.erase_size,
            size: config.size,
            erased: config.erased,
        }
    }
    fn read(&mut self, _: Region, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.0.read(offset, bytes)
    }
    fn program(&mut self, _: Region, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.0.program(offset, bytes)
    }
    fn erase(&mut self, _: Region, from: u32, to: u32) -> Result<(), FlashError> {
        self.0.erase(from, to)
    }
}

const MAP_ID: u32 = 7;

fn record(n: u32) -> Record {
    Record {
        state: BootState::Confirmed(Fallback::Gone),
        floor: n,
        ..Record::unknown()
    }
}

fn newest(flash: &mut Only) -> Option<u32> {
    Journal::open(flash, MAP_ID)
        .record()
        .map(|record| record.floor)
}

fn geometries() -> impl Iterator<Item = Config> {
    let shapes = [
        (1, 4096, 2),
        (4, 128, 3),
        (8, 2048, 2),
        (16, 256, 4),
        (32, 1024, 2),
    ];
    shapes.into_iter().flat_map(|(write, unit, units)| {
        let config = Config::new(unit * units, write, unit);
        [config, config.with_erased(0), config.with_ecc()]
    })
}

#[test]
fn what_was_written_last_is_read_back_through_every_compaction() {
    for config in geometries() {
        let mut flash = Only(Flash::new(config));
        let mut journal = Journal::open(&mut flash, MAP_ID);
        assert_eq!(journal.record(), None);
        for n in 1..200 {
            journal.write(&mut flash, &record(n), SAVED).unwrap();
            assert_eq!(newest(&mut flash), Some(n));
        }
        // 199 records, none of them skipped.
        let per_unit = config.erase_size / 128;
        assert_eq!(flash.0.stats().erases, u64::from(199u32.div_ceil(per_unit)));
    }
}

#[test]
fn saying_the_same_twice_writes_nothing_but_settling_after_a_reset_does() {
    let mut flash = Only(Flash::new(Config::new(8192, 1, 4096)));
    let mut journal = Journal::open(&mut flash, MAP_ID);
    journal.write(&mut flash, &record(1), SAVED).unwrap();
    let mut count = flash.0.operations();
    let mut written = |flash: &Only| {
        let before = core::mem::replace(&mut count, flash.0.operations());
        flash.0.operations() - before
    };
    journal.write(&mut flash, &record(1), SAVED).unwrap();
    assert_eq!(written(&flash), 0, "the newest record says so");
    journal.write(&mut flash, &record(1), SETTLED).unwrap();
    assert_eq!(written(&flash), 1, "two say so now");
    journal.write(&mut flash, &record(1), SETTLED).unwrap();
    journal.write(&mut flash, &record(1), RENEWED).unwrap();
    assert_eq!(
        written(&flash),
        0,
        "written and read back in this power cycle"
    );
    journal.write(&mut flash, &record(1), KEPT).unwrap();
    assert_eq!(written(&flash), 1, "three say so now");
    let mut reopened = Journal::open(&mut flash, MAP_ID);
    reopened.write(&mut flash, &record(1), SAVED).unwrap();
    reopened.write(&mut flash, &record(1), KEPT).unwrap();
    assert_eq!(written(&flash), 0, "three were found");
    reopened.write(&mut flash, &record(1), SETTLED).unwrap();
    assert_eq!(
        written(&flash),
        3,
        "a place that may be torn, and two that are not"
    );
}

#[test]
fn another_map_is_foreign_and_blank_and_zero_flash_is_empty() {
    let mut flash = Only(Flash::new(Config::new(8192, 1, 4096)));
    assert!(!Journal::open(&mut flash, MAP_ID).foreign());
    Journal::open(&mut flash, MAP_ID)
        .write(&mut flash, &record(1), SAVED)
        .unwrap();
    let other = Journal::open(&mut flash, MAP_ID + 1);
    assert!(other.foreign() && other.record().is_none());
    for byte in [0x00, 0xFF] {
        flash.0.load(0, &[byte; 8192]);
        assert_eq!(newest(&mut flash), None);
    }
}

#[test]
fn every_flipped_bit_of_a_record_makes_it_invalid() {
    let mut flash = Only(Flash::new(Config::new(8192, 1, 4096)));
    let mut journal = Journal::open(&mut flash, MAP_ID);
    journal.write(&mut flash, &record(1), SAVED).unwrap();
    journal.write(&mut flash, &record(2), SAVED).unwrap();
    for bit in 0..RECORD_LEN * 8 {
        let offset = u32::try_from(RECORD_LEN + bit / 8).unwrap();
        let mut byte = [0];
        flash.0.read(offset, &mut byte).unwrap();
        flash.0.corrupt(offset, byte[0] ^ 1 << (bit % 8));
        assert_eq!(newest(&mut flash), Some(1), "bit {bit}");
        flash.0.corrupt(offset, byte[0]);
    }
    assert_eq!(newest(&mut flash), Some(2));
}

#[test]
fn a_copy_of_a_record_in_another_place_does_not_count() {
    let mut flash = Only(Flash::new(Config::new(8192, 1, 4096)));
    let mut journal = Journal::open(&mut flash, MAP_ID);
    journal.write(&mut flash, &record(1), SAVED).unwrap();
    journal.write(&mut flash, &record(2), SAVED).unwrap();
    let mut old = [0; RECORD_LEN];
    flash.0.read(0, &mut old).unwrap();
    for place in 2..64u32 {
        flash.0.load(place * 128, &old);
    }
    assert_eq!(newest(&mut flash), Some(2));
}

#[test]
fn a_unit_that_wears_out_is_passed_over_and_the_last_record_is_never_erased() {
    let mut flash = Only(Flash::new(Config::new(3 * 1024, 4, 1024)));
    flash.0.fail_program(1024..2048);
    let mut journal = Journal::open(&mut flash, MAP_ID);
    for n in 1..=16 {
        journal.write(&mut flash, &record(n), SAVED).unwrap();
    }
    assert_eq!(newest(&mut flash), Some(16));
    flash.0.fail_program(0..3 * 1024);
    for n in 17..40 {
        let _ = journal.write(&mut flash, &record(n), SAVED);
        assert_eq!(newest(&mut flash), Some(16));
    }
}

#[test]
fn a_record_that_does_not_read_back_is_written_again_in_the_next_place() {
    let mut flash = Only(Flash::new(Config::new(8192, 8, 4096)));
    let mut journal = Journal::open(&mut flash, MAP_ID);
    journal.write(&mut flash, &record(1), SAVED).unwrap();
    // Two places that look blank, take a record and hold something else: a reset passes over the
    // first of them.
    for n in 2..4 {
        flash.0.arm(Cut::new(1, Tear::BlankSpoiled));
        assert!(journal.write(&mut flash, &record(n), SAVED).is_err());
        flash.0.power_up();
        journal = Journal::open(&mut flash, MAP_ID);
        assert_eq!(newest(&mut flash), Some(1));
    }
    journal.write(&mut flash, &record(4), SAVED).unwrap();
    assert_eq!(newest(&mut flash), Some(4));
}

#[test]
fn behind_a_place_that_takes_nothing_the_next_unit_is_erased_however_blank_it_reads() {
    let mut flash = Only(Flash::new(Config::new(2 * 1024, 4, 1024)));
    flash.0.fail_program(1024 - 128..1024);
    let mut journal = Journal::open(&mut flash, MAP_ID);
    for n in 1..=8 {
        journal.write(&mut flash, &record(n), SAVED).unwrap();
        // Seven places that work, and the eighth record in the other unit.
        assert_eq!(flash.0.stats().erases, u64::from(1 + n / 8));
    }
    assert_eq!(newest(&mut flash), Some(8));
}

proptest! {
    /// After any cut the journal reads as the last record acknowledged, or as one that was under
    /// way since: what was settled is never taken back.
    #[test]
    fn cuts_take_nothing_back(
        shape in 0..15usize,
        cuts in prop::collection::vec((1..40u64, any::<u64>()), 1..6),
    ) {
        let config = geometries().nth(shape).unwrap();
        let mut flash = Only(Flash::new(config));
        let (mut settled, mut n) = (0, 0);
        let mut seen: Vec<u32> = Vec::new();
        for (operation, seed) in cuts {
            flash.0.arm(Cut::new(operation, Tear::Random(seed)));
            let mut journal = Journal::open(&mut flash, MAP_ID);
            let now = journal.record().map_or(0, |record| record.floor);
            prop_assert!(now >= settled, "{now} after {settled}: {}", flash.0.history());
            while !flash.0.is_off() {
                n += 1;
                if journal.write(&mut flash, &record(n), SETTLED).is_ok() && !flash.0.is_off() {
                    settled = n;
                }
            }
            seen.push(settled);
            flash.0.power_up();
            let read = newest(&mut flash).unwrap_or(0);
            // One that was under way before an earlier cut may surface late.
            prop_assert!((settled..=n).contains(&read), "{read}: {}", flash.0.history());
        }
        prop_assert!(!seen.is_empty());
    }
}

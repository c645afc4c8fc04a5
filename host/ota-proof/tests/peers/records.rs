//! Records of state: torn, rotten, blank.

use ota_bootloader::{BootState, Decision, Index, Region, Strategy};
use ota_testkit::{Geometry, Rig};

use crate::bench::{CRASH, POWER, SMALL, TEARS, device, each_cut, on_trial, release};

/// Journal units of 1 KiB: a new one every 8 records.
const SHORT: Geometry = Geometry {
    erase_size: 1024,
    ..SMALL
};

/// The offset of the newest record.
fn newest(rig: &mut Rig) -> u32 {
    let area = rig.product.map.area(Region::Journal);
    let sequence = |at: u32| {
        let bytes = &rig.flash.bytes()[at as usize..][..128];
        let sequence = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
        (bytes[..4] == *b"OTAJ").then_some((sequence, at))
    };
    let places = (area.offset..area.offset + area.size).step_by(128);
    places.filter_map(sequence).max().expect("a record").1
}

// ESP-IDF: the active `otadata` record is erased, and then written again in the same place.
#[test]
fn the_newest_record_is_not_erased_before_the_next_one_is_whole() {
    let (mut start, _) = device(SHORT);
    let journal = start.product.map.area(Region::Journal).offset;
    let mut erased = 0;
    for n in 2..8 {
        let next = release(n, 5_000);
        start.approve(&next.image);
        let before = start.flash.stats().erases_per_unit;
        let cuts = each_cut(
            &start,
            |rig| {
                let _ = rig.download(&next.package(), 1);
            },
            |_, _, _| true,
            |mut rig, cut| {
                let state = rig.record().state;
                assert!(
                    !matches!(state, BootState::Unknown),
                    "{cut}: the state is lost"
                );
                let Decision::Boot(start) = rig.boot(POWER) else {
                    panic!("{cut}: {:?}", rig.record())
                };
                let runs = if start.trial { n } else { n - 1 };
                assert_eq!(rig.running(), Some(runs), "{cut}");
            },
        );
        assert!(cuts > 100);
        start.download(&next.package(), 1).expect("a download");
        assert!(matches!(start.boot(CRASH), Decision::Boot(start) if start.trial));
        start.confirm().expect("healthy");
        let after = start.flash.stats().erases_per_unit;
        let first = journal as usize / 1024;
        erased += after[first] + after[first + 1] - before[first] - before[first + 1];
    }
    assert!(erased >= 4, "the journal came round: {erased}");
}

// ESP-IDF: the CRC of an `otadata` record covers its sequence only, not its state.
#[test]
fn a_record_with_any_bit_changed_is_not_believed() {
    let (mut start, _, _) = on_trial(SMALL);
    let states: Vec<_> = {
        let trial = start.record().state;
        let at = newest(&mut start);
        let mut former = start.clone();
        former.flash.corrupt(at, 0);
        vec![trial, former.record().state]
    };
    assert_ne!(states[0], states[1]);
    let at = newest(&mut start);
    for bit in 0..128 * 8 {
        let mut rig = start.clone();
        let byte = rig.flash.bytes()[at as usize + bit / 8];
        rig.flash
            .corrupt(at + u32::try_from(bit / 8).unwrap(), byte ^ 1 << (bit % 8));
        assert_eq!(rig.record().state, states[1], "bit {bit}");
    }
}

// esp-bootloader-esp-idf: one bad record, and every call answers `Invalid`.
#[test]
fn one_bad_record_stops_neither_boots_nor_updates() {
    let (mut rig, _, second) = on_trial(SMALL);
    rig.confirm().expect("healthy");
    let at = newest(&mut rig);
    rig.flash.corrupt(at + 5, 0x77);
    assert!(matches!(rig.boot(POWER), Decision::Boot(_)));
    assert!(rig.holds(Index::Zero, 0, &second.image));
    rig.confirm().expect("it says so again");
    rig.download(&release(3, 5_000).package(), 8)
        .expect("a download");
    assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
    assert_eq!(rig.running(), Some(3));
}

// esp-bootloader-esp-idf: sequence and state are written one after the other.
#[test]
fn a_request_is_on_record_whole_or_not_at_all() {
    let (start, old) = device(SMALL);
    let new = release(2, 5_000);
    start.approve(&new.image);
    let cuts = each_cut(
        &start,
        |rig| {
            let _ = rig.download(&new.package(), 8);
        },
        |operation, all, _| operation == all,
        |mut rig, cut| {
            let state = rig.record().state;
            assert!(
                matches!(state, BootState::Downloading | BootState::Staged),
                "{cut}: {state:?}"
            );
            let Decision::Boot(start) = rig.boot(POWER) else {
                panic!("{cut}: {:?}", rig.record())
            };
            let image = if start.trial { &new.image } else { &old.image };
            assert!(rig.holds(Index::Zero, 0, image), "{cut}");
        },
    );
    assert_eq!(cuts, TEARS);
}

// esp-bootloader-esp-idf: with a blank `otadata`, the slot that runs can be the one to be written.
#[test]
fn with_a_blank_journal_a_download_never_goes_where_the_running_image_lies() {
    let (mut rig, _, second) = on_trial(Geometry {
        strategy: Strategy::Ab,
        ..SMALL
    });
    rig.confirm().expect("healthy");
    let journal = rig.product.map.area(Region::Journal);
    let blank = vec![0xFF; journal.size as usize];
    for keep_first in [true, false] {
        let mut rig = rig.clone();
        rig.flash.load(journal.offset, &blank);
        if !keep_first {
            // Only the second image is left.
            let first = rig.product.map.area(Region::Slot(Index::Zero)).offset;
            rig.flash.corrupt(first + 77, 0);
        }
        let Decision::Boot(start) = rig.boot(POWER) else {
            panic!("{:?}", rig.record())
        };
        let running = rig.running().expect("a manifest");
        assert_eq!(running, if keep_first { 1 } else { 2 });
        assert!(keep_first || rig.holds(start.slot, 0, &second.image));
        let at = rig.product.map.area(Region::Slot(start.slot));
        let range = at.offset as usize..(at.offset + at.size) as usize;
        let before = rig.flash.bytes()[range.clone()].to_vec();
        rig.download(&release(3, 12_000).package(), 8)
            .expect("a download");
        assert_eq!(rig.flash.bytes()[range], before);
        assert!(matches!(rig.boot(CRASH), Decision::Boot(next) if next.slot != start.slot));
    }
}

// rustBoot: flags are cleared in place; on flash with ECC a word takes one program.
#[test]
fn no_word_is_programmed_twice_between_two_erases() {
    for (write_size, erased) in [(8, 0xFF), (16, 0xFF), (32, 0xFF), (4, 0x00)] {
        // The flash panics at a second program of a word.
        let (mut rig, _, _) = on_trial(Geometry {
            write_size,
            erased,
            ecc: erased == 0xFF,
            ..SMALL
        });
        rig.confirm().expect("healthy");
        rig.download(&release(3, 9_000).package(), 8)
            .expect("a download");
        for _ in 0..4 {
            rig.boot(CRASH);
        }
        assert_eq!(rig.running(), Some(2), "3 was undone");
        assert!(rig.record().failed[0].is_some());
        assert!(rig.flash.violations().is_empty());
    }
}

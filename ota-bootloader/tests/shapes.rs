//! Images, chunks, words and erase units of every shape: one line a shape.

use ota_bootloader::{Decision, Index, ResetCause, Strategy};
use ota_testkit::{Geometry, Release, Rig, random_image};

const KIB: u32 = 1024;

/// Two updates there, one back: release 1 to 2 to 3, and 3 fails.
fn lives(geometry: Geometry, chunk: u32, lens: [u32; 3]) {
    let mut rig = Rig::new(geometry);
    let releases: Vec<_> = (1..)
        .zip(lens)
        .map(|(n, len)| Release::new(n, random_image(len, n), chunk))
        .collect();
    let [first, second, third] = &releases[..] else {
        unreachable!()
    };
    rig.provision(&first.package());
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(start) if !start.trial));

    let asked = rig.download(&second.package(), 8).unwrap();
    assert_eq!(
        asked as usize,
        second.package().len(),
        "nothing is asked for twice"
    );
    assert!(matches!(rig.boot(ResetCause::Software), Decision::Boot(start) if start.trial));
    assert!(rig.runs(&second.image));
    rig.confirm().unwrap();

    rig.download(&third.package(), 3).unwrap();
    for _ in 0..3 {
        assert!(matches!(rig.boot(ResetCause::Watchdog), Decision::Boot(start) if start.trial));
        assert!(rig.runs(&third.image));
    }
    assert!(matches!(rig.boot(ResetCause::Watchdog), Decision::Boot(start) if !start.trial));
    assert!(rig.runs(&second.image));
}

/// A flash of this word and erase unit, with slots of at least `slot` bytes.
fn flash(write_size: u32, erase_size: u32, slot: u32) -> Geometry {
    let step = erase_size.max(16 * KIB);
    Geometry {
        write_size,
        erase_size,
        step,
        slot: slot.next_multiple_of(step),
        bank: 32 * KIB,
        ..Geometry::small(0)
    }
}

#[test]
fn one_byte_and_512_kib_in_every_chunk_size() {
    for chunk in [1, 2, 4, 8, 16] {
        lives(flash(1, 4 * KIB, 512 * KIB), chunk * KIB, [1, 512 * KIB, 1]);
    }
}

#[test]
fn a_full_slot_and_a_slot_minus_one() {
    let geometry = flash(8, 2 * KIB, 64 * KIB);
    lives(geometry, 4 * KIB, [64 * KIB, 64 * KIB - 1, 64 * KIB]);
    lives(
        Geometry {
            strategy: Strategy::Ab,
            ..geometry
        },
        4 * KIB,
        [64 * KIB, 64 * KIB - 1, 64 * KIB],
    );
}

#[test]
fn every_word_size() {
    for write_size in [1, 2, 4, 8, 16, 32] {
        for ecc in [false, true] {
            lives(
                Geometry {
                    ecc,
                    ..flash(write_size, 4 * KIB, 64 * KIB)
                },
                4 * KIB,
                [30_001, 40_003, 20_007],
            );
        }
    }
}

#[test]
fn erase_units_smaller_and_larger_than_a_chunk() {
    for erase_size in [
        128,
        256,
        KIB,
        2 * KIB,
        4 * KIB,
        16 * KIB,
        64 * KIB,
        128 * KIB,
    ] {
        for chunk in [KIB, 4 * KIB, 16 * KIB] {
            for strategy in [Strategy::Swap, Strategy::Ab] {
                let geometry = Geometry {
                    strategy,
                    write_size: 4,
                    ..flash(4, erase_size, 256 * KIB)
                };
                lives(geometry, chunk, [100_000, 200_001, 50_003]);
            }
        }
    }
}

#[test]
fn a_blank_value_of_zero() {
    lives(
        Geometry {
            erased: 0x00,
            ..flash(4, 256, 64 * KIB)
        },
        2 * KIB,
        [40_001, 50_003, 60_005],
    );
}

#[test]
fn the_old_and_the_new_image_may_have_different_chunk_sizes() {
    let mut rig = Rig::new(flash(4, 4 * KIB, 64 * KIB));
    let old = Release::new(1, random_image(50_000, 1), KIB);
    let new = Release::new(2, random_image(60_000, 2), 16 * KIB);
    rig.provision(&old.package());
    rig.boot(ResetCause::Power);
    rig.download(&new.package(), 8).unwrap();
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(start) if start.trial));
    assert!(rig.holds(Index::Zero, 0, &new.image) && rig.holds(Index::One, 0, &old.image));
}

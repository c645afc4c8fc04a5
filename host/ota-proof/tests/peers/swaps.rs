//! Cuts in a swap, and at its end.

use ota_bootloader::{BootState, Decision, Index, Region};
use ota_sim::{Cut, Interrupted};
use ota_testkit::{Geometry, Rig};

use crate::bench::{CRASH, POWER, SMALL, TEARS, each_cut, on_trial, requested};

fn boot(rig: &mut Rig) {
    rig.boot(CRASH);
}

/// The new image starts, whole, and is not blamed.
fn is_tried(mut rig: Rig, cut: Cut, image: &[u8]) {
    let decision = rig.boot(POWER);
    assert!(
        matches!(decision, Decision::Boot(start) if start.trial),
        "{cut}: {decision:?}"
    );
    assert!(rig.holds(Index::Zero, 0, image), "{cut}");
    let record = rig.record();
    assert!(
        record.failed.iter().all(Option::is_none),
        "{cut}: {record:?}"
    );
}

// embassy-boot: the last progress word, torn, counts as done, and what was never started is reverted.
#[test]
fn a_torn_last_copy_of_a_swap_is_made_again_and_the_update_is_tried() {
    let (start, _, new) = requested(SMALL);
    let cuts = each_cut(
        &start,
        boot,
        // The last page of the last step, and the record behind it.
        |operation, all, _| operation + 1 >= all,
        |rig, cut| is_tried(rig, cut, &new.image),
    );
    assert_eq!(cuts, 2 * TEARS);
}

// MCUboot, swap using scratch: one point in each phase at which a torn erase of the scratch area
// leaves nothing that boots.
#[test]
fn a_torn_erase_anywhere_in_staging_boots_all_the_same() {
    let (start, _, new) = requested(SMALL);
    let staging = start.product.map.area(Region::Slot(Index::One));
    let cuts = each_cut(
        &start,
        boot,
        |_, _, what| matches!(what, Interrupted::Erase { offset } if offset >= staging.offset),
        |rig, cut| is_tried(rig, cut, &new.image),
    );
    assert_eq!(cuts, 3 * TEARS, "one erase of the hole a step");
}

// MCUboot: `copy_done`, torn, reverts an image that never ran.
#[test]
fn a_torn_record_of_the_first_start_reverts_nothing() {
    let (start, _, new) = requested(SMALL);
    let cuts = each_cut(
        &start,
        boot,
        |operation, all, _| operation == all,
        |rig, cut| is_tried(rig, cut, &new.image),
    );
    assert_eq!(cuts, TEARS);
}

// embassy-boot at a write size of 1: a torn magic can read as another one, and starts a second
// swap that boots a corrupt image.
#[test]
fn a_confirmation_torn_at_any_byte_swaps_nothing() {
    let (start, _, new) = on_trial(Geometry {
        write_size: 1,
        ..SMALL
    });
    let slots = start.product.map.area(Region::Slot(Index::Zero)).offset;
    let cuts = each_cut(
        &start,
        |rig| {
            let _ = rig.confirm();
        },
        |_, _, _| true,
        |mut rig, cut| {
            let before = rig.flash.stats().erases_per_unit;
            assert!(matches!(rig.boot(POWER), Decision::Boot(_)), "{cut}");
            assert!(rig.holds(Index::Zero, 0, &new.image), "{cut}");
            let first = slots as usize / 4096;
            let after = rig.flash.stats().erases_per_unit;
            assert_eq!(before[first..], after[first..], "{cut}: no slot is erased");
        },
    );
    assert!(cuts >= TEARS);
}

// embassy-boot: a cut in `mark_booted` shows `Revert` while the new image runs.
#[test]
fn a_cut_in_the_confirmation_leaves_a_trial_or_a_confirmed_image_and_never_a_revert() {
    let (start, _, new) = on_trial(SMALL);
    let cuts = each_cut(
        &start,
        |rig| {
            let _ = rig.confirm();
        },
        |_, _, _| true,
        |mut rig, cut| {
            let Decision::Boot(start) = rig.boot(POWER) else {
                panic!("{cut}: {:?}", rig.record())
            };
            assert_eq!(rig.running(), Some(2), "{cut}");
            let state = rig.record().state;
            let on_trial = matches!(state, BootState::Trial(_));
            assert!(
                on_trial || matches!(state, BootState::Confirmed(_)),
                "{cut}: {state:?}"
            );
            assert_eq!(on_trial, start.trial, "{cut}: what is said is what is");
            rig.confirm().expect("it says so again");
            rig.flash.power_up();
            assert!(matches!(rig.boot(POWER), Decision::Boot(start) if !start.trial));
            assert!(rig.holds(Index::Zero, 0, &new.image), "{cut}");
        },
    );
    assert!(cuts >= TEARS);
}

// rustBoot: a damaged update hangs the boot.
#[test]
fn a_damaged_update_is_refused_and_the_old_image_boots() {
    let (start, old, new) = requested(SMALL);
    let layout = *start.product.map.layout();
    let places = [
        ("image", layout.slots[1].offset + 4096 + 5_000),
        ("first byte", layout.slots[1].offset + 4096),
        ("envelope", layout.banks[1].offset + 40),
        ("signature", layout.banks[1].offset + 1000),
        ("digest table", layout.banks[1].offset + 1024 + 33),
    ];
    for (what, offset) in places {
        let mut rig = start.clone();
        let byte = rig.flash.bytes()[offset as usize];
        rig.flash.corrupt(offset, byte ^ 0x10);
        let decision = rig.boot(CRASH);
        let tolerated = what == "signature" && rig.running() == Some(2);
        assert!(
            matches!(decision, Decision::Boot(start) if start.trial == tolerated),
            "{what}: {decision:?}"
        );
        if tolerated {
            continue;
        }
        assert!(rig.holds(Index::Zero, 0, &old.image), "{what}");
        // And the same release, whole, is welcome.
        rig.download(&new.package(), 8).expect(what);
        assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
    }
}

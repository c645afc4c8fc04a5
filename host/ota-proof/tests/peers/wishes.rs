//! What users ask other bootloaders for.

use ota_bootloader::{BootState, Decision, Fallback, Index, Recovery, Region, TrialLimits};
use ota_testkit::{Geometry, Rig};

use crate::bench::{CRASH, POWER, SMALL, device, on_trial, release, requested};

// embassy-boot swaps the whole slot, whatever the image: 24 seconds, a user says.
#[test]
fn a_swap_touches_only_what_the_images_use() {
    let (mut rig, _, _) = requested(Geometry::small(100));
    let before = rig.flash.stats();
    assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
    let after = rig.flash.stats();
    // Three steps each, of 100 that there is room for.
    assert_eq!(after.erases - before.erases, 2 * 3);
    assert!(after.bytes_read - before.bytes_read < 100 * 4096);
}

// A retry count: most others have one attempt.
#[test]
fn a_release_is_started_as_often_as_the_product_says() {
    for attempts in [1, 2, 5] {
        let (mut rig, first, _) = requested(SMALL);
        rig.product.trial = TrialLimits {
            attempts,
            interruptions: 0,
            crashes: 0,
        };
        for _ in 0..attempts {
            assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
        }
        assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if !start.trial));
        assert!(rig.holds(Index::Zero, 0, &first.image));
    }
}

// A recovery instead of a panic.
#[test]
fn a_blank_flash_ends_in_recovery_with_a_reason() {
    let mut rig = Rig::new(SMALL);
    for _ in 0..3 {
        let Decision::Recovery(reason @ Recovery::NoImage(_)) = rig.boot(POWER) else {
            panic!("nothing to boot")
        };
        assert_ne!(reason.code(), 0);
        assert!(!reason.to_string().is_empty());
    }
}

// ECC faults as values, not as traps.
#[test]
fn what_cannot_be_read_is_damage_like_any_other() {
    let (mut start, first, second) = on_trial(Geometry {
        write_size: 8,
        ecc: true,
        ..SMALL
    });
    start.confirm().expect("healthy");
    let region = |region| start.product.map.area(region).offset;
    let (slot, bank) = (
        region(Region::Slot(Index::Zero)),
        region(Region::Bank(Index::One)),
    );
    for (what, at, runs) in [
        ("image", slot + 4100, &first),
        ("envelope", bank + 8, &first),
        ("digest table", bank + 1024, &second),
        ("journal", region(Region::Journal), &second),
    ] {
        let mut rig = start.clone();
        rig.flash.fail_read(at..at + 8);
        let decision = rig.boot(POWER);
        assert!(
            matches!(decision, Decision::Boot(_)),
            "{what}: {decision:?}"
        );
        assert!(rig.holds(Index::Zero, 0, &runs.image), "{what}");
    }
}

// Success is reported only after the restart and the self-test.
#[test]
fn an_update_counts_as_installed_only_when_the_new_image_says_so() {
    let (mut rig, _) = device(SMALL);
    rig.download(&release(2, 5_000).counter(4).package(), 8)
        .expect("a download");
    assert_eq!(rig.record().state, BootState::Staged);
    assert_eq!(rig.running(), Some(1), "still the old one");
    assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
    assert!(!rig.is_confirmed());
    assert_eq!(rig.record().floor, 0);
    rig.confirm().expect("healthy");
    let state = rig.record().state;
    assert!(matches!(state, BootState::Confirmed(Fallback::Gone)));
    assert_eq!(rig.record().floor, 4);
}

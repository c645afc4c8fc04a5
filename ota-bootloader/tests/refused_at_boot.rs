//! What the bootloader does not start, though it lies on the flash as if it belonged there.
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method itself is not general enough over lifetimes"
)]

use ota_bootloader::{Decision, Recovery, Refusal, ResetCause};
use ota_image::PolicyError;
use ota_testkit::{Geometry, Release, Rig, random_image};

const POWER: ResetCause = ResetCause::Power;

fn release(n: u64) -> Release {
    Release::new(n, random_image(9_000, n), 4096)
}

fn device(first: &Release) -> Rig {
    let mut rig = Rig::new(Geometry::small(3));
    rig.provision(&first.package());
    rig
}

fn refusal(decision: Decision) -> Refusal {
    match decision {
        Decision::Recovery(Recovery::NoImage(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signed_image_below_the_floor_does_not_boot() {
    let mut rig = device(&release(1).counter(4));
    rig.product.floor = 5;
    let below = Refusal::Policy(PolicyError::BelowFloor);
    assert_eq!(refusal(rig.boot(POWER)), below);
    rig.product.floor = 4;
    assert!(matches!(rig.boot(POWER), Decision::Boot(_)));
    // Nor when it booted before, and a hardware counter has risen since.
    rig.product.floor = 5;
    assert_eq!(refusal(rig.boot(POWER)), below);
}

#[test]
fn a_former_image_below_the_floor_is_not_fallen_back_to() {
    let mut rig = device(&release(1).counter(1));
    rig.boot(POWER);
    rig.download(&release(2).counter(2).package(), 8).unwrap();
    rig.boot(POWER);
    rig.updater(|updater, anchors| updater.confirm(anchors))
        .unwrap()
        .unwrap();
    let slot = rig.product.map.layout().slots[0].offset;
    rig.flash.corrupt(slot + 5_000, 0x00);
    assert_eq!(refusal(rig.boot(POWER)), Refusal::Image);
}

#[test]
fn an_image_whose_manifest_was_changed_does_not_boot() {
    let mut rig = device(&release(1));
    let bank = rig.product.map.layout().banks[0].offset;
    // The first byte of the body: the vendor.
    rig.flash.corrupt(bank + 12, 0x00);
    assert!(matches!(refusal(rig.boot(POWER)), Refusal::Envelope(_)));
}

#[test]
fn an_image_for_another_device_does_not_boot() {
    let mut rig = device(&release(1));
    rig.product.hardware = 4;
    assert_eq!(
        refusal(rig.boot(POWER)),
        Refusal::Policy(PolicyError::WrongHardware)
    );
}

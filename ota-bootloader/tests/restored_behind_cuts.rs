//! An image is put together again, the power goes in that work, and staging is used anew.

use ota_bootloader::{BootState, Decision, Index, Region, ResetCause};
use ota_sim::{Cut, Plan, Tear};
use ota_testkit::{Geometry, Release, Rig, Stop, random_image};

const POWER: ResetCause = ResetCause::Power;
const STEPS: u32 = 3;

fn release(n: u64) -> Release {
    Release::new(n, random_image(10_000, n), 4096)
}

/// Release 2 is confirmed and has rotted; release 1 is the fallback.
fn rotten() -> Rig {
    let mut rig = Rig::new(Geometry::small(STEPS));
    rig.provision(&release(1).package());
    rig.boot(POWER);
    rig.download(&release(2).package(), 8).unwrap();
    rig.boot(POWER);
    rig.confirm().unwrap();
    let byte = rig.region(Region::Slot(Index::Zero))[100];
    rig.rot(Region::Slot(Index::Zero), 100, !byte);
    rig
}

/// A download that is cut off when all of staging has been overwritten.
fn overwrite_staging(rig: &mut Rig, id: &str) {
    let mut whole = rig.clone();
    whole.download(&release(3).package(), 8).expect(id);
    let last = whole.operations() - rig.operations();
    rig.flash.arm(Cut::new(last, Tear::Saturated));
    let end = rig.download(&release(3).package(), 8);
    assert_eq!(end, Err(Stop::PowerCut), "{id}");
    rig.power_up();
    assert_eq!(rig.record().state, BootState::Downloading, "{id}");
}

/// Cuts the power in the restoration, then overwrites what it was restored from.
fn holds(start: &Rig, cuts: &[Cut]) -> bool {
    let id = Plan(cuts.to_vec()).to_string();
    let mut rig = start.clone();
    for cut in cuts {
        rig.flash.arm(*cut);
        rig.boot(POWER);
        if !rig.is_off() {
            return false;
        }
        rig.power_up();
    }
    assert!(matches!(rig.boot(POWER), Decision::Boot(_)), "{id}");
    assert!(rig.runs(&release(1).image), "{id}");
    overwrite_staging(&mut rig, &id);
    let decision = rig.boot(POWER);
    assert!(matches!(decision, Decision::Boot(_)), "{id}: {decision:?}");
    assert!(rig.runs(&release(1).image), "{id}");
    true
}

fn operations(start: &Rig) -> u64 {
    let mut whole = start.clone();
    whole.boot(POWER);
    whole.operations() - start.operations()
}

#[test]
fn a_restored_step_is_not_believed_behind_a_cut_until_it_was_restored_again() {
    let start = rotten();
    start.approve(&release(3).image);
    let operations = operations(&start);
    assert!(operations > 10, "{operations}");
    for tear in [Tear::Fading, Tear::Late, Tear::Saturated] {
        for operation in 1..=operations {
            assert!(holds(&start, &[Cut::new(operation, tear)]));
        }
    }
}

#[test]
fn nor_behind_a_second_cut_while_it_is_restored_again() {
    let start = rotten();
    start.approve(&release(3).image);
    let operations = operations(&start);
    let mut fell = 0;
    for first in (1..=operations).rev().step_by(5) {
        for second in 1..=operations {
            let cuts = [first, second].map(|operation| Cut::new(operation, Tear::Fading));
            fell += u32::from(holds(&start, &cuts));
        }
    }
    assert!(fell > 50, "{fell}");
}

#[test]
fn without_a_cut_each_step_is_restored_once() {
    let mut rig = rotten();
    let before = [Index::Zero, Index::One].map(|slot| rig.erases(Region::Slot(slot)));
    assert!(matches!(rig.boot(POWER), Decision::Boot(_)));
    let after = [Index::Zero, Index::One].map(|slot| rig.erases(Region::Slot(slot)));
    assert_eq!(after, [before[0] + STEPS, before[1]]);
}

//! The application leaves a confirmed image for the former one.

use ota_bootloader::{BootState, Failure, Fallback, Index, Reason, Region, RevertError, Strategy};
use ota_testkit::{Rig, Stop};

use crate::device::{
    BOTH, POWER, SOFTWARE, boot, cut_off, factory, install, release, runs, updated,
};

pub fn revert(rig: &mut Rig) -> Result<(), RevertError> {
    rig.updater(|updater, anchors| updater.revert(&anchors.boot()))
        .unwrap()
}

/// A byte of the former image turns into something else.
pub fn rot_former(rig: &mut Rig) {
    let slot = match rig.product.map.strategy() {
        Strategy::Swap => Index::One,
        Strategy::Ab => rig.record().active.other(),
    };
    let byte = rig.region(Region::Slot(slot))[1_500];
    rig.rot(Region::Slot(slot), 1_500, !byte);
}

fn refused(mut rig: Rig, error: RevertError, name: &str) {
    let (record, operations) = (rig.record(), rig.operations());
    assert_eq!(revert(&mut rig), Err(error), "{name}");
    assert_eq!(rig.record(), record, "{name}");
    assert_eq!(rig.operations(), operations, "{name}");
}

#[test]
fn a_confirmed_image_is_left_for_the_former_one_and_not_taken_again() {
    for strategy in BOTH {
        let mut rig = updated(strategy, 0);
        revert(&mut rig).unwrap();
        assert!(rig.runs(&release(1).image) == (strategy == Strategy::Ab));
        assert!(!boot(&mut rig, SOFTWARE));
        assert!(runs(&mut rig, 1));
        let record = rig.record();
        assert_eq!(record.state, BootState::Confirmed(Fallback::Gone));
        let left = record.failed[0].expect("remembered");
        assert_eq!(left.release.sequence, 2);
        assert_eq!(left.reason, Reason::Failed(Failure::Reverted));
        let again = rig.download(&release(2).package(), 8);
        assert_eq!(again, Err(Stop::Refused(0x1112)));
        assert!(!boot(&mut rig, POWER));
        // And life goes on.
        install(&mut rig, 3);
    }
}

#[test]
fn without_a_former_image_a_confirmed_one_is_not_left() {
    for strategy in BOTH {
        let no = RevertError::NoFallback;
        refused(factory(strategy), no, "from the factory");
        let mut downloading = updated(strategy, 0);
        cut_off(&mut downloading, 5);
        refused(downloading, no, "overwritten");
        let mut staged = updated(strategy, 0);
        staged.download(&release(5).package(), 8).unwrap();
        refused(staged, no, "staged");
        let mut rotten = updated(strategy, 0);
        rot_former(&mut rotten);
        refused(rotten, no, "rotten");
        let mut reverted = updated(strategy, 0);
        revert(&mut reverted).unwrap();
        assert!(!boot(&mut reverted, SOFTWARE));
        refused(reverted, no, "reverted");
    }
}

#[test]
fn nor_for_one_below_the_floor() {
    for strategy in BOTH {
        let mut rig = factory(strategy);
        let second = release(2).counter(3);
        rig.download(&second.package(), 8).unwrap();
        assert!(boot(&mut rig, SOFTWARE));
        rig.confirm().unwrap();
        refused(rig, RevertError::NoFallback, "by its successor");
        // A counter in hardware has risen since.
        let mut rig = factory(strategy);
        for n in [2, 3] {
            let release = release(n.into()).counter(n - 1);
            rig.download(&release.package(), 8).unwrap();
            assert!(boot(&mut rig, SOFTWARE));
            rig.confirm().unwrap();
        }
        rig.product.floor = 2;
        refused(rig, RevertError::NoFallback, "in hardware");
    }
}

#[test]
fn nor_on_trial() {
    for strategy in BOTH {
        let mut rig = factory(strategy);
        rig.download(&release(2).package(), 8).unwrap();
        assert!(boot(&mut rig, SOFTWARE));
        refused(rig, RevertError::NotConfirmed, "on trial");
    }
}

/// The decision has been made, and names the former image's bank as the active one.
fn decided(strategy: Strategy) -> (Rig, Region, Region) {
    let mut rig = updated(strategy, 0);
    revert(&mut rig).unwrap();
    let bank = rig.record().active;
    let slot = match strategy {
        Strategy::Swap => Index::One,
        Strategy::Ab => bank,
    };
    (rig, Region::Bank(bank), Region::Slot(slot))
}

#[test]
fn if_the_former_image_rots_before_the_reset_the_confirmed_one_stays() {
    for strategy in BOTH {
        let (_, bank, slot) = decided(strategy);
        let steps = [0, 1_024, 2_048].map(|offset| (slot, offset));
        for (region, offset) in [(bank, 0), (bank, 100), (bank, 400)]
            .into_iter()
            .chain(steps)
        {
            let (mut rig, ..) = decided(strategy);
            let byte = rig.region(region)[offset as usize];
            rig.rot(region, offset, !byte);
            for _ in 0..3 {
                assert!(!boot(&mut rig, SOFTWARE));
                assert!(runs(&mut rig, 2), "{strategy:?}, {region:?}, {offset}");
            }
            install(&mut rig, 3);
        }
    }
}

#[test]
fn a_rotten_digest_table_does_not_keep_the_former_image_from_coming_back() {
    for strategy in BOTH {
        let (mut rig, bank, _) = decided(strategy);
        rig.rot(bank, 1_030, 0);
        for _ in 0..3 {
            assert!(!boot(&mut rig, SOFTWARE));
            assert!(runs(&mut rig, 1), "{strategy:?}");
        }
        install(&mut rig, 3);
    }
}

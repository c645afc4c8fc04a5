//! A confirmed image crashes again and again, and is left by itself.

use ota_bootloader::{BootState, Failure, Fallback, Index, Reason, Region, ResetCause};
use ota_testkit::Rig;

use crate::device::{
    BOTH, POWER, SOFTWARE, WATCHDOG, boot, factory, install, release, runs, updated,
};
use crate::revert::{revert, rot_former};

/// Resets, and says what runs then.
fn after(rig: &mut Rig, causes: &[ResetCause]) -> Option<u64> {
    for cause in causes {
        assert!(!boot(rig, *cause));
    }
    let running = rig.running().expect("a whole envelope");
    assert!(runs(rig, running));
    Some(running)
}

fn alive(rig: &mut Rig) {
    rig.updater(|updater, _| updater.alive()).unwrap().unwrap();
}

#[test]
fn so_many_crashes_in_a_row_bring_the_former_image_back() {
    for strategy in BOTH {
        for crashes in 1..5 {
            for (cause, failure) in [(WATCHDOG, Failure::Watchdog), (SOFTWARE, Failure::Crash)] {
                let mut rig = updated(strategy, crashes);
                for _ in 1..crashes {
                    assert_eq!(after(&mut rig, &[cause]), Some(2));
                }
                assert_eq!(after(&mut rig, &[cause]), Some(1));
                let record = rig.record();
                assert_eq!(record.state, BootState::Confirmed(Fallback::Gone));
                assert_eq!(record.crashes, 0);
                assert_eq!(record.last_problem, u16::from(failure.code()));
                let left = record.failed[0].expect("remembered");
                assert_eq!(left.release.sequence, 2);
                assert_eq!(left.reason, Reason::Failed(failure));
                assert!(rig.download(&release(2).package(), 8).is_err());
                install(&mut rig, 3);
            }
        }
    }
}

#[test]
fn power_and_unknown_resets_neither_count_nor_forget() {
    for strategy in BOTH {
        let mut rig = updated(strategy, 3);
        let harmless = [POWER, ResetCause::Unknown, POWER, POWER];
        assert_eq!(after(&mut rig, &harmless), Some(2));
        assert_eq!(after(&mut rig, &[WATCHDOG, SOFTWARE]), Some(2));
        assert_eq!(after(&mut rig, &harmless), Some(2));
        assert_eq!(after(&mut rig, &[WATCHDOG]), Some(1));
    }
}

#[test]
fn saying_alive_begins_the_count_anew() {
    for strategy in BOTH {
        let mut rig = updated(strategy, 3);
        for _ in 0..4 {
            assert_eq!(after(&mut rig, &[WATCHDOG, WATCHDOG]), Some(2));
            alive(&mut rig);
        }
        assert_eq!(after(&mut rig, &[WATCHDOG, WATCHDOG, POWER]), Some(2));
        assert_eq!(after(&mut rig, &[WATCHDOG]), Some(1));
    }
}

#[test]
fn saying_alive_writes_nothing_if_nothing_crashed() {
    for strategy in BOTH {
        for mut rig in [updated(strategy, 3), updated(strategy, 0)] {
            let operations = rig.operations();
            for _ in 0..3 {
                alive(&mut rig);
                assert!(!boot(&mut rig, POWER));
            }
            assert_eq!(rig.operations(), operations);
        }
    }
}

/// How many operations so many crashes cost, each.
fn costs(rig: &mut Rig, crashes: u32) -> Vec<u64> {
    let cost = |_| {
        let before = rig.operations();
        assert!(!boot(rig, WATCHDOG));
        rig.operations() - before
    };
    (0..crashes).map(cost).collect()
}

#[test]
fn without_a_former_image_crashes_change_nothing_and_write_nothing() {
    for strategy in BOTH {
        let mut rig = factory(strategy);
        rig.product.trial.crashes = 3;
        let record = rig.record();
        assert_eq!(costs(&mut rig, 20), [0; 20]);
        assert_eq!(rig.record(), record);
        assert!(runs(&mut rig, 1));
    }
}

#[test]
fn with_a_rotten_former_image_the_journal_does_not_wear_beyond_the_count() {
    for strategy in BOTH {
        let mut rig = updated(strategy, 3);
        rot_former(&mut rig);
        let costs = costs(&mut rig, 20);
        assert!(costs[..3].iter().all(|cost| *cost > 0), "{costs:?}");
        assert_eq!(costs[3..], [0; 17]);
        assert!(runs(&mut rig, 2));
        assert_eq!(rig.record().failed, [None; 4]);
    }
}

#[test]
fn a_former_image_below_the_floor_is_not_gone_back_to() {
    for strategy in BOTH {
        let mut rig = factory(strategy);
        rig.product.trial.crashes = 2;
        for (n, counter) in [(2, 1), (3, 2)] {
            let release = release(n).counter(counter);
            rig.download(&release.package(), 8).unwrap();
            assert!(boot(&mut rig, SOFTWARE));
            rig.confirm().unwrap();
        }
        rig.product.floor = 2;
        assert_eq!(after(&mut rig, &[WATCHDOG; 5]), Some(3));
    }
}

#[test]
fn unless_the_product_wants_it_no_image_is_left_by_itself_and_nothing_is_counted() {
    for strategy in BOTH {
        let mut rig = updated(strategy, 0);
        assert_eq!(costs(&mut rig, 20), [0; 20]);
        assert!(runs(&mut rig, 2));
        assert_eq!(rig.record().crashes, 0);
    }
}

/// Without a record of it the next boot would undo it, and overwrite the former image.
#[test]
fn a_relapse_that_the_journal_does_not_take_is_none() {
    for strategy in BOTH {
        let mut rig = updated(strategy, 2);
        assert_eq!(after(&mut rig, &[WATCHDOG]), Some(2));
        for unit in 0..rig.product.map.area(Region::Journal).size / 1024 {
            rig.wear_out(Region::Journal, unit, true);
        }
        let slots = [Index::Zero, Index::One].map(Region::Slot);
        let before = slots.map(|slot| rig.region(slot));
        assert_eq!(after(&mut rig, &[WATCHDOG; 5]), Some(2), "{strategy:?}");
        assert!(slots.map(|slot| rig.region(slot)) == before, "{strategy:?}");
    }
}

/// The application's own decision is on record: what the journal does later does not change it.
#[test]
fn a_decision_of_the_application_is_carried_out_even_if_the_journal_dies_behind_it() {
    for strategy in BOTH {
        let mut rig = updated(strategy, 2);
        revert(&mut rig).unwrap();
        for unit in 0..rig.product.map.area(Region::Journal).size / 1024 {
            rig.wear_out(Region::Journal, unit, true);
        }
        assert_eq!(after(&mut rig, &[SOFTWARE, POWER, WATCHDOG]), Some(1));
    }
}

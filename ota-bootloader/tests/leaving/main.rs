//! A release is left: before it runs, or when it is confirmed and turns out bad.
#![allow(unreachable_pub, reason = "the modules of one test")]
mod cuts;
mod device;
mod relapse;
mod revert;

use device::{BOTH, POWER, SOFTWARE, boot, cut_off, factory, install, release, runs, updated};
use ota_bootloader::{BootState, Fallback, RevertError};
use ota_testkit::Rig;

fn cancel(rig: &mut Rig) -> Result<(), RevertError> {
    rig.updater(|updater, _| updater.cancel()).unwrap()
}

/// Releases 1 and 2 ran here; release 5 is on its way, or staged.
fn on_its_way() -> impl Iterator<Item = Rig> {
    BOTH.into_iter().flat_map(|strategy| {
        let mut downloading = updated(strategy, 0);
        cut_off(&mut downloading, 5);
        assert_eq!(downloading.record().state, BootState::Downloading);
        let mut staged = updated(strategy, 0);
        staged.download(&release(5).package(), 8).unwrap();
        assert_eq!(staged.record().state, BootState::Staged);
        [downloading, staged]
    })
}

#[test]
fn a_cancelled_release_makes_room_for_a_lower_one_above_what_runs() {
    for mut rig in on_its_way() {
        cancel(&mut rig).unwrap();
        assert_eq!(rig.record().state, BootState::Confirmed(Fallback::Gone));
        assert!(!boot(&mut rig, SOFTWARE));
        assert!(runs(&mut rig, 2));
        install(&mut rig, 3);
    }
}

#[test]
fn a_cancelled_release_bears_no_blame_and_can_be_had_later() {
    for mut rig in on_its_way() {
        cancel(&mut rig).unwrap();
        assert_eq!(rig.record().failed, [None; 4]);
        install(&mut rig, 5);
    }
}

#[test]
fn a_release_that_the_server_replaced_by_a_lower_one_needs_no_cancelling() {
    for mut rig in on_its_way() {
        let package = release(3).package();
        let begun =
            rig.updater(|updater, anchors| updater.admit(anchors, &package[..1024]).map(|_| ()));
        assert_eq!(begun, Ok(Ok(())));
        install(&mut rig, 3);
    }
}

#[test]
fn a_release_on_trial_is_not_cancelled() {
    for strategy in BOTH {
        let mut rig = factory(strategy);
        rig.download(&release(2).package(), 8).unwrap();
        assert!(boot(&mut rig, SOFTWARE));
        let (record, operations) = (rig.record(), rig.operations());
        assert_eq!(cancel(&mut rig), Err(RevertError::NotConfirmed));
        assert_eq!((rig.record(), rig.operations()), (record, operations));
    }
}

#[test]
fn with_nothing_to_cancel_nothing_is_written_and_the_former_image_stays() {
    for strategy in BOTH {
        let mut rig = updated(strategy, 0);
        let operations = rig.operations();
        for _ in 0..3 {
            assert_eq!(cancel(&mut rig), Ok(()));
            assert!(!boot(&mut rig, POWER));
        }
        assert_eq!(rig.operations(), operations);
        let available = BootState::Confirmed(Fallback::Available);
        assert_eq!(rig.record().state, available);
    }
}

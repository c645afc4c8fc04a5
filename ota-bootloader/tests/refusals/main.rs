//! Bootloader and application were built with different things, so that one refuses what the other
//! takes: no pair of refusals keeps a device busy with resets.
#![allow(unreachable_pub, reason = "the modules of one test")]

mod disagreement;
mod foreseen;

use disagreement::{
    BOTH, Disagreement, OFFERED, RUNNING, assert_quiet, boot, installs, judged, offer, release,
    unforeseen,
};
use ota_bootloader::{AdmitError, Reason};
use ota_testkit::{Rig, Stop};

/// Each disagreement on each kind of device, where the bootloader has refused the release.
fn each_refused(check: impl Fn(&Disagreement, Rig)) {
    for strategy in BOTH {
        for row in unforeseen() {
            let mut rig = row.device(strategy);
            let running = row.running_release();
            let (resets, stop) = offer(&mut rig, &row.offered_release(), &running, row.name);
            assert_eq!((resets, stop), (1, Stop::Refused(0x1117)), "{}", row.name);
            check(&row, rig);
        }
    }
}

#[test]
fn a_release_that_the_bootloader_refuses_costs_one_reset_and_then_nothing() {
    each_refused(|row, mut rig| {
        let offered = row.offered_release();
        let stop = Stop::Refused(0x1117);
        assert_quiet(&mut rig, &offered, &stop, row.name);
        let before = AdmitError::RefusedBefore(row.code);
        assert_eq!(judged(&mut rig, &offered), Some(before), "{}", row.name);
        let record = rig.record();
        let failed: Vec<_> = record.failed.iter().flatten().collect();
        assert_eq!(failed.len(), 1, "{}", row.name);
        assert_eq!(failed[0].release.sequence, OFFERED, "{}", row.name);
        assert_eq!(failed[0].reason, Reason::Refused(row.code), "{}", row.name);
        assert_eq!(record.last_problem, row.code, "{}", row.name);
    });
}

#[test]
fn another_release_above_what_runs_is_taken_at_once_whether_lower_or_higher() {
    each_refused(|row, rig| {
        for n in [RUNNING + 1, OFFERED + 1] {
            let mut rig = rig.clone();
            if row.reconcilable {
                installs(&mut rig, n, row.name);
            } else {
                // No release is for both: the next one costs its one reset as well.
                let running = row.running_release();
                let (resets, stop) = offer(&mut rig, &release(n), &running, row.name);
                assert_eq!((resets, stop), (1, Stop::Refused(0x1117)), "{}", row.name);
            }
            // The refusal is not forgotten over it.
            let offered = judged(&mut rig, &row.offered_release());
            assert!(offered.is_some(), "{}", row.name);
        }
    });
}

#[test]
fn an_explicit_wish_to_try_again_is_granted_once() {
    each_refused(|row, mut rig| {
        rig.updater(|updater, _| updater.forget_failures())
            .unwrap()
            .unwrap();
        let (offered, running) = (row.offered_release(), row.running_release());
        let (resets, stop) = offer(&mut rig, &offered, &running, row.name);
        assert_eq!((resets, stop), (1, Stop::Refused(0x1117)), "{}", row.name);
        assert_quiet(&mut rig, &offered, &Stop::Refused(0x1117), row.name);
    });
}

#[test]
fn a_bootloader_that_was_made_to_agree_takes_it_after_that_wish() {
    each_refused(|row, mut rig| {
        if !row.reconcilable {
            return;
        }
        rig.other_bootloader = None;
        rig.updater(|updater, _| updater.forget_failures())
            .unwrap()
            .unwrap();
        let offered = row.offered_release();
        rig.download(&offered.package(), 8).expect(row.name);
        assert_eq!(boot(&mut rig), Some(true), "{}", row.name);
        assert!(rig.runs(&offered.image), "{}", row.name);
    });
}

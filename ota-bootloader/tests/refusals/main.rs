//! Bootloader and application were built with different things, so that one refuses what the other
//! takes: no pair of refusals keeps a device busy with resets.
#![allow(unreachable_pub, reason = "the modules of one test")]

mod disagreement;
mod foreseen;

use disagreement::{
    BOOT, BOTH, Disagreement, OFFERED, RELEASE, RUNNING, assert_quiet, boot, installs, judged,
    offer, release, revoked, unforeseen,
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

#[test]
fn a_key_that_is_revoked_for_the_bootloader_alone_costs_one_reset_and_then_nothing() {
    for strategy in BOTH {
        let mut rig = revoked(strategy);
        let offered = release(OFFERED).signed_by(&[RELEASE, BOOT]);
        let (resets, stop) = offer(&mut rig, &offered, &release(RUNNING + 1), "revoked");
        assert_eq!((resets, stop.clone()), (1, Stop::Refused(0x1117)));
        let before = AdmitError::RefusedBefore(0x0205);
        assert_eq!(judged(&mut rig, &offered), Some(before));
        assert_quiet(&mut rig, &offered, &stop, "revoked");
        installs(&mut rig, OFFERED - 1, "revoked");
    }
}

/// More of them than are remembered, so that none is known when its turn comes again.
#[test]
fn refused_releases_that_take_turns_are_requested_after_longer_and_longer_pauses() {
    let [row, ..] = unforeseen();
    let mut rig = row.device(BOTH[0]);
    let mut pauses = Vec::new();
    for turn in 0..16 {
        let mut offered = release(OFFERED + turn % 5);
        (row.offered)(&mut offered);
        rig.download(&offered.package(), 8).unwrap();
        pauses.push(rig.updater(|updater, _| updater.reset_pause_s()).unwrap());
        assert_eq!(boot(&mut rig), Some(false));
    }
    assert_eq!(pauses[..5], [0, 0, 0, 60, 120]);
    assert!(
        pauses[2..15].is_sorted_by(|one, next| one < next),
        "{pauses:?}"
    );
    assert_eq!(pauses[14..], [24 * 60 * 60; 2]);
}

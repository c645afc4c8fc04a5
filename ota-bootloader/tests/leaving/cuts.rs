//! The power goes while an image is left.

use ota_bootloader::{BootState, Decision, ResetCause, Strategy};
use ota_sim::{Cut, Plan, Tear};
use ota_testkit::Rig;

use crate::device::{BOTH, POWER, SOFTWARE, WATCHDOG, runs, updated};
use crate::revert::revert;

/// More power cycles than any way back takes.
const MOST_BOOTS: u32 = 16;
/// Power cycles at the end in which nothing may change any more: what a cut left in the balance tips
/// by then.
const QUIET: u32 = 3;

/// What makes the device leave release 2.
#[derive(Clone, Copy, Debug)]
enum Cause {
    /// The application asks for it.
    Revert,
    /// Two crashes in a row.
    Crashes,
}

/// Lives until the former image has been back for some time. How many of the cuts fell.
fn live(rig: &mut Rig, cause: Cause, cuts: &[Cut], id: &str) -> usize {
    rig.arm(Plan(cuts.to_vec()), 0);
    let (mut fell, mut quiet, mut reset) = (0, 0, POWER);
    for _ in 0..MOST_BOOTS {
        let decision = rig.boot(reset);
        if !rig.is_off() {
            reset = application(rig, cause, decision, id);
        }
        if rig.is_off() {
            fell += 1;
            quiet = 0;
            rig.power_up();
            reset = POWER;
        } else if reset == POWER {
            quiet += 1;
            rig.power_up();
        }
        if quiet == QUIET {
            return fell;
        }
    }
    panic!("{id}: no end in {:?}", rig.record());
}

/// What the application does, and the reset that it ends in: by power, where it has arrived.
fn application(rig: &mut Rig, cause: Cause, decision: Decision, id: &str) -> ResetCause {
    assert_eq!(trial(decision), Some(false), "{id}: {decision:?}");
    let running = rig.running().expect(id);
    assert!(runs(rig, running), "{id}: {running} is not whole");
    match (running, cause) {
        (1, _) => {
            assert!(rig.is_confirmed(), "{id}: {:?}", rig.record());
            POWER
        }
        (_, Cause::Crashes) => WATCHDOG,
        (_, Cause::Revert) => {
            let asked = revert(rig);
            assert!(asked.is_ok() || rig.is_off(), "{id}: {asked:?}");
            SOFTWARE
        }
    }
}

const fn trial(decision: Decision) -> Option<bool> {
    match decision {
        Decision::Boot(start) => Some(start.trial),
        Decision::Recovery(_) => None,
    }
}

fn devices() -> impl Iterator<Item = (Rig, Cause, Strategy)> {
    BOTH.into_iter().flat_map(|strategy| {
        [Cause::Revert, Cause::Crashes].map(|cause| (updated(strategy, 2), cause, strategy))
    })
}

/// Operations of an undisturbed way back.
fn operations(start: &Rig, cause: Cause) -> u64 {
    let mut whole = start.clone();
    assert_eq!(live(&mut whole, cause, &[], "undisturbed"), 0);
    whole.operations() - start.operations()
}

fn tears(operation: u64) -> impl Iterator<Item = Tear> {
    let random = (0..4).map(move |seed| Tear::Random(1000 * operation + seed));
    Tear::ALL.into_iter().chain(random)
}

#[test]
fn a_cut_anywhere_on_the_way_back_leaves_a_whole_image_and_ends_in_the_former_one() {
    for (start, cause, strategy) in devices() {
        let operations = operations(&start, cause);
        let least = if strategy == Strategy::Swap { 30 } else { 4 };
        assert!(operations > least, "{strategy:?} {cause:?}: {operations}");
        for operation in 1..=operations {
            for tear in tears(operation) {
                let cut = Cut::new(operation, tear);
                let id = format!("{strategy:?}, {cause:?}, {cut}");
                let mut rig = start.clone();
                assert_eq!(live(&mut rig, cause, &[cut], &id), 1, "{id}");
                assert!(
                    matches!(rig.record().state, BootState::Confirmed(_)),
                    "{id}"
                );
            }
        }
    }
}

#[test]
fn nor_do_two_cuts_cost_an_image() {
    for (start, cause, strategy) in devices() {
        let operations = operations(&start, cause);
        let mut both = 0;
        let mut all_tears = (0..).flat_map(tears);
        let every = if strategy == Strategy::Swap { 3 } else { 1 };
        for first in 1..=operations {
            for second in (1..=operations).filter(|second| (first + second).is_multiple_of(every)) {
                let cuts = [first, second].map(|operation| {
                    let tear = all_tears.next().expect("without end");
                    Cut::new(operation, tear)
                });
                let id = format!("{strategy:?}, {cause:?}, {}", Plan(cuts.to_vec()));
                both += u64::from(live(&mut start.clone(), cause, &cuts, &id) == 2);
            }
        }
        assert!(both > operations, "{both} of {operations}");
    }
}

//! What two cuts in a download leave in the balance: it reads right, and is gone after the next
//! power-up.

use ota_bootloader::{BootState, Decision, Index, ResetCause, Strategy};
use ota_sim::{Cut, Plan, Tear};
use ota_testkit::{Geometry, Release, Rig, Stop, random_image};

const CRASH: ResetCause = ResetCause::Software;

/// Two cuts in the download leave the new image's first step in the balance: it reads right, and
/// is blank after the next power-up. The old image's second step is the same, and is to be saved
/// to that place. The save was once skipped, since the place seemed to hold the step already.
#[test]
fn a_step_that_staging_only_seems_to_hold_is_saved_all_the_same() {
    let kinds = [1, 2, 3].map(|kind| random_image(4096, kind));
    let old = Release::new(1, [&kinds[0][..], &kinds[1]].concat(), 4096);
    let new = Release::new(2, [&kinds[1][..], &kinds[2]].concat(), 4096);
    let mut start = Rig::new(Geometry {
        strategy: Strategy::Swap,
        ..Geometry::small(2)
    });
    start.provision(&old.package());
    start.boot(ResetCause::Power);
    let runs = after_two_cuts(&start, &new, |mut rig, id| {
        assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
        rig.flash.power_up();
        // It crashes until the old one is back, whole.
        let mut boots = 0;
        while rig.running() != Some(1) || !rig.is_confirmed() {
            boots += 1;
            let decision = rig.boot(CRASH);
            assert!(
                boots < 9 && matches!(decision, Decision::Boot(_)),
                "{id}: {decision:?}"
            );
        }
        assert!(rig.holds(Index::Zero, 0, &old.image));
    });
    assert!(runs > 100);
}

/// Behind a cut, only the last chunk that was found used to be written again. But where a cut fell
/// while that was done, and the chunk behind it turned out to be there after all, it was the last
/// but one that was about to change; on an A/B device it runs where it lies.
#[test]
fn every_chunk_that_no_record_counts_is_written_again_behind_a_cut() {
    let new = Release::new(2, random_image(8_000, 2), 4096);
    let next = Release::new(3, random_image(8_000, 3), 4096);
    let mut start = Rig::new(Geometry {
        strategy: Strategy::Ab,
        ..Geometry::small(2)
    });
    start.provision(&Release::new(1, random_image(8_000, 1), 4096).package());
    start.boot(ResetCause::Power);
    let runs = after_two_cuts(&start, &new, |mut rig, id| {
        assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
        rig.confirm().unwrap();
        // The former image goes.
        let begun = rig.updater(|updater, anchors| {
            updater.admit(anchors, &next.package()[..1024]).map(|_| ())
        });
        assert_eq!(begun, Ok(Ok(())), "{id}");
        rig.flash.power_up();
        let decision = rig.boot(ResetCause::Power);
        assert!(matches!(decision, Decision::Boot(_)), "{id}: {decision:?}");
        assert!(rig.runs(&new.image), "{id}");
    });
    assert!(runs > 100);
}

/// Downloads a release through two cuts, the second soon after the power-up, and hands over what
/// comes of each pair. Returns how many.
fn after_two_cuts(start: &Rig, new: &Release, check: impl Fn(Rig, &str)) -> u32 {
    start.approve(&new.image);
    let mut whole = start.clone();
    whole.download(&new.package(), 2).unwrap();
    let operations = whole.flash.operations() - start.flash.operations();
    let mut runs = 0;
    for first in 1..=operations {
        for second in 1..=6 {
            let plan = [first, second].map(|operation| Cut::new(operation, Tear::Late));
            let mut rig = start.clone();
            let mut fell = 0;
            for cut in plan {
                rig.flash.arm(cut);
                fell += u32::from(rig.download(&new.package(), 2) == Err(Stop::PowerCut));
                rig.flash.power_up();
                rig.flash.disarm();
                assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
            }
            let done = rig.download(&new.package(), 2);
            // A cut behind the request: it is installed already.
            if fell == 2 && done.is_ok() && rig.record().state == BootState::Staged {
                check(rig, &Plan(plan.to_vec()).to_string());
                runs += 1;
            }
        }
    }
    runs
}

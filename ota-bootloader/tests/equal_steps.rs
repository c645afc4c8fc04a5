//! Images with equal steps: what staging seems to hold of the one may be left of the other.

use ota_bootloader::{Decision, Index, ResetCause, Strategy};
use ota_sim::Tear;
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
    let mut whole = start.clone();
    whole.download(&new.package(), 2).unwrap();
    let operations = whole.flash.operations() - start.flash.operations();
    let mut fell = 0;
    for first in 1..=operations {
        for second in 1..=6 {
            let mut rig = start.clone();
            for operation in [first, second] {
                rig.flash.arm(ota_sim::Cut::new(operation, Tear::Late));
                if rig.download(&new.package(), 2) == Err(Stop::PowerCut) {
                    fell += 1;
                }
                rig.flash.power_up();
                assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
            }
            rig.flash.disarm();
            rig.download(&new.package(), 2).unwrap();
            assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
            rig.flash.power_up();
            // It crashes until the old one is back, whole.
            let mut boots = 0;
            while rig.running() != Some(1) || !rig.is_confirmed() {
                boots += 1;
                let decision = rig.boot(CRASH);
                assert!(
                    boots < 9 && matches!(decision, Decision::Boot(_)),
                    "{first}:late+{second}:late: {decision:?}"
                );
            }
            assert!(rig.holds(Index::Zero, 0, &old.image));
        }
    }
    assert!(fell > operations, "the cuts fell");
}

//! The envelope of what runs rots: nobody can say any more which releases are newer.

use ota_bootloader::{BootState, Decision, Fallback, Region, ResetCause, Strategy};
use ota_testkit::{Geometry, Release, Rig, Stop, random_image};

const POWER: ResetCause = ResetCause::Power;
const BOTH: [Strategy; 2] = [Strategy::Swap, Strategy::Ab];

fn release(n: u64) -> Release {
    Release::new(n, random_image(10_000, n), 4096)
}

/// A confirmed device with release 3.
fn device(strategy: Strategy) -> Rig {
    let mut rig = Rig::new(Geometry {
        strategy,
        ..Geometry::small(3)
    });
    rig.provision(&release(3).package());
    assert!(matches!(rig.boot(POWER), Decision::Boot(start) if !start.trial));
    rig
}

fn install(rig: &mut Rig, n: u64) {
    rig.download(&release(n).package(), 8).unwrap();
    assert!(matches!(rig.boot(POWER), Decision::Boot(start) if start.trial));
    assert!(rig.runs(&release(n).image));
    rig.confirm().unwrap();
}

fn rot_active_envelope(rig: &mut Rig) {
    let bank = Region::Bank(rig.record().active);
    let byte = rig.region(bank)[100];
    rig.rot(bank, 100, !byte);
    assert_eq!(rig.running(), None);
}

#[test]
fn no_release_takes_the_place_of_the_fallback_of_an_image_whose_envelope_rotted() {
    for strategy in BOTH {
        let mut rig = device(strategy);
        install(&mut rig, 4);
        rot_active_envelope(&mut rig);
        let before = rig.operations();
        for n in [2, 4, 5] {
            let answer = rig.download(&release(n).package(), 8);
            assert_eq!(answer, Err(Stop::Refused(0x1115)), "release {n}");
        }
        assert_eq!(rig.operations(), before);
        // The next boot falls back, and updates go on from there.
        assert!(matches!(rig.boot(POWER), Decision::Boot(start) if !start.trial));
        assert!(rig.runs(&release(3).image));
        install(&mut rig, 5);
    }
}

#[test]
fn without_a_fallback_any_release_mends_an_image_whose_envelope_rotted() {
    for strategy in BOTH {
        let mut rig = device(strategy);
        assert_eq!(rig.record().state, BootState::Confirmed(Fallback::Gone));
        rot_active_envelope(&mut rig);
        install(&mut rig, 2);
    }
}

//! The journal when its flash fails: what it says is not taken back, and a journal that fails
//! costs nobody the firmware that runs.

use ota_bootloader::{Admission, BootState, Decision, ResetCause, TrialLimits, Work};
use ota_image::ENVELOPE_LEN;
use ota_sim::{Cut, Plan, Tear};
use ota_testkit::{Geometry, Release, Rig, random_image};

const STEP: u32 = 1024;

/// A device that swaps, its former release, and one that it is to get.
struct Device {
    rig: Rig,
    old: Release,
    new: Release,
}

impl Device {
    /// Of three steps, with images of so many.
    fn new(old: u32, new: u32) -> Self {
        let geometry = Geometry {
            erase_size: STEP,
            step: STEP,
            slot: 3 * STEP,
            bank: 2048,
            ..Geometry::small(3)
        };
        let image = |steps: u32, seed| random_image(steps * STEP - 300, seed);
        let old = Release::new(1, image(old, 1), STEP);
        let new = Release::new(2, image(new, 2), STEP);
        let mut rig = Rig::new(geometry);
        rig.provision(&old.package());
        let mut device = Self { rig, old, new };
        device.boots(ResetCause::Power);
        device
    }

    fn boots(&mut self, cause: ResetCause) {
        let decision = self.rig.boot(cause);
        assert!(matches!(decision, Decision::Boot(_)), "{decision:?}");
    }

    /// Downloads the new release and asks for it.
    fn stage(&mut self) {
        let package = self.new.package();
        self.rig.download(&package, 2).expect("staged");
        assert_eq!(self.rig.record().state, BootState::Staged);
    }
}

/// Takes a few pieces of a release.
fn begin(rig: &mut Rig, release: &Release) {
    let package = release.package();
    rig.approve(&release.image);
    let begun = rig.updater(|updater, anchors| {
        let admitted = updater.admit(anchors, &package[..ENVELOPE_LEN]);
        let Ok(Admission::Download(mut staging)) = admitted else {
            return;
        };
        let (mut buffer, mut taken) = ([0; 4096], 0);
        while let Ok(work) = updater.poll(&mut staging, &mut buffer, 2) {
            let Work::Fetch(need) = work else { continue };
            let piece = &package[need.offset as usize..][..need.piece as usize];
            taken += 1;
            if updater.accept(&mut staging, piece).is_err() || taken == 2 {
                return;
            }
        }
    });
    begun.expect("a journal");
}

/// A cut in the record of a rollback, one in the rollback itself, and the next download: what
/// boots is whole after every power-up.
#[test]
fn a_rollback_does_not_rest_on_a_record_that_was_written_over_a_torn_place() {
    for (old, new) in [(2, 2), (2, 3), (3, 2), (3, 3)] {
        let mut device = Device::new(old, new);
        device.rig.product.trial = TrialLimits {
            attempts: 1,
            interruptions: 0,
        };
        device.stage();
        device.boots(ResetCause::Software);
        // The journal's operations come first.
        for first in 1..=3 {
            for tear in [Tear::BlankFading, Tear::BlankVanishing] {
                roll_back_behind(&device, Cut::new(first, tear));
            }
        }
    }
}

/// Rolls back with a cut, and a second one in each operation behind it.
fn roll_back_behind(device: &Device, first: Cut) {
    let third = Release::new(3, random_image(2 * STEP, 3), STEP);
    let mut cut = device.rig.clone();
    cut.arm(Plan(vec![first]), 0);
    cut.boot(ResetCause::Power);
    assert!(cut.is_off(), "{first}");
    cut.power_up();
    let mut whole = cut.clone();
    let before = whole.operations();
    whole.boot(ResetCause::Power);
    for second in 1..=whole.operations() - before {
        for tear in [Tear::Fading, Tear::Late, Tear::Saturated] {
            let second = Cut::new(second, tear);
            let mut rig = cut.clone();
            rig.arm(Plan(vec![second]), 0);
            rig.boot(ResetCause::Power);
            for boot in 0..4 {
                rig.power_up();
                let decision = rig.boot(ResetCause::Power);
                let booted = matches!(decision, Decision::Boot(_));
                assert!(
                    booted && rig.runs(&device.old.image),
                    "{first}+{second}, boot {boot}: {decision:?}"
                );
                if boot == 0 {
                    begin(&mut rig, &third);
                }
            }
        }
    }
}

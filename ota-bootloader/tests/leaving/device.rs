//! Devices to leave a release on.

use ota_bootloader::{Decision, ResetCause, Strategy, TrialLimits};
use ota_testkit::{Geometry, Release, Rig, Stop, random_image};

pub const BOTH: [Strategy; 2] = [Strategy::Swap, Strategy::Ab];
pub const POWER: ResetCause = ResetCause::Power;
pub const WATCHDOG: ResetCause = ResetCause::Watchdog;
pub const SOFTWARE: ResetCause = ResetCause::Software;

pub fn release(n: u64) -> Release {
    Release::new(n, random_image(2_500, n), 1024)
}

/// Boots; whether what boots is on trial.
pub fn boot(rig: &mut Rig, cause: ResetCause) -> bool {
    match rig.boot(cause) {
        Decision::Boot(start) => start.trial,
        Decision::Recovery(recovery) => panic!("{recovery}"),
    }
}

/// A device from the factory with release 1, booted once.
pub fn factory(strategy: Strategy) -> Rig {
    let mut rig = Rig::new(Geometry {
        strategy,
        erase_size: 1024,
        step: 1024,
        slot: 3 * 1024,
        bank: 2048,
        ..Geometry::small(3)
    });
    rig.provision(&release(1).package());
    assert!(!boot(&mut rig, POWER));
    rig
}

/// A device that confirmed release 2, and has release 1 to fall back to. It leaves an image after so
/// many crashes.
pub fn updated(strategy: Strategy, crashes: u8) -> Rig {
    let mut rig = factory(strategy);
    rig.product.trial = TrialLimits {
        crashes,
        ..TrialLimits::DEFAULT
    };
    install(&mut rig, 2);
    // What a confirmation leaves to be written is written.
    assert!(!boot(&mut rig, POWER));
    rig
}

pub fn install(rig: &mut Rig, n: u64) {
    rig.download(&release(n).package(), 8).unwrap();
    assert!(boot(rig, SOFTWARE));
    assert!(runs(rig, n));
    rig.confirm().unwrap();
}

pub fn runs(rig: &mut Rig, n: u64) -> bool {
    rig.running() == Some(n) && rig.runs(&release(n).image)
}

/// A download that is cut off in the middle.
pub fn cut_off(rig: &mut Rig, n: u64) {
    rig.flash.arm(ota_sim::Cut::new(12, ota_sim::Tear::Before));
    let end = rig.download(&release(n).package(), 8);
    assert_eq!(end, Err(Stop::PowerCut));
    rig.power_up();
    assert!(!boot(rig, POWER));
}

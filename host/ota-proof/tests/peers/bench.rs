//! A device, and a cut at each operation of something that it does.

use ota_bootloader::{Decision, ResetCause};
use ota_sim::{Cut, Interrupted, Tear};
use ota_testkit::{Geometry, Release, Rig, random_image};

pub(crate) const POWER: ResetCause = ResetCause::Power;
pub(crate) const CRASH: ResetCause = ResetCause::Software;
pub(crate) const SMALL: Geometry = Geometry::small(3);

/// Random tears of each operation, beside the fixed ones.
const RANDOM_TEARS: u32 = 8;
/// How often [`each_cut`] cuts an operation.
pub(crate) const TEARS: u32 = FIXED_TEARS + RANDOM_TEARS;
const FIXED_TEARS: u32 = 18;
const _: () = assert!(Tear::ALL.len() == FIXED_TEARS as usize);

pub(crate) fn release(n: u64, len: u32) -> Release {
    Release::new(n, random_image(len, n), 4096)
}

/// A confirmed device with release 1.
pub(crate) fn device(geometry: Geometry) -> (Rig, Release) {
    let mut rig = Rig::new(geometry);
    let first = release(1, 9_000);
    rig.provision(&first.package());
    assert!(matches!(rig.boot(POWER), Decision::Boot(start) if !start.trial));
    (rig, first)
}

/// The same, with release 2 requested.
pub(crate) fn requested(geometry: Geometry) -> (Rig, Release, Release) {
    let (mut rig, first) = device(geometry);
    let second = release(2, 12_000);
    rig.download(&second.package(), 8).expect("a download");
    (rig, first, second)
}

/// The same, with release 2 started once.
pub(crate) fn on_trial(geometry: Geometry) -> (Rig, Release, Release) {
    let (mut rig, first, second) = requested(geometry);
    assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if start.trial));
    (rig, first, second)
}

/// Does `act` with the power cut at each of its operations that `wanted` names, torn in every
/// fixed way and in some random ones, and hands over what comes up again. Returns how many.
pub(crate) fn each_cut(
    start: &Rig,
    act: impl Fn(&mut Rig),
    wanted: impl Fn(u64, u64, Interrupted) -> bool,
    check: impl Fn(Rig, Cut),
) -> u32 {
    let mut whole = start.clone();
    act(&mut whole);
    let operations = whole.flash.operations() - start.flash.operations();
    let tears = Tear::ALL
        .into_iter()
        .chain((0..RANDOM_TEARS).map(|seed| Tear::Random(seed.into())));
    let mut cuts = 0;
    for operation in 1..=operations {
        for tear in tears.clone() {
            let cut = Cut::new(operation, tear);
            let mut rig = start.clone();
            rig.flash.arm(cut);
            act(&mut rig);
            assert!(rig.flash.is_off(), "{cut}: the cut fell");
            if wanted(operation, operations, rig.flash.interrupted()) {
                rig.flash.power_up();
                check(rig, cut);
                cuts += 1;
            }
        }
    }
    cuts
}

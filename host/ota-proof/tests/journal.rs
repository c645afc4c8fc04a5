//! The journal when its flash fails: what it says is not taken back, and a journal that fails
//! costs nobody the firmware that runs.

use ota_bootloader::{Admission, BootState, Decision, Region, ResetCause, TrialLimits, Work};
use ota_image::ENVELOPE_LEN;
use ota_sim::{Cut, Fault, Plan, Tear, Trouble};
use ota_testkit::{External, Geometry, Holds, Release, Rig, random_image};

const STEP: u32 = 1024;

/// A device that swaps, its former release, and one that it is to get.
#[derive(Clone)]
struct Device {
    rig: Rig,
    old: Release,
    new: Release,
}

impl Device {
    /// Of three steps, with images of so many.
    fn new(old: u32, new: u32) -> Self {
        Self::with(old, new, |_| {})
    }

    /// The same, of another shape.
    fn with(old: u32, new: u32, shape: impl FnOnce(&mut Geometry)) -> Self {
        let mut geometry = Geometry {
            erase_size: STEP,
            step: STEP,
            slot: 3 * STEP,
            bank: 2048,
            ..Geometry::small(3)
        };
        shape(&mut geometry);
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

    /// Whether one of the two images is whole in the active slot.
    fn runs_something(&mut self) -> bool {
        self.rig.runs(&self.old.image) || self.rig.runs(&self.new.image)
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
            crashes: 0,
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

/// The other unit of a journal that is full dies, in every state that a boot has to record
/// something in: what is whole boots, and does so again.
#[test]
fn a_journal_that_is_worn_out_costs_nobody_the_firmware_that_runs() {
    let confirmed = Device::new(2, 2);
    let mut staged = confirmed.clone();
    staged.stage();
    let mut on_trial = staged.clone();
    on_trial.boots(ResetCause::Software);
    let mut broken = Vec::new();
    for (state, device) in [
        ("confirmed", confirmed),
        ("staged", staged),
        ("on trial", on_trial),
    ] {
        for dead in [false, true] {
            let mut device = device.clone();
            device.rig.fill_journal(0);
            device.rig.wear_out(Region::Journal, 1, dead);
            for boot in 0..6 {
                let decision = device.rig.boot(ResetCause::Power);
                if !matches!(decision, Decision::Boot(_)) || !device.runs_something() {
                    broken.push(format!("{state}, dead: {dead}, boot {boot}: {decision:?}"));
                    break;
                }
                device.rig.power_up();
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn an_erase_of_the_journal_that_fails_once_costs_no_boot_and_no_update() {
    let mut device = Device::new(2, 2);
    device.stage();
    device.rig.fill_journal(0);
    let fails = Fault::new(1, Trouble::FailedErase);
    device.rig.arm_fault(Region::Journal, fails);
    device.boots(ResetCause::Software);
    assert!(device.runs_something());
    assert_eq!(device.rig.flash.struck(), 1);
    device.boots(ResetCause::Software);
    assert!(device.rig.runs(&device.new.image));
}

/// However many records the journal still takes: what was asked for is carried out, or it is
/// refused.
#[test]
fn an_update_that_a_worn_journal_cannot_carry_through_is_refused() {
    let mut refused = 0;
    for room in 0..7 {
        let mut device = Device::new(2, 2);
        device.rig.fill_journal(room);
        device.rig.wear_out(Region::Journal, 1, true);
        let package = device.new.package();
        let requested = device.rig.download(&package, 2);
        for boot in 0..3 {
            let decision = device.rig.boot(ResetCause::Software);
            let booted = matches!(decision, Decision::Boot(_));
            assert!(booted, "room for {room}, boot {boot}: {decision:?}");
            assert!(device.runs_something(), "room for {room}, boot {boot}");
        }
        refused += u32::from(requested.is_err());
    }
    assert!(refused > 0, "with no room at all there is no update");
}

/// A cut in the record of a confirmation, and then a confirmation that is acknowledged.
#[test]
fn a_confirmation_that_was_acknowledged_is_not_taken_back_by_the_cut_before_it() {
    let mut device = Device::new(2, 2);
    // As high as the release's: confirming does not raise it.
    device.rig.product.floor = 1;
    device.stage();
    device.boots(ResetCause::Software);
    let mut whole = device.rig.clone();
    let before = whole.operations();
    whole.confirm().expect("confirmed");
    let mut taken_back = Vec::new();
    for operation in 1..=whole.operations() - before {
        for tear in Tear::ALL.into_iter().chain((0..200).map(Tear::Random)) {
            let mut rig = device.rig.clone();
            rig.arm(Plan(vec![Cut::new(operation, tear)]), 0);
            assert!(rig.confirm().is_err() || rig.is_off());
            rig.power_up();
            let decision = rig.boot(ResetCause::Power);
            assert!(matches!(decision, Decision::Boot(_)), "{decision:?}");
            if rig.confirm().is_err() {
                continue;
            }
            for _ in 0..3 {
                rig.power_up();
                if !rig.is_confirmed() {
                    taken_back.push(format!("{operation}:{tear}"));
                    break;
                }
                rig.boot(ResetCause::Power);
            }
        }
    }
    let count = taken_back.len();
    assert!(taken_back.is_empty(), "{count} taken back: {taken_back:?}");
}

/// Every bit of the newest record, one at a time.
fn each_bit(rig: &mut Rig) -> impl Iterator<Item = (u32, u8)> + use<> {
    let (at, record) = rig.newest_record();
    let end = at + u32::try_from(record.len()).expect("a record is short");
    (at..end).flat_map(|byte| (0..8).map(move |bit| (byte, bit)))
}

#[test]
fn a_bit_that_rots_in_the_newest_record_takes_back_no_confirmation_and_no_floor() {
    let mut device = Device::new(2, 2);
    device.stage();
    device.boots(ResetCause::Software);
    device.rig.confirm().expect("confirmed");
    let (mut lost, mut bits) = (Vec::new(), 0);
    for (byte, bit) in each_bit(&mut device.rig) {
        let mut rig = device.rig.clone();
        rig.flip(Region::Journal, byte, bit);
        let record = rig.record();
        let decision = rig.boot(ResetCause::Power);
        let whole = matches!(decision, Decision::Boot(_)) && rig.runs(&device.new.image);
        bits += 1;
        if !whole || !matches!(record.state, BootState::Confirmed(_)) || record.floor < 1 {
            lost.push((byte, bit, record.state, record.floor));
        }
    }
    let first = lost.first();
    assert!(first.is_none(), "{} of {bits}, as {first:?}", lost.len());
}

#[test]
fn a_bit_that_rots_in_the_newest_record_gives_back_no_start_of_a_trial() {
    let mut device = Device::new(2, 2);
    device.stage();
    let attempts = u32::from(device.rig.product.trial.attempts);
    let mut most = 0;
    for rots_after in 1..attempts {
        let mut before = device.rig.clone();
        before.boot(ResetCause::Software);
        for _ in 1..rots_after {
            before.boot(ResetCause::Watchdog);
        }
        for (byte, bit) in each_bit(&mut before).step_by(7) {
            let mut rig = before.clone();
            rig.flip(Region::Journal, byte, bit);
            let mut starts = rots_after;
            while let Decision::Boot(start) = rig.boot(ResetCause::Watchdog)
                && start.trial
            {
                starts += 1;
            }
            most = most.max(starts);
        }
    }
    assert_eq!(most, attempts, "starts of a trial");
}

/// The journal does not answer during one boot: on the device's own flash, and on a chip of its
/// own.
#[test]
fn a_journal_that_cannot_be_read_is_no_journal_that_is_lost() {
    for external in [false, true] {
        let mut device = Device::with(2, 2, |geometry| {
            geometry.external = external.then_some(External {
                write_size: 1,
                erase_size: STEP,
                erased: 0xFF,
                ecc: false,
                holds: Holds::Journal,
            });
        });
        device.stage();
        device.boots(ResetCause::Software);
        device.rig.confirm().expect("confirmed");
        device.boots(ResetCause::Power);
        let record = device.rig.record();
        let operations = device.rig.operations();
        let journal = device.rig.product.map.area(Region::Journal).size;
        let reads = if external { u32::MAX } else { journal / 128 };
        let silent = Fault::new(1, Trouble::FailedReads(reads));
        device.rig.arm_fault(Region::Journal, silent);
        let decision = device.rig.boot(ResetCause::Power);
        device.rig.mend();
        assert_eq!(
            device.rig.operations(),
            operations,
            "{decision:?} and nothing erased or programmed"
        );
        assert!(device.rig.runs(&device.new.image), "{decision:?}");
        device.boots(ResetCause::Power);
        assert!(device.rig.runs(&device.new.image));
        assert_eq!(device.rig.record(), record);
    }
}

#[test]
fn a_forged_record_of_the_highest_sequence_does_not_block_the_journal() {
    for sequence in [u32::MAX, u32::MAX - 1, u32::MAX - 8, u32::MAX - 17] {
        let mut device = Device::new(2, 2);
        device.rig.forge_record(sequence);
        device.boots(ResetCause::Power);
        device.stage();
        device.boots(ResetCause::Software);
        assert!(device.rig.runs(&device.new.image), "{sequence:#x}");
        device.rig.confirm().expect("confirmed");
        device.rig.power_up();
        device.boots(ResetCause::Power);
        assert!(device.rig.is_confirmed(), "{sequence:#x}");
        assert!(device.rig.runs(&device.new.image), "{sequence:#x}");
    }
}

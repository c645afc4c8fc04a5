//! A device's life, release after release, on a flash where nothing goes wrong.

use ota_bootloader::{
    BootState, Decision, Failure, Fallback, Index, Reason, Recovery, ReleaseTag, ResetCause, Start,
    Strategy,
};
use ota_testkit::{Geometry, LOAD_ADDRESS, Release, Rig, Stop, random_image};

const POWER: ResetCause = ResetCause::Power;

fn started(trial: bool) -> Decision {
    Decision::Boot(Start {
        slot: Index::Zero,
        load_address: LOAD_ADDRESS,
        trial,
    })
}

fn release(n: u64, len: u32) -> Release {
    Release::new(n, random_image(len, n), 4096)
}

/// A confirmed device with release 1, and its image.
fn device() -> (Rig, Vec<u8>) {
    let mut rig = Rig::new(Geometry::small(4));
    let first = release(1, 10_000);
    rig.provision(&first.package());
    assert_eq!(rig.boot(POWER), started(false));
    (rig, first.image)
}

#[test]
fn a_new_device_boots_its_image_as_confirmed_without_a_fallback() {
    let (mut rig, image) = device();
    assert_eq!(rig.record().state, BootState::Confirmed(Fallback::Gone));
    assert!(rig.holds(Index::Zero, 0, &image));
}

#[test]
fn an_ordinary_boot_writes_nothing() {
    let (mut rig, _) = device();
    let before = rig.flash.operations();
    for _ in 0..3 {
        assert_eq!(rig.boot(POWER), started(false));
    }
    assert_eq!(rig.flash.operations(), before);
}

#[test]
fn a_healthy_release_is_swapped_in_tried_and_confirmed() {
    let (mut rig, old) = device();
    let new = release(2, 12_345);
    rig.download(&new.package(), 8).unwrap();
    assert_eq!(rig.record().state, BootState::Staged);
    assert_eq!(rig.boot(ResetCause::Software), started(true));
    assert!(rig.holds(Index::Zero, 0, &new.image));
    assert!(rig.holds(Index::One, 0, &old));
    let confirmed = rig.confirm().unwrap();
    assert_eq!(confirmed.fallback, Fallback::Available);
    assert_eq!(rig.boot(POWER), started(false));
    assert_eq!(
        rig.record().state,
        BootState::Confirmed(Fallback::Available)
    );
}

#[test]
fn a_release_that_crashes_is_rolled_back_after_its_attempts_and_not_taken_again() {
    let (mut rig, old) = device();
    let bad = release(2, 16_000);
    rig.download(&bad.package(), 8).unwrap();
    for _ in 0..3 {
        assert_eq!(rig.boot(ResetCause::Software), started(true));
    }
    assert_eq!(rig.boot(ResetCause::Software), started(false));
    assert!(rig.holds(Index::Zero, 0, &old));
    let record = rig.record();
    let failed: Vec<_> = record
        .failed
        .iter()
        .flatten()
        .map(|f| (f.release.sequence, f.reason))
        .collect();
    assert_eq!(failed, [(2, Reason::Failed(Failure::Crash))]);
    assert_eq!(record.state, BootState::Confirmed(Fallback::Gone));
    assert_eq!(rig.download(&bad.package(), 8), Err(Stop::Refused(0x1112)));
    // A corrected one is welcome.
    rig.download(&release(3, 9_000).package(), 8).unwrap();
    assert_eq!(rig.boot(POWER), started(true));
}

#[test]
fn each_way_to_fail_is_told_apart() {
    for (cause, give_up, failure) in [
        (ResetCause::Software, false, Failure::Crash),
        (ResetCause::Watchdog, false, Failure::Watchdog),
        (ResetCause::Unknown, false, Failure::Unknown),
        (ResetCause::Software, true, Failure::GaveUp),
    ] {
        let (mut rig, _) = device();
        rig.download(&release(2, 5_000).package(), 8).unwrap();
        for _ in 0..3 {
            assert_eq!(rig.boot(cause), started(true));
            if give_up {
                rig.updater(|updater, _| updater.give_up())
                    .unwrap()
                    .unwrap();
            }
        }
        assert_eq!(rig.boot(cause), started(false));
        assert_eq!(rig.record().last_problem, u16::from(failure.code()));
    }
}

#[test]
fn pulling_the_plug_during_a_trial_costs_no_attempt_within_bounds() {
    let (mut rig, _) = device();
    rig.download(&release(2, 5_000).package(), 8).unwrap();
    assert_eq!(rig.boot(ResetCause::Software), started(true));
    for _ in 0..3 {
        assert_eq!(rig.boot(POWER), started(true));
        let BootState::Trial(trial) = rig.record().state else {
            panic!("on trial")
        };
        assert_eq!(trial.attempts_left, 2);
    }
    // The bound: from here on it costs attempts, and ends.
    for _ in 0..2 {
        assert_eq!(rig.boot(POWER), started(true));
    }
    assert_eq!(rig.boot(POWER), started(false));
    assert_eq!(
        rig.record().last_problem,
        u16::from(Failure::Interrupted.code())
    );
}

#[test]
fn confirmation_raises_the_floor_and_says_when_that_retires_the_fallback() {
    let (mut rig, _) = device();
    let new = release(2, 5_000).counter(7);
    rig.download(&new.package(), 8).unwrap();
    assert_eq!(rig.boot(POWER), started(true));
    assert_eq!(rig.record().floor, 0, "not at promotion");
    let confirmed = rig.confirm().unwrap();
    assert_eq!((confirmed.floor, confirmed.fallback), (7, Fallback::Gone));
    let old = release(3, 5_000).counter(6);
    assert_eq!(
        rig.download(&old.package(), 8),
        Err(Stop::Refused(ota_image::PolicyError::BelowFloor.code()))
    );
}

#[test]
fn an_older_a_same_and_a_foreign_release_are_refused_and_nothing_is_written() {
    let (mut rig, _) = device();
    rig.download(&release(5, 5_000).package(), 8).unwrap();
    rig.boot(POWER);
    rig.confirm().unwrap();
    let before = rig.flash.operations();
    assert_eq!(
        rig.download(&release(4, 5_000).package(), 8),
        Err(Stop::Refused(0x1111))
    );
    assert_eq!(
        rig.download(&release(5, 5_001).package(), 8),
        Err(Stop::Refused(0x1111))
    );
    assert!(
        rig.download(&release(5, 5_000).package(), 8).is_ok(),
        "up to date"
    );
    let mut foreign = release(6, 5_000);
    foreign.manifest.vendor = [1; 16];
    assert!(matches!(
        rig.download(&foreign.package(), 8),
        Err(Stop::Refused(_))
    ));
    assert_eq!(rig.flash.operations(), before);
}

#[test]
fn a_download_begins_only_on_a_confirmed_image() {
    let (mut rig, _) = device();
    rig.download(&release(2, 5_000).package(), 8).unwrap();
    rig.boot(POWER);
    assert_eq!(
        rig.download(&release(3, 5_000).package(), 8),
        Err(Stop::Refused(0x1113))
    );
}

#[test]
fn bit_rot_in_the_active_image_brings_the_fallback_back_without_blame() {
    let (mut rig, old) = device();
    rig.download(&release(2, 12_000).package(), 8).unwrap();
    rig.boot(POWER);
    rig.confirm().unwrap();
    let slot = rig.product.map.layout().slots[0].offset;
    rig.flash.corrupt(slot + 5_000, 0x00);
    assert_eq!(rig.boot(POWER), started(false));
    assert!(rig.holds(Index::Zero, 0, &old));
    assert!(rig.record().failed.iter().all(Option::is_none));
}

#[test]
fn bit_rot_without_a_fallback_ends_in_recovery_with_the_reason() {
    let (mut rig, _) = device();
    let slot = rig.product.map.layout().slots[0].offset;
    rig.flash.corrupt(slot + 5_000, 0x00);
    let Decision::Recovery(Recovery::NoImage(refusal)) = rig.boot(POWER) else {
        panic!("must not boot")
    };
    assert_eq!(refusal.code(), 0x1003);
}

#[test]
fn bit_rot_in_an_untried_image_costs_nothing_but_a_download() {
    let (mut rig, old) = device();
    let new = release(2, 12_000);
    rig.download(&new.package(), 8).unwrap();
    let staging = rig.product.map.layout().slots[1].offset;
    rig.flash.corrupt(staging + 4096 + 5_000, 0x00);
    assert_eq!(rig.boot(POWER), started(false));
    assert!(rig.holds(Index::Zero, 0, &old));
    assert!(rig.record().failed.iter().all(Option::is_none));
    // Only the chunk that rotted is fetched again.
    let asked = rig.download(&new.package(), 8).unwrap();
    assert!(asked < 1024 + 128 + 2 * 4096, "{asked}");
    assert_eq!(rig.boot(POWER), started(true));
}

#[test]
fn a_lost_journal_goes_back_to_the_release_that_was_confirmed_for_certain() {
    let (mut rig, old) = device();
    rig.download(&release(2, 12_000).package(), 8).unwrap();
    rig.boot(POWER);
    let journal = rig.product.map.layout().journal;
    rig.flash
        .load(journal.offset, &vec![0; journal.size as usize]);
    assert_eq!(rig.boot(POWER), started(false));
    assert!(rig.holds(Index::Zero, 0, &old));
}

#[test]
fn a_b_switches_without_copying_and_switches_back() {
    let mut rig = Rig::new(Geometry {
        strategy: Strategy::Ab,
        ..Geometry::small(4)
    });
    let first = release(1, 10_000);
    rig.provision(&first.package());
    assert_eq!(rig.boot(POWER), started(false));
    let new = release(2, 12_345);
    rig.download(&new.package(), 8).unwrap();
    let in_b = Decision::Boot(Start {
        slot: Index::One,
        load_address: LOAD_ADDRESS,
        trial: true,
    });
    let erases = rig.flash.stats().erases;
    assert_eq!(rig.boot(POWER), in_b);
    assert!(
        rig.flash.stats().erases <= erases + 1,
        "only the journal may need one"
    );
    for _ in 0..2 {
        assert_eq!(rig.boot(ResetCause::Watchdog), in_b);
    }
    assert_eq!(rig.boot(ResetCause::Watchdog), started(false));
    assert_eq!(
        rig.record().failure_of(&ReleaseTag {
            sequence: 2,
            ..rig.record().candidate
        }),
        Some(Reason::Failed(Failure::Watchdog))
    );
}

#[test]
fn an_update_of_512_kib_costs_two_erases_a_step_and_less_than_one_for_the_journal() {
    let mut rig = Rig::new(Geometry::small(128));
    rig.provision(&release(1, 512 * 1024).package());
    rig.boot(POWER);
    let journal = rig.product.map.layout().journal.offset / 4096;
    let before = rig.flash.stats();
    let updates = 8;
    for n in 2..2 + updates {
        rig.download(&release(n, 512 * 1024).package(), 8).unwrap();
        assert_eq!(rig.boot(ResetCause::Software), started(true));
        rig.confirm().unwrap();
    }
    let after = rig.flash.stats();
    let of =
        |unit: u32| after.erases_per_unit[unit as usize] - before.erases_per_unit[unit as usize];
    let journal_erases = of(journal) + of(journal + 1);
    assert!(
        u64::from(journal_erases) < updates,
        "{journal_erases} erases of the journal in {updates} updates"
    );
    let all = after.erases - before.erases;
    // Staging once, swap twice, and the two units of a bank.
    assert_eq!(
        all,
        updates * (128 + 2 * 128 + 2) + u64::from(journal_erases)
    );
}

#[test]
fn a_rotten_digest_table_never_costs_the_image_that_it_describes() {
    let (mut rig, old) = device();
    rig.download(&release(2, 12_000).package(), 8).unwrap();
    let bank = rig.product.map.layout().banks[0].offset;
    rig.flash.corrupt(bank + 1024 + 5, 0x00);
    // The images cannot change places: the update is refused, and what runs goes on running.
    assert_eq!(rig.boot(ResetCause::Software), started(false));
    assert!(rig.holds(Index::Zero, 0, &old));
    let record = rig.record();
    assert_eq!(record.last_problem, 0x1004);
    assert!(record.failed.iter().all(Option::is_none));
}

#[test]
fn a_worn_out_journal_does_not_keep_a_confirmed_image_from_booting() {
    let (mut rig, old) = device();
    rig.download(&release(2, 12_000).package(), 8).unwrap();
    let layout = *rig.product.map.layout();
    rig.flash.corrupt(layout.slots[1].offset + 4096, 0x00);
    rig.flash
        .fail_program(layout.journal.offset..layout.journal.offset + layout.journal.size);
    assert_eq!(rig.boot(POWER), started(false));
    assert!(rig.holds(Index::Zero, 0, &old));
}

#[test]
fn records_of_another_map_are_gone_after_a_few_boots() {
    let (mut rig, _) = device();
    let journal = rig.product.map.layout().journal.offset;
    let mut record = [0; 128];
    rig.flash.read(journal, &mut record).unwrap();
    // The same device with another step, so another map; its journal still has the old records.
    let mut other = Rig::new(Geometry {
        step: 8192,
        slot: 4 * 8192,
        ..Geometry::small(4)
    });
    other.provision(&release(1, 10_000).package());
    other.flash.load(journal + 4096, &record);
    assert!(matches!(other.boot(POWER), Decision::Boot(_)));
    for _ in 0..2 {
        other.boot(POWER);
    }
    other.download(&release(2, 5_000).package(), 8).unwrap();
    let before = other.flash.operations();
    assert!(matches!(other.boot(POWER), Decision::Boot(start) if start.trial));
    other.confirm().unwrap();
    let after = other.flash.operations();
    assert!(after > before);
    other.boot(POWER);
    assert_eq!(
        other.flash.operations(),
        after,
        "and then boots write nothing again"
    );
}

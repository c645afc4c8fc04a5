//! What is known of a release before anything is recorded costs nothing: not even the former image.

mod support;

use ota_bootloader::{
    AdmitError, BootState, Decision, Fallback, MAX_SEQUENCE_STEP, ResetCause, WorkError,
};
use ota_client::{Config, Download, Failure, Fault, Outcome};
use ota_testkit::{Geometry, Release, Rig, random_image};
use support::{CONFIG, Clock, End, Server, assert_runs, attempt, device, release};

const LENGTH: u32 = 6_000;

/// A device that confirmed release 2, and has release 1 to fall back to.
fn updated() -> Rig {
    let mut rig = device(Geometry::small(8));
    install(&mut rig, &release(2, LENGTH, 1024));
    // What a confirmation leaves to be written is written.
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    rig
}

fn install(rig: &mut Rig, release: &Release) {
    rig.approve(&release.image);
    let end = attempt(rig, &mut Server::new(&release.package()), CONFIG);
    assert_eq!(end, Ok(End::Requested));
    assert_runs(rig, &release.image);
    rig.confirm().expect("on trial");
}

/// Two attempts that fail so, and nothing was recorded or written; then an honest server succeeds.
fn costs_nothing(
    rig: &mut Rig,
    failure: Failure,
    right: &Release,
    mut attempt: impl FnMut(&mut Rig) -> Failure,
) {
    let (record, operations) = (rig.record(), rig.operations());
    assert_eq!(record.state, BootState::Confirmed(Fallback::Available));
    for _ in 0..2 {
        assert_eq!(attempt(rig), failure);
        assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    }
    assert_eq!(rig.record(), record);
    assert_eq!(rig.operations(), operations);
    install(rig, right);
}

fn failure_of(rig: &mut Rig, file: &[u8]) -> Failure {
    let end = attempt(rig, &mut Server::new(file), CONFIG);
    end.expect_err("not to be taken").failure
}

#[test]
fn a_file_shorter_or_longer_than_its_manifest_says_costs_nothing() {
    let right = release(3, LENGTH, 1024);
    let package = right.package();
    let wrong = Failure::Fault(Fault::WrongTotal);
    for length in [1_024, 1_025, package.len() - 1, package.len() + 1, 100_000] {
        let mut file = package.clone();
        file.resize(length, 0);
        costs_nothing(&mut updated(), wrong, &right, |rig| failure_of(rig, &file));
    }
}

#[test]
fn a_file_that_ends_within_its_envelope_costs_nothing() {
    let right = release(3, LENGTH, 1024);
    let package = right.package();
    let wrong = Failure::Fault(Fault::RangeRefused);
    for length in [0, 1, 1_023] {
        costs_nothing(&mut updated(), wrong, &right, |rig| {
            failure_of(rig, &package[..length])
        });
    }
}

/// One attempt with a buffer of this length.
fn with_buffer(rig: &mut Rig, file: &[u8], length: usize, config: Config) -> Option<Failure> {
    let (mut buffer, mut server, mut clock) =
        (vec![0; length], Server::new(file), Clock::default());
    rig.updater(|updater, anchors| {
        let mut download = Download::new(config, &mut buffer);
        let run = ota_client::run(&mut download, updater, anchors, &mut server, &mut clock);
        match embassy_futures::block_on(run) {
            Ok(Outcome::Staged(_) | Outcome::UpToDate | Outcome::AlreadyStaged) => None,
            Err(error) => Some(error.failure),
        }
    })
    .expect("a journal")
}

#[test]
fn chunks_larger_than_the_buffer_cost_nothing() {
    let large = release(3, LENGTH, 4096);
    let small = release(3, LENGTH, 1024);
    let wrong = Failure::Work(WorkError::BufferTooSmall);
    for length in [1024, 2048, 4095] {
        costs_nothing(&mut updated(), wrong, &small, |rig| {
            with_buffer(rig, &large.package(), length, CONFIG).expect("too large")
        });
    }
    // As long as a chunk is enough.
    let mut rig = updated();
    rig.approve(&large.image);
    assert_eq!(with_buffer(&mut rig, &large.package(), 4096, CONFIG), None);
}

#[test]
fn what_is_no_release_for_this_device_costs_nothing() {
    let right = release(3, LENGTH, 1024);
    let mut foreign = right.clone();
    foreign.manifest.vendor = [1; 16];
    let wrong = ota_image::PolicyError::WrongVendor;
    let failure = Failure::Admit(AdmitError::Policy(wrong));
    costs_nothing(&mut updated(), failure, &right, |rig| {
        failure_of(rig, &foreign.package())
    });
}

/// A release whose number is not small.
fn numbered(sequence: u64) -> Release {
    let mut release = Release::new(7, random_image(LENGTH, sequence), 1024);
    release.manifest.sequence = sequence;
    release
}

#[test]
fn a_failed_release_with_a_slip_in_its_sequence_does_not_stand_in_the_way_of_the_next() {
    let mut rig = updated();
    let slip = numbered(MAX_SEQUENCE_STEP);
    rig.approve(&slip.image);
    let end = attempt(&mut rig, &mut Server::new(&slip.package()), CONFIG);
    assert_eq!(end, Ok(End::Requested));
    assert_runs(&mut rig, &slip.image);
    for _ in 0..3 {
        let decision = rig.boot(ResetCause::Watchdog);
        assert!(matches!(decision, Decision::Boot(_)));
    }
    assert_eq!(rig.running(), Some(2), "it failed");
    install(&mut rig, &release(3, LENGTH, 1024));
}

#[test]
fn a_sequence_is_taken_up_to_a_bound_and_beyond_it_costs_nothing() {
    let most = 2 + MAX_SEQUENCE_STEP;
    for offered in [most + 1, u64::MAX] {
        let failure = Failure::Admit(AdmitError::SequenceTooFar {
            offered,
            running: 2,
        });
        let mut rig = updated();
        costs_nothing(&mut rig, failure, &numbered(most), |rig| {
            failure_of(rig, &numbered(offered).package())
        });
        // That one was a slip, and is confirmed: nothing lower helps, but what follows it does.
        install(&mut rig, &numbered(most + 1));
        let not_newer = AdmitError::NotNewer {
            offered: 3,
            running: most + 1,
        };
        let refused = failure_of(&mut rig, &release(3, LENGTH, 1024).package());
        assert_eq!(refused, Failure::Admit(not_newer));
    }
}

#[test]
fn who_is_told_of_the_order_of_releases_is_told_both_numbers() {
    let mut rig = updated();
    for offered in [1, 5_000_000_000_000] {
        let text = failure_of(&mut rig, &numbered(offered).package()).to_string();
        assert!(text.contains(&offered.to_string()), "{text}");
        assert!(text.contains(" 2,") || text.contains(" 2;"), "{text}");
    }
}

//! Whatever the source does wrong has its own name, writes nothing that is not signed, and leaves
//! the next attempt a chance.

mod support;

use ota_bootloader::AdmitError;
use ota_client::{Config, Failure, Fault, Next, Recovery, Reply};
use ota_image::{FrameError, PolicyError, Role, VerifyError};
use ota_testkit::{BOOT_SEED, Geometry, OTHER_SEED, RELEASE_SEED, Release, Rig};
use support::{
    CONFIG, Clock, End, Server, Trick, assert_runs, attempt, attempt_observed, device, release,
    slots,
};

const LENGTH: u32 = 20_000;
const CHUNK: u32 = 1024;

fn small() -> (Rig, Release, Vec<u8>) {
    let release = release(2, LENGTH, CHUNK);
    let package = release.package();
    (device(Geometry::small(8)), release, package)
}

/// The attempt fails so, before anything reaches a slot; then an honest server succeeds.
fn fails_and_then_succeeds(mut server: Server, expected: Failure) -> Vec<u32> {
    let (mut rig, release, package) = small();
    let before = slots(&rig);
    let mut clock = Clock::default();
    let end = attempt_observed(&mut rig, &mut server, CONFIG, &mut clock, |_, _| {});
    assert_eq!(end.map_err(|error| error.failure), Err(expected));
    assert_eq!(slots(&rig), before, "something was written");
    rig.approve(&release.image);
    assert_eq!(
        attempt(&mut rig, &mut Server::new(&package), CONFIG),
        Ok(End::Requested)
    );
    assert_runs(&mut rig, &release.image);
    clock.waits
}

/// Waits between requests, without the patience that each request is given.
fn pauses(waits: &[u32]) -> Vec<u32> {
    let patience = CONFIG.stall_timeout_ms;
    waits
        .iter()
        .copied()
        .filter(|wait| *wait != patience)
        .collect()
}

const ALL: [Fault; 16] = [
    Fault::Link,
    Fault::Stalled,
    Fault::Short,
    Fault::Excess,
    Fault::Malformed,
    Fault::Unavailable(503),
    Fault::NotFound,
    Fault::Refused(403),
    Fault::Redirected(302),
    Fault::RangeIgnored,
    Fault::RangeRefused,
    Fault::WrongRange,
    Fault::Unsupported,
    Fault::Changed,
    Fault::Damaged,
    Fault::WrongTotal,
];

#[test]
fn every_fault_of_the_first_request_ends_the_attempt_under_its_own_name() {
    for fault in ALL {
        let server = Server::new(&small().2).always(Trick::Fails(fault));
        let waits = fails_and_then_succeeds(server, Failure::Fault(fault));
        // The envelope is what a recheck would ask for.
        let retried = fault.recovery() == Recovery::Retry || fault == Fault::Changed;
        let expected = if retried { CONFIG.retries.into() } else { 0 };
        assert_eq!(pauses(&waits).len(), expected, "{fault:?}");
    }
}

#[test]
fn every_fault_of_a_later_request_ends_the_attempt_under_its_own_name() {
    for fault in ALL {
        let (mut rig, release, package) = small();
        let mut server = Server::new(&package);
        for request in
            (1..100).filter(|number| number % 2 == 1 || fault.recovery() != Recovery::Recheck)
        {
            server = server.with(request, Trick::Fails(fault));
        }
        let before = slots(&rig);
        let end = attempt(&mut rig, &mut server, CONFIG);
        assert_eq!(
            end.map_err(|error| error.failure),
            Err(Failure::Fault(fault))
        );
        assert_eq!(slots(&rig), before);
        rig.approve(&release.image);
        assert_eq!(
            attempt(&mut rig, &mut Server::new(&package), CONFIG),
            Ok(End::Requested)
        );
        assert_runs(&mut rig, &release.image);
    }
}

#[test]
fn the_source_has_the_last_word_on_what_went_wrong() {
    let (mut rig, _, package) = small();
    let mut server = Server::new(&package).always(Trick::Fails(Fault::NotFound));
    let error = attempt(&mut rig, &mut server, CONFIG).expect_err("not found");
    assert_eq!(error.source, Some(Fault::NotFound));
    assert_eq!(error.code(), Fault::NotFound.code());
    // An earlier error of the source is not blamed for what the envelope says.
    let mut server = Server::new(&[0; 2000]).with(0, Trick::Fails(Fault::Link));
    let error = attempt(&mut rig, &mut server, CONFIG).expect_err("no envelope");
    assert_eq!(error.source, None);
    assert_eq!(error.code(), error.failure.code());
}

#[test]
fn passing_faults_are_waited_out_with_longer_and_longer_pauses() {
    let (mut rig, release, package) = small();
    rig.approve(&release.image);
    let mut server = Server::new(&package);
    for request in 2..2 + usize::from(CONFIG.retries) {
        server = server.with(request, Trick::Fails(Fault::Unavailable(503)));
    }
    let mut clock = Clock::default();
    let mut announced = Vec::new();
    let end = attempt_observed(&mut rig, &mut server, CONFIG, &mut clock, |_, next| {
        if let Next::Wait { ms, fault } = next {
            assert_eq!(*fault, Fault::Unavailable(503));
            announced.push(*ms);
        }
    });
    assert_eq!(end, Ok(End::Requested));
    let pauses = pauses(&clock.waits);
    assert_eq!(pauses, announced);
    for (pause, whole) in pauses.iter().zip([1000, 2000, 4000, 8000]) {
        assert!((whole / 2..=whole).contains(pause), "{pauses:?}");
    }
    assert_eq!(pauses.len(), 4);
}

#[test]
fn a_piece_gained_makes_the_retries_count_anew() {
    let (mut rig, release, package) = small();
    rig.approve(&release.image);
    // Each answer brings one chunk and a bit, then the link is lost: far more often than retries.
    let mut server = Server::new(&package).always(Trick::Loses(CHUNK + 100));
    let config = Config {
        retries: 1,
        ..CONFIG
    };
    assert_eq!(attempt(&mut rig, &mut server, config), Ok(End::Requested));
    assert!(server.asked.len() > 15, "{} requests", server.asked.len());
    assert_runs(&mut rig, &release.image);
}

#[test]
fn what_came_of_a_piece_before_the_link_was_lost_is_not_asked_for_again() {
    let (mut rig, release, package) = small();
    rig.approve(&release.image);
    // Without that, a link that never holds for a whole chunk would never get one.
    let mut server = Server::new(&package).always(Trick::Loses(700));
    server.tricks.insert(0, Trick::Loses(2000));
    let config = Config {
        retries: 3,
        ..CONFIG
    };
    assert_eq!(attempt(&mut rig, &mut server, config), Ok(End::Requested));
    assert!(
        server
            .asked
            .iter()
            .any(|range| range.offset % 4 != 0 || range.length < 1024)
    );
    assert_runs(&mut rig, &release.image);
}

#[test]
fn a_silent_server_is_given_up_on() {
    let server = Server::new(&small().2).always(Trick::Silent);
    let waits = fails_and_then_succeeds(server, Failure::Fault(Fault::Stalled));
    let patience = waits
        .iter()
        .filter(|wait| **wait == CONFIG.stall_timeout_ms)
        .count();
    assert_eq!(patience, 1 + usize::from(CONFIG.retries));
}

#[test]
fn a_server_that_stalls_in_the_middle_of_an_answer_costs_a_retry() {
    for given in [0, 1, 517, 1023] {
        let (mut rig, release, package) = small();
        rig.approve(&release.image);
        let mut server = Server::new(&package)
            .with(0, Trick::Stalls(given))
            .with(3, Trick::Stalls(given))
            .with(5, Trick::Stalls(given + 1024));
        let mut faults = Vec::new();
        let end = attempt_observed(
            &mut rig,
            &mut server,
            CONFIG,
            &mut Clock::default(),
            |_, next| {
                if let Next::Wait { fault, .. } = next {
                    faults.push(*fault);
                }
            },
        );
        assert_eq!(end, Ok(End::Requested));
        assert_eq!(faults, [Fault::Stalled; 3]);
    }
}

#[test]
fn an_announcement_of_anything_else_is_refused() {
    let reply = |offset, length, total| {
        Trick::Announces(Reply {
            offset,
            length,
            total,
        })
    };
    let total = Some(u32::try_from(small().2.len()).expect("small"));
    for (trick, fault) in [
        (reply(1, 1024, total), Fault::WrongRange),
        (reply(0, 1023, total), Fault::WrongRange),
        (reply(0, 1025, total), Fault::WrongRange),
        (reply(0, 0, total), Fault::WrongRange),
        (reply(u32::MAX, u32::MAX, total), Fault::WrongRange),
    ] {
        let server = Server::new(&small().2).with(0, trick);
        fails_and_then_succeeds(server, Failure::Fault(fault));
    }
}

#[test]
fn an_answer_that_ends_early_is_asked_for_again() {
    for given in [0, 1, 1000] {
        let server = Server::new(&small().2).always(Trick::Ends(given));
        let config_retries = usize::from(CONFIG.retries);
        let (mut rig, _, _) = small();
        let mut server = server;
        let before = slots(&rig);
        let end = attempt(&mut rig, &mut server, CONFIG);
        assert_eq!(
            end.map_err(|error| error.failure),
            Err(Failure::Fault(Fault::Short))
        );
        assert_eq!(server.asked.len(), 1 + config_retries);
        assert_eq!(slots(&rig), before);
    }
}

#[test]
fn a_source_that_claims_more_than_there_was_room_for_is_not_believed() {
    let server = Server::new(&small().2).always(Trick::Claims);
    fails_and_then_succeeds(server, Failure::Fault(Fault::Excess));
}

/// Every part of the package: each page, each chunk, first and last byte.
#[test]
fn a_bit_that_flips_on_its_way_costs_one_more_try() {
    let (_, _, package) = small();
    let payload = 1024 + 20 * 32;
    let last = u32::try_from(package.len()).expect("small") - 1;
    for (byte, bit) in [
        (1024, 0),
        (1500, 7),
        (payload, 3),
        (payload + 5000, 1),
        (last, 6),
    ] {
        let (mut rig, release, package) = small();
        rig.approve(&release.image);
        let mut server = Server::new(&package);
        let number = request_with(&package, byte);
        server = server.with(number, Trick::Flips(byte, bit));
        let mut faults = Vec::new();
        let end = attempt_observed(
            &mut rig,
            &mut server,
            CONFIG,
            &mut Clock::default(),
            |_, next| {
                if let Next::Wait { fault, .. } = next {
                    faults.push(*fault);
                }
            },
        );
        assert_eq!(end, Ok(End::Requested));
        assert_eq!(faults, [Fault::Damaged], "byte {byte}");
        let window = 3 * u64::from(CHUNK);
        assert!(server.bytes_asked() <= package.len() as u64 + 1024 + window);
        assert_runs(&mut rig, &release.image);
    }
}

/// The request that brings this byte when nothing goes wrong.
fn request_with(package: &[u8], byte: u32) -> usize {
    let (mut rig, release, _) = small();
    rig.approve(&release.image);
    let mut server = Server::new(package);
    assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
    let brings = |range: &ota_client::Range| range.offset <= byte && byte < range.end();
    server
        .asked
        .iter()
        .position(brings)
        .expect("every byte is asked for")
}

#[test]
fn a_package_with_a_wrong_bit_is_given_up_and_the_wrong_chunk_never_written() {
    let (_, release, package) = small();
    let payload = package.len() - release.image.len();
    for byte in [
        1024,
        payload - 1,
        payload,
        payload + 7000,
        package.len() - 1,
    ] {
        let (mut rig, release, package) = small();
        // The guard lets only the genuine pieces in.
        rig.approve(&release.image);
        let mut tampered = package.clone();
        tampered[byte] ^= 0x10;
        let mut server = Server::new(&tampered);
        let end = attempt(&mut rig, &mut server, CONFIG);
        assert_eq!(
            end.map_err(|error| error.failure),
            Err(Failure::Fault(Fault::Damaged)),
            "byte {byte}"
        );
        assert_eq!(
            attempt(&mut rig, &mut Server::new(&package), CONFIG),
            Ok(End::Requested)
        );
        assert_runs(&mut rig, &release.image);
    }
}

#[test]
fn chunks_that_changed_places_are_given_up() {
    let (mut rig, release, package) = small();
    rig.approve(&release.image);
    let payload = package.len() - release.image.len();
    let mut swapped = package.clone();
    let (head, tail) = swapped.split_at_mut(payload + 1024);
    head[payload..].swap_with_slice(&mut tail[..1024]);
    let end = attempt(&mut rig, &mut Server::new(&swapped), CONFIG);
    assert_eq!(
        end.map_err(|error| error.failure),
        Err(Failure::Fault(Fault::Damaged))
    );
}

#[test]
fn a_package_of_the_wrong_length_is_refused_before_its_second_request() {
    let (_, _, package) = small();
    let mut extended = package.clone();
    extended.push(0);
    for file in [
        &package[..package.len() - 1],
        &package[..3000],
        &package[..1024],
        &extended,
    ] {
        let mut server = Server::new(file);
        let (mut rig, _, _) = small();
        let end = attempt(&mut rig, &mut server, CONFIG);
        assert_eq!(
            end.map_err(|error| error.failure),
            Err(Failure::Fault(Fault::WrongTotal))
        );
        assert_eq!(server.asked.len(), 1);
        fails_and_then_succeeds(Server::new(file), Failure::Fault(Fault::WrongTotal));
    }
}

#[test]
fn a_file_shorter_than_an_envelope_is_too_short() {
    let (_, _, package) = small();
    for length in [0, 1, 1023] {
        let server = Server::new(&package[..length]);
        fails_and_then_succeeds(server, Failure::Fault(Fault::RangeRefused));
    }
}

#[test]
fn a_cut_package_is_noticed_even_if_nobody_says_how_long_it_is() {
    let (_, release, package) = small();
    let mut rig = device(Geometry::small(8));
    rig.approve(&release.image);
    let mut server = Server::new(&package[..package.len() - 1]);
    server.tells_total = false;
    let end = attempt(&mut rig, &mut server, CONFIG);
    assert_eq!(
        end.map_err(|error| error.failure),
        Err(Failure::Fault(Fault::RangeRefused))
    );
    assert_eq!(
        attempt(&mut rig, &mut Server::new(&package), CONFIG),
        Ok(End::Requested)
    );
    assert_runs(&mut rig, &release.image);
}

#[test]
fn releases_that_are_not_for_this_device_cost_one_small_request() {
    use AdmitError::{Policy, Verify};
    let base = || release(2, LENGTH, CHUNK);
    let with = |change: fn(&mut ota_image::Manifest)| {
        let mut release = base();
        change(&mut release.manifest);
        release.package()
    };
    let mut garbage = base().package();
    garbage[0] = b'x';
    let mut flipped = base().package();
    flipped[100] ^= 1;
    let both = [(Role::Release, OTHER_SEED), (Role::Boot, OTHER_SEED)];
    let no_boot = [(Role::Release, RELEASE_SEED)];
    let no_release = [(Role::Boot, BOOT_SEED)];
    let cases: Vec<(Vec<u8>, Failure)> = vec![
        (
            garbage,
            Failure::Admit(Verify(VerifyError::Frame(FrameError::WrongMagic))),
        ),
        (
            flipped,
            Failure::Admit(Verify(VerifyError::ReleaseSignatureWrong)),
        ),
        (
            base().signed_by(&[]).package(),
            Failure::Admit(Verify(VerifyError::ReleaseSignatureMissing)),
        ),
        (
            base().signed_by(&both).package(),
            Failure::Admit(Verify(VerifyError::ReleaseSignatureWrong)),
        ),
        (
            base().signed_by(&no_boot).package(),
            Failure::Admit(Verify(VerifyError::BootSignatureMissing)),
        ),
        (
            base().signed_by(&no_release).package(),
            Failure::Admit(Verify(VerifyError::ReleaseSignatureMissing)),
        ),
        (
            with(|manifest| manifest.vendor = [0; 16]),
            Failure::Admit(Policy(PolicyError::WrongVendor)),
        ),
        (
            with(|manifest| manifest.class = [0; 16]),
            Failure::Admit(Policy(PolicyError::WrongClass)),
        ),
        (
            with(|manifest| manifest.hardware_min = 3),
            Failure::Admit(Policy(PolicyError::WrongHardware)),
        ),
        (
            with(|manifest| manifest.security_counter = 9999),
            Failure::Admit(Policy(PolicyError::CounterTooFar)),
        ),
        (
            with(|manifest| manifest.sequence = 0),
            Failure::Admit(AdmitError::NotNewer {
                offered: 0,
                running: 1,
            }),
        ),
        (
            release(2, 40_000, CHUNK).package(),
            Failure::Admit(Policy(PolicyError::ImageTooLarge)),
        ),
    ];
    for (package, failure) in cases {
        let mut server = Server::new(&package);
        let (mut rig, _, _) = small();
        let operations = rig.flash.operations();
        let end = attempt(&mut rig, &mut server, CONFIG);
        assert_eq!(end.map_err(|error| error.failure), Err(failure));
        assert_eq!(server.bytes_asked(), 1024);
        assert_eq!(rig.flash.operations(), operations, "something was written");
        fails_and_then_succeeds(Server::new(&package), failure);
    }
}

#[test]
fn a_buffer_that_is_too_small_is_an_error_and_no_endless_loop() {
    for (size, code) in [(0, 0x1135), (1023, 0x1135), (1024, 0x1135), (4095, 0x1135)] {
        let mut rig = device(Geometry::small(8));
        let mut server = Server::new(&release(2, LENGTH, 4096).package());
        let mut buffer = vec![0; size];
        rig.updater(|updater, anchors| {
            let mut download = ota_client::Download::new(CONFIG, &mut buffer);
            let mut clock = Clock::default();
            let run = ota_client::run(&mut download, updater, anchors, &mut server, &mut clock);
            let error = embassy_futures::block_on(run).expect_err("too small");
            assert_eq!(error.code(), code, "{size}");
        })
        .expect("the journal is there");
    }
}

#[test]
fn every_fault_has_its_own_code_and_words() {
    let codes: std::collections::BTreeSet<_> =
        ALL.iter().map(|fault| Fault::code(*fault)).collect();
    let texts: std::collections::BTreeSet<_> = ALL.iter().map(ToString::to_string).collect();
    assert_eq!((codes.len(), texts.len()), (ALL.len(), ALL.len()));
    assert!(
        texts
            .iter()
            .all(|text| text.contains(": ") && !text.contains('\n'))
    );
}

#[test]
fn the_front_page_lists_every_fault_with_its_code_and_what_follows() {
    let page = include_str!("../README.md");
    for fault in ALL {
        let name = format!("{fault:?}");
        let name = name.split('(').next().unwrap_or_default();
        let then = match fault.recovery() {
            Recovery::Retry => "retry",
            Recovery::Recheck => "look at the envelope again",
            Recovery::GiveUp => "give up",
        };
        let end = format!("| {:#06X} | {then} |", Fault::code(fault)).replace("0X", "0x");
        let row = |line: &str| line.starts_with(&format!("| `{name}`")) && line.ends_with(&end);
        assert!(page.lines().any(row), "{name} {end}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, ALL.len());
}

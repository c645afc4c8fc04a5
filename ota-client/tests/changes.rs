//! The file behind the address is replaced while it is downloaded.

mod support;

use ota_bootloader::AdmitError;
use ota_client::{Failure, Fault, Next};
use ota_image::{FrameError, VerifyError};
use ota_testkit::{Geometry, Release, Rig, random_image};
use support::{
    CONFIG, Clock, End, Server, assert_runs, attempt, attempt_observed, device, release,
};

const LENGTH: u32 = 20_000;

fn server_replacing(first: &Release, at: usize, second: &Release, tells: bool) -> Server {
    let mut server = Server::new(&first.package());
    server.replace = Some((at, second.package()));
    server.tells_changes = tells;
    server.tells_total = tells;
    server
}

fn rig_for(releases: &[&Release]) -> Rig {
    let rig = device(Geometry::small(8));
    for release in releases {
        rig.approve(&release.image);
    }
    rig
}

/// How many requests a download of this makes when nothing goes wrong.
fn requests(release: &Release) -> usize {
    let mut server = Server::new(&release.package());
    let end = attempt(&mut rig_for(&[release]), &mut server, CONFIG);
    assert_eq!(end, Ok(End::Requested));
    server.asked.len()
}

#[test]
fn a_newer_release_takes_over_wherever_the_older_one_was() {
    let older = release(2, LENGTH, 1024);
    for newer in [
        release(3, LENGTH, 1024),
        release(3, 7000, 2048),
        release(3, 30_000, 4096),
    ] {
        for tells in [true, false] {
            for at in 1..requests(&older) {
                let mut rig = rig_for(&[&older, &newer]);
                let mut server = server_replacing(&older, at, &newer, tells);
                let mut faults = Vec::new();
                let clock = &mut Clock::default();
                let end = attempt_observed(&mut rig, &mut server, CONFIG, clock, |_, next| {
                    if let Next::Wait { fault, .. } = next {
                        faults.push(*fault);
                    }
                });
                assert_eq!(end, Ok(End::Requested), "replaced at {at}");
                assert_eq!(faults.len(), 1, "{faults:?}");
                let by_name = [Fault::Changed, Fault::Damaged, Fault::RangeRefused];
                assert!(by_name.contains(&faults[0]));
                assert!(!tells || faults[0] == Fault::Changed);
                assert_runs(&mut rig, &newer.image);
            }
        }
    }
}

#[test]
fn a_release_that_the_server_withdraws_makes_room_for_a_lower_one_above_what_runs() {
    let older = release(2, LENGTH, 1024);
    let newer = release(3, LENGTH, 1024);
    for tells in [true, false] {
        let mut rig = rig_for(&[&older, &newer]);
        let mut server = server_replacing(&newer, 3, &older, tells);
        let end = attempt(&mut rig, &mut server, CONFIG);
        assert_eq!(end, Ok(End::Requested));
        assert_runs(&mut rig, &older.image);
    }
}

/// The same release with its signatures in another order.
fn again(release: &Release) -> Release {
    release.clone().signed_by(&[
        (ota_image::Role::Boot, ota_testkit::BOOT_SEED),
        (ota_image::Role::Release, ota_testkit::RELEASE_SEED),
    ])
}

#[test]
fn the_same_release_signed_again_goes_on() {
    let release = release(2, LENGTH, 1024);
    let again = again(&release);
    assert_ne!(release.package(), again.package());
    let mut rig = rig_for(&[&release]);
    let mut server = server_replacing(&release, 4, &again, true);
    assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
    let window = u64::from(CONFIG.window) * 1024;
    // The bank is written anew, with the envelope that came last and its table.
    let head = (release.package().len() - release.image.len()) as u64;
    let bound = release.package().len() as u64 + window + head;
    assert!(
        server.bytes_asked() <= bound,
        "{} bytes",
        server.bytes_asked()
    );
    assert_runs(&mut rig, &release.image);
}

#[test]
fn the_running_release_put_back_ends_the_download() {
    let release = release(2, LENGTH, 1024);
    let running = Release::new(1, random_image(3000, 1), 4096);
    let mut rig = rig_for(&[&release]);
    let mut server = server_replacing(&release, 3, &running, true);
    assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::UpToDate));
}

#[test]
fn something_else_in_its_place_is_refused_under_its_own_name() {
    let release = release(2, LENGTH, 1024);
    let not_a_package = AdmitError::Verify(VerifyError::Frame(FrameError::WrongMagic));
    for (file, failure) in [
        (vec![0; 50_000], Failure::Admit(not_a_package)),
        (Vec::new(), Failure::Fault(Fault::RangeRefused)),
    ] {
        let mut rig = rig_for(&[&release]);
        let mut server = Server::new(&release.package());
        server.replace = Some((3, file));
        let error = attempt(&mut rig, &mut server, CONFIG).expect_err("no package");
        assert_eq!(error.failure, failure);
        let mut server = Server::new(&release.package());
        assert_eq!(attempt(&mut rig, &mut server, CONFIG), Ok(End::Requested));
        assert_runs(&mut rig, &release.image);
    }
}

/// Signatures are not signed: whoever serves the file can make them change places.
#[test]
fn signatures_that_keep_changing_places_wear_out_the_retries_and_not_the_flash() {
    let release = release(2, LENGTH, 1024);
    let (mut one, mut other) = (release.package(), again(&release).package());
    let damaged = one.len() - 100;
    one[damaged] ^= 1;
    other[damaged] ^= 1;
    let mut rig = rig_for(&[&release]);
    let mut server = Server::new(&one);
    server.alternate = Some(other);
    let erases = rig.flash.stats().erases;
    let end = attempt(&mut rig, &mut server, CONFIG);
    assert_eq!(
        end.map_err(|error| error.failure),
        Err(Failure::Fault(Fault::Damaged))
    );
    let envelopes = server
        .asked
        .iter()
        .filter(|range| range.offset == 0)
        .count();
    assert_eq!(envelopes, 1 + usize::from(CONFIG.retries));
    let erases = rig.flash.stats().erases - erases;
    assert!(erases < 60, "{erases} erases");
}

//! What is programmed is what was checked: a slot never gets a byte of no release, though a read
//! goes wrong, and nothing that was superseded.

use ota_bootloader::{Admission, Decision, Index, Region, ResetCause, Staging, Work};
use ota_image::ENVELOPE_LEN;
use ota_sim::{Cut, Fault, Flash, OnViolation, Tear, Trouble};
use ota_testkit::{Geometry, Release, Rig, random_image};

const CHUNK: u32 = 1024;

fn release(n: u64) -> Release {
    Release::new(n, random_image(4 * CHUNK - 300, n), CHUNK)
}

/// A device that swaps, with release 1. A program that the guards of its slots
/// do not know is recorded.
fn device(erase_size: u32) -> Rig {
    let geometry = Geometry {
        erase_size,
        step: erase_size,
        slot: 4 * erase_size,
        bank: 2048,
        ..Geometry::small(3)
    };
    let mut rig = Rig::new(geometry);
    rig.flash.on_violation(OnViolation::Record);
    rig.provision(&release(1).package());
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    rig
}

/// Does some work with each of its reads wrong in one bit, and with each failing; `id` of those
/// after which something is broken.
fn with_each_read(rig: &Rig, work: impl Fn(&mut Rig)) -> Vec<String> {
    let mut whole = rig.clone();
    let before = whole.flash.stats().reads;
    work(&mut whole);
    let mut broken = Vec::new();
    for read in 1..=whole.flash.stats().reads - before {
        for trouble in [Trouble::FlippedRead, Trouble::FailedReads(1)] {
            let fault = Fault::new(read, trouble);
            let mut rig = rig.clone();
            rig.arm_fault(Region::Journal, fault);
            work(&mut rig);
            if let Some(violation) = rig.chips().flat_map(Flash::violations).next() {
                broken.push(format!("{fault}: {violation}"));
            }
        }
    }
    broken
}

#[test]
fn a_read_that_is_wrong_once_gets_no_byte_of_no_release_into_a_slot() {
    let mut rig = device(CHUNK);
    rig.download(&release(2).package(), 2).expect("staged");
    let swap = |rig: &mut Rig| {
        rig.boot(ResetCause::Software);
    };
    let broken = with_each_read(&rig, swap);
    let count = broken.len();
    assert!(broken.is_empty(), "{count}, as {:?}", broken.first());
}

/// The chunks that share a unit with what a cut tore are saved and written again.
#[test]
fn a_read_that_is_wrong_once_gets_no_byte_of_no_release_into_a_slot_behind_a_cut() {
    let package = release(2).package();
    let mut whole = device(2 * CHUNK);
    let before = whole.operations();
    whole.download(&package, 2).expect("staged");
    let operations = whole.operations() - before;
    let mut rig = device(2 * CHUNK);
    rig.flash.arm(Cut::new(operations - 3, Tear::Saturated));
    rig.download(&package, 2).expect_err("cut");
    rig.power_up();
    rig.boot(ResetCause::Power);
    let resume = |rig: &mut Rig| {
        let _ = rig.download(&package, 2);
    };
    let broken = with_each_read(&rig, resume);
    let count = broken.len();
    assert!(broken.is_empty(), "{count}, as {:?}", broken.first());
}

/// Polls until a piece of the image is asked for, and what it is.
fn first_chunk(rig: &mut Rig, package: &[u8]) -> (Staging, Vec<u8>) {
    let begun = rig.updater(|updater, anchors| {
        let admitted = updater.admit(anchors, &package[..ENVELOPE_LEN]);
        let Ok(Admission::Download(mut staging)) = admitted else {
            panic!("{admitted:?}");
        };
        let mut buffer = [0; 4096];
        loop {
            let work = updater.poll(&mut staging, &mut buffer, 2).expect("work");
            let Work::Fetch(need) = work else { continue };
            let piece = &package[need.offset as usize..][..need.piece as usize];
            if need.offset >= staging.manifest().payload_offset() {
                return (staging, piece.to_vec());
            }
            updater.accept(&mut staging, piece).expect("a page");
        }
    });
    begun.expect("a journal")
}

#[test]
fn a_piece_of_a_download_that_was_replaced_is_not_taken() {
    let mut rig = device(CHUNK);
    for n in [2, 3] {
        rig.approve(&release(n).image);
    }
    let (mut former, piece) = first_chunk(&mut rig, &release(2).package());
    first_chunk(&mut rig, &release(3).package());
    let before = rig.region(Region::Slot(Index::One));
    let accepted = rig.updater(|updater, _| updater.accept(&mut former, &piece).is_ok());
    assert_eq!(accepted, Ok(false));
    assert_eq!(rig.region(Region::Slot(Index::One)), before);
    assert_eq!(rig.flash.violations(), []);
}

#[test]
fn a_piece_is_not_taken_once_the_release_was_asked_for() {
    let mut rig = device(CHUNK);
    let package = release(2).package();
    rig.approve(&release(2).image);
    let (mut former, piece) = first_chunk(&mut rig, &package);
    rig.download(&package, 2).expect("staged");
    let operations = rig.operations();
    let accepted = rig.updater(|updater, _| updater.accept(&mut former, &piece).is_ok());
    assert_eq!((accepted, rig.operations()), (Ok(false), operations));
    assert_eq!(rig.flash.violations(), []);
}

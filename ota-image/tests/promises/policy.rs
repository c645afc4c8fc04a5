//! Whether a release is for this device: one line for each refusal.

use ota_image::{Limits, MAX_COUNTER_STEP, Manifest, PolicyError};

use crate::common::{CLASS, LOAD_ADDRESS, Package, VENDOR};

/// A device that the release below fits exactly.
const LIMITS: Limits = Limits {
    vendor: VENDOR,
    class: CLASS,
    hardware: 2,
    component: 0,
    load_address: LOAD_ADDRESS,
    slot_size: 40_000,
    bank_size: 1024 + 40 * 32,
    max_chunk_size: 1024,
    floor: 7,
    boot_format: 1,
};

/// The first security counter that is too far above the floor.
const TOO_FAR: u32 = LIMITS.floor + MAX_COUNTER_STEP + 1;

fn release() -> Manifest {
    Package::new(40_000, 1024).manifest
}

#[test]
fn a_release_for_the_device_is_accepted_up_to_every_limit() {
    let accepted = |change: fn(&mut Manifest, &mut Limits)| {
        let (mut manifest, mut limits) = (release(), LIMITS);
        change(&mut manifest, &mut limits);
        assert_eq!(manifest.check(&limits), Ok(()));
    };
    accepted(|_, _| {});
    accepted(|m, _| m.hardware_min = 2);
    accepted(|m, _| m.hardware_max = 2);
    accepted(|m, _| m.lowest_boot_format = 0);
    accepted(|m, _| m.security_counter = 7 + MAX_COUNTER_STEP);
    accepted(|m, l| (m.security_counter, l.floor) = (u32::MAX, u32::MAX - MAX_COUNTER_STEP));
    accepted(|_, l| (l.slot_size, l.bank_size) = (u32::MAX, u32::MAX));
    accepted(|_, l| l.max_chunk_size = u32::MAX);
}

#[test]
fn each_way_in_which_a_release_is_not_for_the_device_has_its_own_refusal() {
    use PolicyError as E;
    let refused = |expected: E, change: fn(&mut Manifest, &mut Limits)| {
        let (mut manifest, mut limits) = (release(), LIMITS);
        change(&mut manifest, &mut limits);
        assert_eq!(manifest.check(&limits), Err(expected));
    };
    refused(E::WrongVendor, |m, _| m.vendor[15] ^= 1);
    refused(E::WrongVendor, |m, _| m.vendor[0] ^= 0x80);
    refused(E::WrongClass, |m, _| m.class[15] ^= 1);
    refused(E::WrongHardware, |m, _| m.hardware_min = 3);
    refused(E::WrongHardware, |_, l| l.hardware = 301);
    refused(E::WrongComponent, |m, _| m.component = 1);
    refused(E::WrongLoadAddress, |m, _| m.load_address += 4);
    refused(E::ImageTooLarge, |_, l| l.slot_size -= 1);
    refused(E::TableTooLarge, |_, l| l.bank_size -= 1);
    refused(E::ChunkTooLarge, |_, l| l.max_chunk_size -= 1);
    refused(E::BelowFloor, |m, _| m.security_counter = 6);
    refused(E::BelowFloor, |_, l| l.floor = u32::MAX);
    refused(E::CounterTooFar, |m, _| m.security_counter = TOO_FAR);
    refused(E::CounterTooFar, |m, _| m.security_counter = u32::MAX);
    refused(E::UnknownPayloadFormat, |m, _| m.payload_format = 1);
    refused(E::BootloaderTooOld, |m, _| m.lowest_boot_format = 2);
}

#[test]
fn the_sequence_is_not_judged() {
    for sequence in [0, u64::MAX] {
        assert_eq!(
            Manifest {
                sequence,
                ..release()
            }
            .check(&LIMITS),
            Ok(())
        );
    }
}

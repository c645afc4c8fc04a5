//! Any content of journal, banks and slots: `Bootloader::boot` comes to a decision, and what it
//! starts is signed, whole, for this device, and not below the floor.

use ota_bootloader::{BootState, Decision, Index, Phase, Region, ResetCause, Start, Strategy};
use ota_image::{ENVELOPE_LEN, Manifest, Reader, SoftwareCrypto, sha256_of};
use ota_sim::{Cut, Tear};
use ota_testkit::{CLASS, Geometry, LOAD_ADDRESS, Rig, VENDOR};

use crate::input::Input;
use crate::record::{record, release};
use crate::releases::{Stock, blank, has_boot_signature};

const CAUSES: [ResetCause; 4] = [
    ResetCause::Power,
    ResetCause::Watchdog,
    ResetCause::Software,
    ResetCause::Unknown,
];
const REGIONS: [Region; 5] = [
    Region::Journal,
    Region::Bank(Index::Zero),
    Region::Bank(Index::One),
    Region::Slot(Index::Zero),
    Region::Slot(Index::One),
];

/// Input: geometry, number of things to put on the flash, these things, then three boots: cause,
/// operation in which the power goes, how it goes (2).
///
/// # Panics
/// If a promise does not hold.
pub fn check(input: &[u8]) {
    thread_local!(static STOCK: Stock = const { Stock::new(blank) });
    let mut input = Input::new(input);
    let (mut rig, geometry) = STOCK.with(|stock| stock.take(&mut input));
    for _ in 0..input.byte() % 32 {
        fill(&mut rig, &geometry, &mut input);
    }
    for _ in 0..3 {
        boot(&mut rig, &mut input);
    }
}

/// A place in one of the regions: offset on the flash, and how much of the region follows.
fn place(rig: &Rig, input: &mut Input<'_>) -> (u32, u32) {
    let area = rig.product.map.area(input.of(&REGIONS));
    let within = u32::from(input.u16()) % area.size;
    (area.offset + within, area.size - within)
}

fn fill(rig: &mut Rig, geometry: &Geometry, input: &mut Input<'_>) {
    let map = rig.product.map;
    let index = |byte: u8| {
        if byte.is_multiple_of(2) {
            Index::Zero
        } else {
            Index::One
        }
    };
    match input.byte() % 8 {
        0 | 1 => {
            let units = geometry.journal_units;
            let places = geometry.erase_size / 128;
            let at = (
                u32::from(input.byte()) % units,
                u32::from(input.byte()) % places,
            );
            let bytes = record(input, &map, units, places, at);
            let offset = at.0 * geometry.erase_size + at.1 * 128;
            rig.flash
                .load(map.area(Region::Journal).offset + offset, &bytes);
        }
        2 => {
            let area = map.area(Region::Bank(index(input.byte())));
            rig.flash.load(area.offset, release(input).head());
        }
        3 | 4 => {
            let area = map.area(Region::Slot(index(input.byte())));
            let image = &release(input).image;
            let step = geometry.step;
            let offset = u32::from(input.byte()) % (area.size / step) * step;
            let (first, count) = (input.byte() % 4, 1 + input.byte() % 4);
            // A part of the image, as an interrupted swap leaves it.
            let from = (u32::from(first) * step).min(image.len() as u32);
            let len = (u32::from(count) * step)
                .min(image.len() as u32 - from)
                .min(area.size - offset);
            rig.flash.load(
                area.offset + offset,
                &image[from as usize..][..len as usize],
            );
        }
        5 => {
            let (offset, room) = place(rig, input);
            let len = usize::from(input.byte());
            let bytes = input.bytes(len.min(room as usize));
            rig.flash.load(offset, bytes);
        }
        6 => {
            let (offset, room) = place(rig, input);
            let len = u32::from(input.byte()).min(room);
            let range = offset..offset + len;
            match input.byte() % 2 {
                0 => rig.flash.fail_read(range),
                _ => rig.flash.fail_program(range),
            }
        }
        _ => {
            let (offset, _) = place(rig, input);
            let byte = rig.flash.bytes()[offset as usize] ^ input.byte();
            rig.flash.corrupt(offset, byte);
        }
    }
}

fn boot(rig: &mut Rig, input: &mut Input<'_>) {
    let cause = input.of(&CAUSES);
    let operation = u64::from(input.byte());
    let tear = match input.u16() {
        seed if seed % 4 == 0 => Tear::Random(seed.into()),
        number => Tear::ALL[usize::from(number / 4) % Tear::ALL.len()],
    };
    rig.flash.power_up();
    if operation > 0 {
        rig.flash.arm(Cut::new(operation, tear));
    }
    let (before, after, decision) = rig.bootloader(|bootloader| {
        let before = *bootloader.record();
        let decision = bootloader.boot(cause);
        (before, *bootloader.record(), decision)
    });
    let off = rig.flash.is_off();
    rig.flash.disarm();
    let Decision::Boot(start) = decision else {
        return;
    };
    if off {
        return;
    }
    assert!(after.floor >= before.floor, "the floor fell");
    may_run(rig, &start, before.floor, before.revoked);
    if start.trial {
        // As the next bootloader will read it.
        let state = rig.bootloader(|bootloader| bootloader.record().state);
        assert!(
            matches!(state, BootState::Trial(trial) if trial.phase == Phase::Running),
            "a start that was not counted: {state:?}"
        );
    }
}

/// That the slot holds, whole, what one of the banks has the signed manifest of.
pub(crate) fn may_run(rig: &Rig, start: &Start, floor: u32, revoked: u8) {
    let banks = match rig.product.map.strategy() {
        Strategy::Swap => {
            assert_eq!(start.slot, Index::Zero, "code runs from slot 0 only");
            vec![Index::Zero, Index::One]
        }
        Strategy::Ab => vec![start.slot],
    };
    assert_eq!(start.load_address, LOAD_ADDRESS);
    assert!(
        banks
            .into_iter()
            .any(|bank| holds(rig, bank, start.slot, floor, revoked)),
        "an image runs that may not"
    );
}

fn holds(rig: &Rig, bank: Index, slot: Index, floor: u32, revoked: u8) -> bool {
    let flash = rig.flash.bytes();
    let at = rig.product.map.area(Region::Bank(bank)).offset as usize;
    let envelope = &flash[at..at + ENVELOPE_LEN];
    let len = usize::from(u16::from_le_bytes([envelope[10], envelope[11]]));
    if !has_boot_signature(envelope) {
        return false;
    }
    let Ok((manifest, _)) =
        Manifest::decode_unverified(&envelope[12..12 + len], Reader::Bootloader)
    else {
        return false;
    };
    let at = rig.product.map.area(Region::Slot(slot)).offset as usize;
    let length = manifest.image_length;
    length <= rig.product.map.image_capacity()
        && sha256_of(&mut SoftwareCrypto, &flash[at..at + length as usize]) == manifest.image_digest
        && (manifest.vendor, manifest.class, manifest.component) == (VENDOR, CLASS, 0)
        && (manifest.hardware_min..=manifest.hardware_max).contains(&2)
        && manifest.security_counter >= floor
        && (revoked | manifest.revoked_boot_keys) & 1 == 0
}

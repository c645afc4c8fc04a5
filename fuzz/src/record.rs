//! Journal records, put together by what the documentation of `ota-bootloader` says about them:
//! well-formed, whatever they say.

use crc::{CRC_64_XZ, Crc};
use ota_bootloader::{FlashMap, RECORD_LEN, ReleaseTag};

use crate::input::Input;
use crate::releases::{BAD, GOOD, Packed};

const CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

/// Any release, good or bad.
pub(crate) fn release(input: &mut Input<'_>) -> &'static Packed {
    let number = usize::from(input.byte()) % (GOOD.len() + BAD.len());
    GOOD.get(number)
        .unwrap_or_else(|| &BAD[number - GOOD.len()])
}

fn tag(input: &mut Input<'_>, out: &mut Vec<u8>) {
    let tag = match input.byte() % 8 {
        0 => ReleaseTag::default(),
        1 => ReleaseTag {
            id: input.array(),
            sequence: input.u64(),
        },
        _ => release(input).tag(),
    };
    out.extend(tag.id);
    out.extend(tag.sequence.to_le_bytes());
}

/// A record for this place: its check is right, its sequence mostly, its map mostly; what it says
/// is the input's.
pub(crate) fn record(
    input: &mut Input<'_>,
    map: &FlashMap,
    units: u32,
    places: u32,
    (unit, place): (u32, u32),
) -> [u8; RECORD_LEN] {
    let epoch = match input.byte() {
        255 => u32::MAX / (units * places),
        254 => input.u32() / (units * places),
        byte => u32::from(byte),
    };
    let sequence = (epoch * units)
        .saturating_add(unit)
        .saturating_mul(places)
        .saturating_add(place);
    let strange = input.byte();
    let mut out = b"OTAJ".to_vec();
    out.push(if strange == 255 { 2 } else { 1 });
    out.extend([input.byte() % 9, input.byte() % 3, input.byte() % 5]);
    out.extend(sequence.to_le_bytes());
    let map_id = if strange == 254 { 0 } else { map.id() };
    out.extend(map_id.to_le_bytes());
    let floor = match input.byte() {
        255 => input.u32(),
        byte => u32::from(byte),
    };
    out.extend(floor.to_le_bytes());
    out.extend(u32::from(input.u16()).to_le_bytes());
    out.extend([input.byte(), input.byte(), input.byte() % 4, input.byte()]);
    out.extend(input.u16().to_le_bytes());
    out.extend([0; 2]);
    tag(input, &mut out);
    for _ in 0..4 {
        tag(input, &mut out);
        out.push(input.byte() % 7);
    }
    out.extend([0; 4]);
    let check = CRC.checksum(&out);
    out.extend(check.to_le_bytes());
    out.try_into().expect("a record's length")
}

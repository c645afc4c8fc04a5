//! Memory: copying, filling, comparing, and checksums.

use super::{Frame, Outcome};
use crate::esp32c3::bus::Bus;
use crate::esp32c3::cpu::{Bus as _, Width};

/// Whether it is one of these functions.
pub(super) const fn has(function: u32) -> bool {
    matches!(function, 0x354 | 0x358 | 0x35C | 0x360 | 0x374 | 0x628)
}

pub(super) fn serve(frame: &Frame, bus: &mut Bus) -> Outcome {
    let [a, b, c, ..] = frame.arguments;
    let result = match frame.function {
        0x354 => fill(bus, a, b, c),
        0x358 | 0x35C => copy(bus, a, b, c),
        0x360 => compare(bus, a, b, c),
        0x374 => length(bus, a),
        0x628 => crc32(bus, a, b, c),
        _ => return Outcome::Unknown,
    };
    Outcome::Returns(result)
}

/// The bytes from an address on. Where there is nothing, the core's next look at it tells.
fn byte(bus: &mut Bus, address: u32) -> u8 {
    let byte = bus.load(address, Width::Byte);
    byte.map_or(0, |byte| byte.to_le_bytes()[0])
}

pub(super) fn bytes(bus: &mut Bus, address: u32, len: u32) -> Vec<u8> {
    (0..len)
        .map(|i| byte(bus, address.wrapping_add(i)))
        .collect()
}

pub(super) fn put(bus: &mut Bus, address: u32, bytes: &[u8]) {
    for (address, byte) in (address..).zip(bytes) {
        if bus.store(address, Width::Byte, (*byte).into()).is_none() {
            bus.fail(crate::exit::Fault::Nothing { address });
            return;
        }
    }
}

fn fill(bus: &mut Bus, to: u32, byte: u32, len: u32) -> u32 {
    bus.spend(u64::from(len) / 2);
    put(bus, to, &vec![byte.to_le_bytes()[0]; len as usize]);
    to
}

fn copy(bus: &mut Bus, to: u32, from: u32, len: u32) -> u32 {
    bus.spend(u64::from(len));
    let bytes = bytes(bus, from, len);
    put(bus, to, &bytes);
    to
}

fn compare(bus: &mut Bus, a: u32, b: u32, len: u32) -> u32 {
    let (a, b) = (bytes(bus, a, len), bytes(bus, b, len));
    let differ = a.iter().zip(&b).position(|(a, b)| a != b);
    bus.spend(2 * differ.unwrap_or(a.len()) as u64);
    differ.map_or(0, |at| u32::from(a[at]).wrapping_sub(b[at].into()))
}

fn length(bus: &mut Bus, text: u32) -> u32 {
    let mut len = 0;
    while byte(bus, text.wrapping_add(len)) != 0 && bus.stop.is_none() {
        len += 1;
    }
    bus.spend(2 * u64::from(len));
    len
}

/// The usual CRC-32, going on from that of the bytes before.
fn crc32(bus: &mut Bus, before: u32, at: u32, len: u32) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    bus.spend(8 * u64::from(len));
    let mut crc = !before;
    for byte in bytes(bus, at, len) {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ POLYNOMIAL & (crc & 1).wrapping_neg();
        }
    }
    !crc
}

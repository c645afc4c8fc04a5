//! The functions that read, program and erase flash.
//!
//! They talk to the flash chip in its own commands. A program command takes 32 bytes at most, which
//! is what the chip's SPI buffer holds for it, and never crosses a page: each is one operation, and
//! what a power cut tears. While the chip is busy the function polls it.

use super::memory::{bytes, put};
use super::{Call, Frame, Outcome};
use crate::devices::nor::{PAGE, QUAD};
use crate::esp32c3::bus::Bus;
use crate::exit::{Fault, Stop};

const ERASE_BLOCK: u32 = 0x124;
const ERASE_SECTOR: u32 = 0x128;
const WRITE: u32 = 0x12C;
const READ: u32 = 0x130;
const CONFIG_PARAM: u32 = 0x134;
const UNLOCK: u32 = 0x140;
const READ_STATUS: u32 = 0x158;
const READ_STATUS_HIGH: u32 = 0x15C;
const WAIT_IDLE: u32 = 0x10C;

/// Bytes of a program command.
const MOST: u32 = 32;
/// Results.
const OK: u32 = 0;
const ERROR: u32 = 1;
/// Picoseconds to read a byte, at 40 MHz on two lines with the ROM's own work.
const READ_BYTE: u64 = 100_000;

/// What the functions know of the flash is in RAM: a pointer to it, and its place here. Another
/// program may have it elsewhere only by changing the pointer.
const LEGACY_DATA: u32 = 0x3FCD_FFF0;
const CHIP: u32 = 0x3FCD_F900;

/// Whether the function at an address changes the flash.
pub(crate) const fn changes_flash(address: u32) -> bool {
    matches!(
        address.wrapping_sub(super::START),
        ERASE_BLOCK | ERASE_SECTOR | WRITE | UNLOCK
    )
}

/// What the function at an address reads of the flash, if it is called with these arguments and
/// does nothing else but store that.
pub(super) fn reads(function: u32, [at, _, len]: [u32; 3]) -> Option<core::ops::Range<u32>> {
    (function == READ).then(|| at..at.saturating_add(len))
}

/// What the mask ROM leaves behind: a chip of 2 MiB, until somebody says otherwise.
pub(super) fn describe_chip(bus: &mut Bus) {
    put(bus, LEGACY_DATA, &CHIP.to_le_bytes());
    configure(
        bus,
        &[0x00C8_4016, 2 << 20, 0x1_0000, 0x1000, 0x100, 0xFFFF],
    );
}

fn configure(bus: &mut Bus, values: &[u32]) {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let chip = chip(bus);
    put(bus, chip, &bytes);
}

fn word(bus: &mut Bus, address: u32) -> u32 {
    let bytes = bytes(bus, address, 4);
    bytes.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

fn chip(bus: &mut Bus) -> u32 {
    word(bus, LEGACY_DATA)
}

/// How large the chip is taken to be.
fn chip_size(bus: &mut Bus) -> u32 {
    let chip = chip(bus);
    word(bus, chip.wrapping_add(4))
}

pub(super) fn serve(frame: &Frame, bus: &mut Bus) -> Outcome {
    let [a, b, c, d, e, f, ..] = frame.arguments;
    match frame.function {
        CONFIG_PARAM => {
            configure(bus, &[a, b, c, d, e, f]);
            Outcome::Returns(OK)
        }
        WAIT_IDLE => waits(bus).unwrap_or(Outcome::Returns(OK)),
        READ_STATUS => read_status(bus, b, 0x00FF),
        READ_STATUS_HIGH => read_status(bus, b, 0xFF00),
        UNLOCK => unlock(frame, bus),
        READ => read(bus, a, b, c),
        WRITE => change(frame, bus, a, c),
        ERASE_SECTOR => change(frame, bus, a.wrapping_mul(0x1000), 0x1000),
        ERASE_BLOCK => change(frame, bus, a.wrapping_mul(0x1_0000), 0x1_0000),
        _ => Outcome::Unknown,
    }
}

/// The chip is busy until then.
fn waits(bus: &Bus) -> Option<Outcome> {
    let busy = bus.nor.busy(bus.now / 1000);
    busy.then(|| Outcome::Waits(bus.nor.busy_until() * 1000))
}

/// Whether so many bytes are in the flash, as far as the ROM knows it.
fn within(bus: &mut Bus, at: u32, len: u32) -> bool {
    let size = chip_size(bus);
    let real = bus.nor.flash().config().size;
    if size > real {
        let (offset, len) = (at, size);
        bus.fail(Fault::FlashRange { offset, len });
    }
    at.checked_add(len).is_some_and(|end| end <= size)
}

fn must_be_words(bus: &mut Bus, at: u32, len: u32) {
    if (at | len) & 3 != 0 {
        bus.fail(Fault::FlashRange { offset: at, len });
    }
}

fn read(bus: &mut Bus, at: u32, to: u32, len: u32) -> Outcome {
    if let Some(waits) = waits(bus) {
        return waits;
    }
    must_be_words(bus, at, len);
    if !within(bus, at, len) {
        return Outcome::Returns(ERROR);
    }
    for offset in (at..at + len).step_by(4) {
        let word: [u8; 4] = bus.nor.read(offset);
        put(bus, to.wrapping_add(offset - at), &word);
    }
    bus.now += u64::from(len) * READ_BYTE;
    Outcome::Returns(OK)
}

/// A half of the status register, to an address.
fn read_status(bus: &mut Bus, to: u32, half: u16) -> Outcome {
    waits(bus).unwrap_or_else(|| {
        let status = u32::from(bus.nor.status() & half);
        put(bus, to, &status.to_le_bytes());
        Outcome::Returns(OK)
    })
}

/// Clears the status register but for quad mode, whatever it held: each half is an operation.
fn unlock(frame: &Frame, bus: &mut Bus) -> Outcome {
    let call = match begun(frame, bus) {
        Ok(call) => call,
        Err(outcome) => return outcome,
    };
    let write = match call.done {
        0 => [0x01, 0],
        1 => [0x31, (bus.nor.status() & QUAD).to_le_bytes()[1]],
        _ => {
            bus.rom.call = None;
            return Outcome::Returns(OK);
        }
    };
    let done = send(bus, &[0x06]).and_then(|()| send(bus, &write));
    bus.check(done);
    if let Some(call) = &mut bus.rom.call {
        call.done += 1;
    }
    Outcome::Waits(bus.nor.busy_until() * 1000)
}

/// This call, if the chip is ready for more of its work.
fn begun(frame: &Frame, bus: &mut Bus) -> Result<Call, Outcome> {
    let Some(call) = frame.call(bus) else {
        // Somebody interrupts one of these functions with another.
        let command = 0x05;
        bus.fail(Fault::CommandWhileBusy { command });
        return Err(Outcome::Returns(ERROR));
    };
    waits(bus).map_or(Ok(call), Err)
}

/// Programs or erases, an operation each time.
fn change(frame: &Frame, bus: &mut Bus, at: u32, len: u32) -> Outcome {
    let call = match begun(frame, bus) {
        Ok(call) => call,
        Err(outcome) => return outcome,
    };
    if call.done == 0 {
        must_be_words(bus, at, len);
        if !within(bus, at, len) {
            bus.rom.call = None;
            return Outcome::Returns(ERROR);
        }
    }
    if call.done >= len || bus.stop.is_some() {
        bus.rom.call = None;
        return Outcome::Returns(OK);
    }
    let (from, left) = (at + call.done, len - call.done);
    let done = match frame.function {
        WRITE => program(bus, from, frame.arguments[1].wrapping_add(call.done), left),
        ERASE_SECTOR => erase(bus, from, 0x20, len),
        _ => erase(bus, from, 0xD8, len),
    };
    if let Some(call) = &mut bus.rom.call {
        call.done += done;
    }
    // Even what changes nothing takes the time to say so.
    Outcome::Waits(bus.now.max(bus.nor.busy_until() * 1000))
}

/// One program command; how many bytes it took.
fn program(bus: &mut Bus, offset: u32, from: u32, left: u32) -> u32 {
    let len = left.min(MOST).min(PAGE - offset % PAGE);
    let data = bytes(bus, from, len);
    if bus.stop.is_none() {
        command(bus, 0x02, offset, &data);
        bus.cache.flash_changed(offset, len);
        bus.look_again();
    }
    len
}

/// One erase command.
fn erase(bus: &mut Bus, offset: u32, number: u8, len: u32) -> u32 {
    command(bus, number, offset, &[]);
    bus.cache.flash_changed(offset, len);
    bus.look_again();
    len
}

/// A command that changes something, after a write enable.
fn command(bus: &mut Bus, number: u8, offset: u32, data: &[u8]) {
    let [a, b, c, _] = offset.to_le_bytes();
    let enabled = send(bus, &[0x06]);
    let address = [number, c, b, a];
    let done = enabled.and_then(|()| send(bus, &[&address, data].concat()));
    bus.check(done);
}

fn send(bus: &mut Bus, bytes: &[u8]) -> Result<(), Stop> {
    let now = bus.now / 1000;
    bus.nor.select();
    for byte in bytes {
        bus.nor.exchange(*byte, now);
    }
    bus.nor.deselect(now)
}

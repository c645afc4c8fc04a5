//! The stand-in for the boot ROM: its function table, whose functions the host serves, and what
//! it does at a reset. Nothing of the real ROM is in it.

use crate::devices::nor::{PAGE, SECTOR};
use crate::exit::Fault;
use crate::rp2040::bus::Bus;
use crate::rp2040::devices::ssi::Ssi;
use rp2040_emu::core::CoreBus as _;

const LEN: usize = 16 * 1024;
/// Where the table of functions is, and where each function is entered.
const TABLE: usize = 0x200;
const FUNCTIONS: usize = 0x400;
const STRIDE: usize = 8;
/// The function that looks things up in the table.
const LOOKUP: usize = 0x180;
/// `bx lr`: all that a function is on this side.
const RETURN: u16 = 0x4770;

/// The functions, by the two letters of their codes.
const CODES: [[u8; 2]; 15] = [
    *b"P3", *b"R3", *b"L3", *b"T3", *b"MS", *b"S4", *b"MC", *b"C4", *b"IF", *b"EX", *b"RE", *b"RP",
    *b"FC", *b"CX", *b"UB",
];

/// Where the second stage is copied to, and its length.
pub(crate) const SECOND_STAGE: u32 = 0x2004_1F00;
const SECOND_STAGE_LEN: u32 = 256;

#[derive(Debug, Clone)]
pub(crate) struct Rom(std::sync::Arc<[u8]>);

impl Rom {
    pub(crate) fn new() -> Self {
        let mut bytes = vec![0; LEN];
        let mut put = |at: usize, value: u16| {
            bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        };
        // "Mu", format 1, version 2, then where the tables and the lookup are.
        put(0x10, u16::from_le_bytes(*b"Mu"));
        put(0x12, 0x0201);
        put(0x14, 0x200);
        put(0x16, 0x300);
        put(0x18, 0x181);
        put(LOOKUP, RETURN);
        for (i, code) in CODES.iter().enumerate() {
            let entry = FUNCTIONS + i * STRIDE;
            put(TABLE + i * 4, u16::from_le_bytes(*code));
            put(TABLE + i * 4 + 2, u16::try_from(entry | 1).unwrap_or(0));
            put(entry, RETURN);
        }
        Self(bytes.into())
    }

    pub(crate) fn read<const N: usize>(&self, address: u32) -> [u8; N] {
        let at = address as usize & (LEN - 1);
        self.0
            .get(at..at + N)
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or([0; N])
    }
}

/// Serves the function at `pc` with the arguments r0 to r3; the result goes to r0. None: `pc` is
/// not the start of a function.
pub(crate) fn serve(bus: &mut Bus, pc: u32, arguments: [u32; 4]) -> Option<u32> {
    let at = pc as usize;
    if at == LOOKUP {
        return Some(lookup(bus, arguments[0], arguments[1]));
    }
    let index = at.checked_sub(FUNCTIONS)?;
    let code = CODES.get(index / STRIDE)?;
    index
        .is_multiple_of(STRIDE)
        .then(|| call(bus, code, arguments))
}

/// Whether `pc` is where `flash_range_erase` or `flash_range_program` is entered.
pub(crate) fn changes_flash(pc: u32) -> bool {
    let index = (pc as usize).wrapping_sub(FUNCTIONS) / STRIDE;
    matches!(CODES.get(index), Some(b"RE" | b"RP"))
}

/// Whether `pc` is in a function that computes, or moves memory, and does nothing else.
pub(crate) fn computes(pc: u32) -> bool {
    let at = pc as usize;
    let code = CODES.get(at.wrapping_sub(FUNCTIONS) / STRIDE);
    at == LOOKUP
        || matches!(
            code,
            Some(b"P3" | b"R3" | b"L3" | b"T3" | b"MS" | b"S4" | b"MC" | b"C4")
        )
}

/// Entries are a code and an address, two bytes each; a code of zero ends the table.
fn lookup(bus: &mut Bus, table: u32, code: u32) -> u32 {
    let mut entry = table;
    loop {
        match u32::from(bus.read16(entry)) {
            0 => break,
            this if this == code & 0xFFFF => return u32::from(bus.read16(entry + 2)),
            _ => entry += 4,
        }
    }
    let [a, b, ..] = code.to_le_bytes();
    bus.fail(Fault::RomFunction { code: [a, b] });
    0
}

fn call(bus: &mut Bus, code: &[u8; 2], [a, b, c, d]: [u32; 4]) -> u32 {
    match code {
        b"P3" => return a.count_ones(),
        b"R3" => return a.reverse_bits(),
        b"L3" => return a.leading_zeros(),
        b"T3" => return a.trailing_zeros(),
        b"MS" | b"S4" => fill(bus, a, b, c),
        b"MC" | b"C4" => copy(bus, a, b, c),
        // connect_internal_flash: the pins are always connected.
        b"IF" => {}
        b"EX" => {
            bus.ssi = Ssi::command_mode();
            bus.nor.leave_continuous_read();
        }
        b"RE" => erase(bus, a, b, c, d),
        b"RP" => program(bus, a, b, c),
        b"FC" => bus.stale = false,
        b"CX" => bus.ssi.enter_slow_xip(&bus.nor),
        // reset_to_usb_boot: there is no USB.
        _ => bus.fail(Fault::RomFunction { code: *code }),
    }
    a
}

fn fill(bus: &mut Bus, to: u32, byte: u32, len: u32) {
    for i in 0..len {
        bus.write8(to + i, byte.to_le_bytes()[0]);
    }
    bus.spend(len);
}

fn copy(bus: &mut Bus, to: u32, from: u32, len: u32) {
    for i in 0..len {
        let byte = bus.read8(from + i);
        bus.write8(to + i, byte);
    }
    bus.spend(len);
}

/// Erases with blocks where a whole one is left, with sectors elsewhere.
fn erase(bus: &mut Bus, offset: u32, len: u32, block: u32, block_command: u32) {
    if !ready(bus) || !whole(bus, offset, len, SECTOR) {
        return;
    }
    let (mut at, end) = (offset, offset + len);
    while at < end && bus.stop.is_none() {
        let fits = block > 0 && at.is_multiple_of(block) && end - at >= block;
        let (command, step) = match fits {
            true => (block_command.to_le_bytes()[0], block),
            false => (0x20, SECTOR),
        };
        change(bus, command, at, &[]);
        at += step;
    }
}

fn program(bus: &mut Bus, offset: u32, from: u32, len: u32) {
    if !ready(bus) || !whole(bus, offset, len, PAGE) {
        return;
    }
    for at in (0..len).step_by(PAGE as usize) {
        let page: Vec<u8> = (0..PAGE).map(|i| bus.read8(from + at + i)).collect();
        if bus.stop.is_some() {
            return;
        }
        change(bus, 0x02, offset + at, &page);
    }
}

/// The functions talk to the chip with commands: the SSI has to be set up for them.
fn ready(bus: &mut Bus) -> bool {
    if bus.ssi.in_xip() {
        bus.fail(Fault::RomNeedsCommandMode);
    }
    bus.stop.is_none()
}

fn whole(bus: &mut Bus, offset: u32, len: u32, unit: u32) -> bool {
    let whole = offset.is_multiple_of(unit) && len.is_multiple_of(unit);
    let size = bus.nor.flash().config().size;
    if !whole || offset.checked_add(len).is_none_or(|end| end > size) {
        bus.fail(Fault::FlashRange { offset, len });
    }
    bus.stop.is_none()
}

/// Write enable, the command with its address and data, and the wait until it is done.
fn change(bus: &mut Bus, command: u8, offset: u32, data: &[u8]) {
    let [_, address @ ..] = offset.to_be_bytes();
    let done =
        transfer(bus, &[&[0x06]]).and_then(|()| transfer(bus, &[&[command], &address, data]));
    if let Err(stop) = done {
        bus.fail(stop);
    }
    bus.now = bus.now.max(bus.nor.busy_until());
}

fn transfer(bus: &mut Bus, parts: &[&[u8]]) -> Result<(), crate::exit::Stop> {
    bus.nor.select();
    for &byte in parts.iter().copied().flatten() {
        bus.nor.exchange(byte, bus.now);
    }
    bus.nor.deselect(bus.now)
}

/// What the ROM does after a reset: copies the second stage to RAM, if its checksum is right.
pub(crate) fn load_second_stage(bus: &mut Bus) -> bool {
    let stage: [u8; SECOND_STAGE_LEN as usize] = bus.nor.read(0);
    let (code, check) = stage.split_at(stage.len() - 4);
    if crc32(code).to_le_bytes() != check {
        return false;
    }
    bus.memory.write(SECOND_STAGE, stage)
}

/// CRC-32 with the polynomial 0x04C11DB7, most significant bit first, nothing inverted at the end.
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            let carry = crc & 1 << 31 != 0;
            (crc << 1) ^ if carry { 0x04C1_1DB7 } else { 0 }
        })
    })
}

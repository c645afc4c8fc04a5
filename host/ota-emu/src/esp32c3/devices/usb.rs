//! USB as a serial line, with a host that takes whatever is sent and sends nothing.

use super::registers::Registers;

/// EP1_CONF: there is room for bytes, always.
const ROOM: u32 = 1 << 1;
/// Interrupts: a host is there; all was taken.
const START_OF_FRAME: u32 = 1 << 1;
const EMPTY: u32 = 1 << 3;

const AFTER_RESET: &[(u32, u32)] = &[
    (0x18, 0x4200),
    (0x20, 0x44),
    (0x28, 1),
    (0x2C, 1),
    (0x30, 1),
    (0x34, 1),
    (0x48, 2),
];

#[derive(Debug, Clone)]
pub(crate) struct Usb {
    registers: Registers,
    sent: Vec<u8>,
    raised: u32,
    enabled: u32,
}

impl Usb {
    pub(crate) fn new() -> Self {
        Self {
            registers: Registers::new(AFTER_RESET),
            sent: Vec::new(),
            raised: EMPTY,
            enabled: 0,
        }
    }

    pub(crate) const fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    pub(crate) fn take_sent(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.sent)
    }

    pub(crate) const fn line(&self) -> bool {
        self.raised & self.enabled != 0
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 => 0,
            0x04 => ROOM,
            0x08 => self.raised | START_OF_FRAME,
            0x0C => (self.raised | START_OF_FRAME) & self.enabled,
            0x10 => self.enabled,
            _ => self.registers.read(offset),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            0x00 => self.sent.push(value.to_le_bytes()[0]),
            // Sent off: the host has taken it.
            0x04 if value & 1 != 0 => self.raised |= EMPTY,
            0x10 => self.enabled = value,
            0x14 => self.raised &= !value,
            _ => self.registers.write(offset, value),
        }
    }
}

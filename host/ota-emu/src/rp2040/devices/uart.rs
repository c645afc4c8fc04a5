//! UART0 (a PL011): what the firmware sends is kept, what the host has for it can be read.

use crate::devices::Plain;
use std::collections::VecDeque;

/// Bits of the interrupt registers: something received, room to send.
const RECEIVED: u32 = 1 << 4 | 1 << 6;
const SENT: u32 = 1 << 5;

#[derive(Debug, Clone, Default)]
pub(crate) struct Uart {
    registers: Plain,
    to_firmware: VecDeque<u8>,
    from_firmware: Vec<u8>,
    mask: u32,
    raised: u32,
}

impl Uart {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.to_firmware.extend(bytes);
        self.level();
    }

    /// What was sent since the last call.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.from_firmware)
    }

    pub(crate) const fn has_output(&self) -> bool {
        !self.from_firmware.is_empty()
    }

    pub(crate) const fn line(&self) -> bool {
        self.raised & self.mask != 0
    }

    /// The receive interrupts stay up as long as there is something to receive.
    fn level(&mut self) {
        if self.to_firmware.is_empty() {
            self.raised &= !RECEIVED;
        } else {
            self.raised |= RECEIVED;
        }
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            0x00 => {
                let byte = self.to_firmware.pop_front().unwrap_or(0);
                self.level();
                u32::from(byte)
            }
            // Flags: sent everything, and nothing received.
            0x18 => 1 << 7 | u32::from(self.to_firmware.is_empty()) << 4,
            0x38 => self.mask,
            0x3C => self.raised,
            0x40 => self.raised & self.mask,
            _ => self.registers.read(offset),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            0x00 => {
                self.from_firmware.push(value.to_le_bytes()[0]);
                self.raised |= SENT;
            }
            0x38 => self.mask = value,
            0x44 => {
                self.raised &= !value;
                self.level();
            }
            _ => self.registers.write(offset, value),
        }
    }
}

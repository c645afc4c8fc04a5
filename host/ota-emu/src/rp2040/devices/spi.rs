//! SPI0 (a PL022): what is sent comes back from the device on the wires in the same moment.

use crate::devices::Plain;
use std::collections::VecDeque;

/// Entries of each FIFO.
const DEPTH: usize = 8;

#[derive(Debug, Clone, Default)]
pub(crate) struct Spi {
    registers: Plain,
    received: VecDeque<u8>,
    overrun: bool,
}

impl Spi {
    pub(crate) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.received.len() < DEPTH
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            0x08 => u32::from(self.received.pop_front().unwrap_or(0)),
            0x0C => self.status(),
            0x18 => self.raw_interrupts(),
            0x1C => self.raw_interrupts() & self.registers.read(0x14),
            _ => self.registers.read(offset),
        }
    }

    /// Nothing left to send, room to send; something received, no room to receive.
    fn status(&self) -> u32 {
        let full = self.received.len() >= DEPTH;
        0b11 | u32::from(self.has_received()) << 2 | u32::from(full) << 3
    }

    fn raw_interrupts(&self) -> u32 {
        let half = self.received.len() * 2 >= DEPTH;
        u32::from(self.overrun) | u32::from(half) << 2 | 1 << 3
    }

    /// `exchange` is the device on the other end of the wires.
    pub(crate) fn write(&mut self, offset: u32, value: u32, exchange: impl FnOnce(u8) -> u8) {
        match offset {
            0x08 => self.push(exchange(value.to_le_bytes()[0])),
            0x20 => self.overrun &= value & 1 == 0,
            _ => self.registers.write(offset, value),
        }
    }

    fn push(&mut self, byte: u8) {
        if self.received.len() < DEPTH {
            self.received.push_back(byte);
        } else {
            // The byte is lost, as it is on the chip.
            self.overrun = true;
        }
    }
}

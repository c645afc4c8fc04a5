//! Oscillators, PLLs and clock multiplexers: whatever is asked for is stable at once.
//!
//! The core runs at 125 MHz from the first instruction on; what the firmware sets up is
//! remembered, and does not change the speed.

use crate::devices::Plain;

/// Nanoseconds that a cycle of the core takes.
pub(crate) const NS_PER_CYCLE: u64 = 8;

/// CLOCKS.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clocks(Plain);

impl Clocks {
    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            // CLK_REF_SELECTED and CLK_SYS_SELECTED: one bit for each source.
            0x38 => 1 << (self.0.read(0x30) & 3),
            0x44 => 1 << (self.0.read(0x3C) & 1),
            // The other multiplexers have no such register: always 1.
            0x08 | 0x14 | 0x20 | 0x2C | 0x50 | 0x5C | 0x68 | 0x74 => 1,
            // The frequency counter is done, and has counted 125 MHz (in kHz, 5 fractional bits).
            0x98 => 1 << 4,
            0x9C => 125_000 << 5,
            _ => self.0.read(offset),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        self.0.write(offset, value);
    }
}

/// A block with one register that says "stable".
#[derive(Debug, Clone)]
pub(crate) struct Oscillator {
    registers: Plain,
    status: u32,
    /// What the status says, once asked for.
    stable: u32,
    random: u32,
}

impl Oscillator {
    pub(crate) fn crystal() -> Self {
        Self::new(0x04, 1 << 31 | 1 << 12)
    }

    pub(crate) fn ring() -> Self {
        Self::new(0x18, 1 << 31 | 1 << 16 | 1 << 12)
    }

    pub(crate) fn pll() -> Self {
        Self::new(0x00, 1 << 31)
    }

    fn new(status: u32, stable: u32) -> Self {
        let registers = Plain::default();
        Self {
            registers,
            status,
            stable,
            random: 0x2545_F491,
        }
    }

    /// A random bit, as the ring oscillator gives: the same ones in every run.
    pub(crate) fn random_bit(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random >> 16 & 1
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        let value = self.registers.read(offset);
        if offset == self.status {
            value | self.stable
        } else {
            value
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        self.registers.write(offset, value);
    }
}

//! Pins: levels and directions, without interrupts.

use super::registers::Registers;

const PINS: u32 = 22;
const ALL: u32 = (1 << PINS) - 1;
/// Started from flash: pin 9 was high.
const STRAPS: u32 = 0x0C;
/// PIN: its interrupts.
const INTERRUPTS: u32 = 0x1F << 13;

#[derive(Debug, Clone)]
pub(crate) struct Gpio {
    output: u32,
    enabled: u32,
    /// Levels from outside; a pin that nobody drives is high.
    input: u32,
    others: Registers,
}

impl Gpio {
    pub(crate) fn new() -> Self {
        Self {
            output: 0,
            enabled: 0,
            input: ALL,
            others: Registers::default(),
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self {
            input: self.input,
            ..Self::new()
        };
    }

    /// Whether the firmware drives a pin high.
    pub(crate) const fn output(&self, pin: u32) -> bool {
        self.output & self.enabled & 1 << pin != 0
    }

    pub(crate) const fn drive(&mut self, pin: u32, high: bool) {
        self.input = if high {
            self.input | 1 << pin
        } else {
            self.input & !(1 << pin)
        };
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x04 => self.output,
            0x20 => self.enabled,
            0x38 => STRAPS,
            0x3C => self.input & !self.enabled | self.output & self.enabled,
            _ => self.others.read(offset),
        }
    }

    /// False if it is asked for what is not modelled.
    pub(crate) fn write(&mut self, offset: u32, value: u32) -> bool {
        match offset {
            0x04 => self.output = value & ALL,
            0x08 => self.output |= value & ALL,
            0x0C => self.output &= !value,
            0x20 => self.enabled = value & ALL,
            0x24 => self.enabled |= value & ALL,
            0x28 => self.enabled &= !value,
            0x74..=0xC8 if value & INTERRUPTS != 0 => return false,
            _ => self.others.write(offset, value),
        }
        true
    }
}

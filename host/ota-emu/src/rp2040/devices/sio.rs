//! The core's own block (SIO): core number, spinlocks, integer divider. The pins are in
//! [`gpio`](super::gpio).

use crate::devices::Plain;

#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Sio {
    locks: u32,
    dividend: u32,
    divisor: u32,
    quotient: u32,
    remainder: u32,
    dirty: bool,
    /// The interpolators only remember.
    others: Plain,
}

impl Sio {
    /// Whether what is at this offset computes, or locks, and does nothing else.
    pub(crate) const fn computes(offset: u32) -> bool {
        matches!(offset, 0x00 | 0x60..=0x78 | 0x100..=0x17C)
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            // FIFO to the other core, which is asleep: there is room.
            0x50 => 1 << 1,
            0x5C => self.locks,
            0x60 | 0x68 => self.dividend,
            0x64 | 0x6C => self.divisor,
            0x70 => {
                self.dirty = false;
                self.quotient
            }
            0x74 => self.remainder,
            0x78 => 1 | u32::from(self.dirty) << 1,
            0x100..=0x17C => self.claim((offset - 0x100) / 4),
            // CPUID: core 0. The FIFO to read is empty.
            0x00 | 0x58 => 0,
            _ => self.others.read(offset),
        }
    }

    /// A spinlock reads as its own bit to the one who gets it.
    fn claim(&mut self, lock: u32) -> u32 {
        let free = !self.locks & 1 << lock;
        self.locks |= free;
        free
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            0x60 => self.divide(value, self.divisor, false),
            0x64 => self.divide(self.dividend, value, false),
            0x68 => self.divide(value, self.divisor, true),
            0x6C => self.divide(self.dividend, value, true),
            0x70 => self.quotient = value,
            0x74 => self.remainder = value,
            0x100..=0x17C => self.locks &= !(1 << ((offset - 0x100) / 4)),
            _ => self.others.write(offset, value),
        }
    }

    fn divide(&mut self, dividend: u32, divisor: u32, signed: bool) {
        (self.dividend, self.divisor, self.dirty) = (dividend, divisor, true);
        (self.quotient, self.remainder) = match (divisor, signed) {
            (0, false) => (u32::MAX, dividend),
            (0, true) if dividend.cast_signed() < 0 => (1, dividend),
            (0, true) => (u32::MAX, dividend),
            (_, false) => (dividend / divisor, dividend % divisor),
            (_, true) => {
                let (a, b) = (dividend.cast_signed(), divisor.cast_signed());
                (
                    a.wrapping_div(b).cast_unsigned(),
                    a.wrapping_rem(b).cast_unsigned(),
                )
            }
        };
    }
}

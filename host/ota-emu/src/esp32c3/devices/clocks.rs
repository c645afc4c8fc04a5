//! SYSTEM: who has a clock, who is held in reset, and how fast the processor runs.

use super::registers::Registers;
use super::{RC_FAST, XTAL};

/// Registers of the block.
const CPU: u32 = 0x08;
const ENABLES: [u32; 2] = [0x10, 0x14];
const RESETS: [u32; 2] = [0x18, 0x1C];
const FROM_CPU: u32 = 0x28;
const CLOCK: u32 = 0x58;

const AFTER_RESET: &[(u32, u32)] = &[
    (0x04, 0xC0),
    (CPU, 0x0C),
    (0x0C, 1),
    (0x10, 0xF9C1_E06F),
    (0x14, 0x0200),
    (0x1C, 0x01FE),
    (0x20, 0xFF),
    (0x24, 0x0200_1001),
    (0x38, 1),
    (0x3C, 1),
    (0x40, 5),
    (0x48, 0x7FF0_0000),
    (0x54, 1),
    // Divided by two, of a crystal of 40 MHz.
    (CLOCK, 40 << 12 | 1),
];

/// A device in the registers for clocks and resets: which of the two, and its bit.
pub(crate) type Place = (usize, u32);
pub(crate) const UART0: Place = (0, 2);
pub(crate) const TIMER_GROUPS: [Place; 2] = [(0, 13), (0, 15)];
pub(crate) const SYSTIMER: Place = (0, 29);
pub(crate) const SHA: Place = (1, 2);
/// DS and HMAC, which use SHA: it stays in reset as long as one of them does.
const HOLD_SHA: [Place; 2] = [(1, 4), (1, 5)];

#[derive(Debug, Clone)]
pub(crate) struct Clocks(Registers);

impl Clocks {
    pub(crate) fn new() -> Self {
        Self(Registers::new(AFTER_RESET))
    }

    /// Hertz of the processor.
    pub(crate) fn cpu(&self) -> u64 {
        let clock = self.0.read(CLOCK);
        let divider = u64::from(clock & 0x3FF) + 1;
        match (clock >> 10 & 3, self.0.read(CPU) & 3) {
            (1, 0) => 80_000_000,
            (1, _) => 160_000_000,
            (2, _) => RC_FAST / divider,
            _ => XTAL / divider,
        }
    }

    /// Hertz of the bus that most devices are on.
    pub(crate) fn apb(&self) -> u64 {
        match self.0.read(CLOCK) >> 10 & 3 {
            1 => 80_000_000,
            _ => self.cpu(),
        }
    }

    /// Whether a device has its clock and is not held in reset.
    pub(crate) fn has_clock(&self, (register, bit): Place) -> bool {
        self.0.read(ENABLES[register]) >> bit & 1 != 0
    }

    pub(crate) fn is_held(&self, place: Place) -> bool {
        let held = |(register, bit): Place| self.0.read(RESETS[register]) >> bit & 1 != 0;
        held(place) || place == SHA && HOLD_SHA.into_iter().any(held)
    }

    /// The four interrupt lines that software pulls.
    pub(crate) fn lines(&self) -> u32 {
        (0..4).fold(0, |lines, n| {
            lines | (self.0.read(FROM_CPU + 4 * n) & 1) << n
        })
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        self.0.read(offset)
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        self.0.write(offset, value);
    }
}

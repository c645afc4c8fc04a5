//! The pins: the core's outputs (SIO), their functions and interrupts (IO_BANK0).

use crate::devices::Plain;

/// Pins that exist.
pub(crate) const PINS: usize = 30;
const ALL: u32 = (1 << PINS) - 1;
/// The function that lets the core drive a pin.
const FUNCTION_SIO: u32 = 5;
/// Events in a nibble of the interrupt registers.
const LEVEL_LOW: u32 = 1;
const LEVEL_HIGH: u32 = 2;
const EDGE_LOW: u32 = 4;
const EDGE_HIGH: u32 = 8;

#[derive(Debug, Clone)]
pub(crate) struct Gpio {
    out: u32,
    out_enable: u32,
    /// What the board drives from outside; pins that nobody drives read high (pulled up).
    driven: u32,
    control: [u32; PINS],
    /// Edges that happened, a nibble for each pin.
    edges: [u32; 4],
    enabled: [u32; 4],
    forced: [u32; 4],
    others: Plain,
}

impl Gpio {
    pub(crate) fn new() -> Self {
        Self {
            out: 0,
            out_enable: 0,
            driven: ALL,
            control: [0x1F; PINS],
            edges: [0; 4],
            enabled: [0; 4],
            forced: [0; 4],
            others: Plain::default(),
        }
    }

    /// The same after IO_BANK0 alone went through a reset.
    pub(crate) fn reset_functions(&mut self) {
        let (out, out_enable, driven) = (self.out, self.out_enable, self.driven);
        *self = Self {
            out,
            out_enable,
            driven,
            ..Self::new()
        };
    }

    /// What is on the pins.
    pub(crate) fn levels(&self) -> u32 {
        self.driven & !self.out_enable | self.out & self.out_enable
    }

    /// Whether the core drives this pin high; an output that IO_BANK0 does not pass on is low.
    pub(crate) fn output(&self, pin: usize) -> bool {
        self.control[pin] & 0x1F == FUNCTION_SIO && self.out & self.out_enable & 1 << pin != 0
    }

    /// The board drives a pin from outside.
    pub(crate) fn drive(&mut self, pin: usize, high: bool) {
        let before = self.levels();
        self.driven = self.driven & !(1 << pin) | u32::from(high) << pin;
        self.note_edges(before);
    }

    fn note_edges(&mut self, before: u32) {
        let now = self.levels();
        for pin in 0..PINS {
            let nibble = (pin % 8) * 4;
            match (before >> pin & 1, now >> pin & 1) {
                (1, 0) => self.edges[pin / 8] |= EDGE_LOW << nibble,
                (0, 1) => self.edges[pin / 8] |= EDGE_HIGH << nibble,
                _ => {}
            }
        }
    }

    /// Edges and levels of the eight pins of one interrupt register.
    fn events(&self, register: usize) -> u32 {
        let levels = self.levels() >> (register * 8);
        (0..8).fold(self.edges[register], |events, pin| {
            let level = if levels >> pin & 1 != 0 {
                LEVEL_HIGH
            } else {
                LEVEL_LOW
            };
            events | level << (pin * 4)
        })
    }

    fn status(&self, register: usize) -> u32 {
        self.events(register) & self.enabled[register] | self.forced[register]
    }

    /// The interrupt line of the pins.
    pub(crate) fn line(&self) -> bool {
        (0..4).any(|register| {
            self.enabled[register] | self.forced[register] != 0 && self.status(register) != 0
        })
    }

    /// A register of SIO, if it is one of the pins'.
    pub(crate) fn read_sio(&self, offset: u32) -> Option<u32> {
        Some(match offset {
            0x04 => self.levels(),
            0x08 => 0,
            0x10..=0x1C => self.out,
            0x20..=0x2C => self.out_enable,
            _ => return None,
        })
    }

    /// Whether the register is one of the pins'.
    pub(crate) fn write_sio(&mut self, offset: u32, value: u32) -> bool {
        let before = self.levels();
        let register = match offset {
            0x10..=0x1C => &mut self.out,
            0x20..=0x2C => &mut self.out_enable,
            _ => return false,
        };
        *register = ALL
            & match offset & 0xC {
                0x0 => value,
                0x4 => *register | value,
                0x8 => *register & !value,
                _ => *register ^ value,
            };
        self.note_edges(before);
        true
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        let register = (offset as usize % 16) / 4;
        match offset {
            0x00..0xF0 if offset & 4 != 0 => self.control[offset as usize / 8],
            // What the pin sees: the level in from the pad.
            0x00..0xF0 => (self.levels() >> (offset / 8) & 1) << 17,
            0xF0..=0xFC => self.events(register),
            0x100..=0x10C => self.enabled[register],
            0x110..=0x11C => self.forced[register],
            0x120..=0x12C => self.status(register),
            _ => self.others.read(offset),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        let register = (offset as usize % 16) / 4;
        match offset {
            0x00..0xF0 if offset & 4 != 0 => self.control[offset as usize / 8] = value,
            0x00..0xF0 => {}
            0xF0..=0xFC => self.edges[register] &= !value,
            0x100..=0x10C => self.enabled[register] = value,
            0x110..=0x11C => self.forced[register] = value,
            _ => self.others.write(offset, value),
        }
    }
}

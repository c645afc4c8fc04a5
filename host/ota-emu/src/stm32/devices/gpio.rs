//! The pins: eight ports of sixteen, as inputs and outputs.

const PORTS: usize = 8;
const IDR: u32 = 0x10;
const ODR: u32 = 0x14;
const BSRR: u32 = 0x18;
const BRR: u32 = 0x28;
/// MODER of ports A and B after a reset: debug pins; all others are analogue.
const DEBUG_A: u32 = 0xABFF_FFFF;
const DEBUG_B: u32 = 0xFFFF_FEBF;

#[derive(Debug, Clone)]
struct Port {
    registers: [u32; 12],
    /// What drives the pins from outside; a pin that nobody drives is high.
    outside: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Gpio([Port; PORTS]);

impl Gpio {
    pub(crate) fn new() -> Self {
        let port = |port| {
            let mut registers = [0; 12];
            registers[0] = match port {
                0 => DEBUG_A,
                1 => DEBUG_B,
                _ => u32::MAX,
            };
            Port {
                registers,
                outside: 0xFFFF,
            }
        };
        Self(core::array::from_fn(port))
    }

    /// What a reset leaves: what is outside stays.
    pub(crate) fn reset(&mut self) {
        let mut fresh = Self::new();
        for (new, old) in fresh.0.iter_mut().zip(&self.0) {
            new.outside = old.outside;
        }
        *self = fresh;
    }

    /// Whether the firmware drives a pin high.
    pub(crate) fn output(&self, port: usize, pin: usize) -> bool {
        let port = &self.0[port];
        (port.outputs() & port.registers[ODR as usize / 4]) >> pin & 1 != 0
    }

    pub(crate) fn drive(&mut self, port: usize, pin: usize, high: bool) {
        let outside = &mut self.0[port].outside;
        *outside = *outside & !(1 << pin) | u32::from(high) << pin;
    }

    pub(crate) fn read(&self, port: usize, offset: u32) -> u32 {
        let port = &self.0[port];
        match offset {
            IDR => port.levels(),
            BSRR | BRR => 0,
            _ => port
                .registers
                .get(offset as usize / 4)
                .copied()
                .unwrap_or(0),
        }
    }

    pub(crate) fn write(&mut self, port: usize, offset: u32, value: u32) {
        let registers = &mut self.0[port].registers;
        let output = &mut registers[ODR as usize / 4];
        match offset {
            IDR => {}
            ODR => *output = value & 0xFFFF,
            BSRR => *output = *output & !(value >> 16) | value & 0xFFFF,
            BRR => *output &= !value,
            _ => {
                if let Some(register) = registers.get_mut(offset as usize / 4) {
                    *register = value;
                }
            }
        }
    }
}

impl Port {
    /// The pins that are outputs.
    fn outputs(&self) -> u32 {
        (0..16)
            .filter(|pin| self.registers[0] >> (2 * pin) & 3 == 1)
            .fold(0, |pins, pin| pins | 1 << pin)
    }

    fn levels(&self) -> u32 {
        let outputs = self.outputs();
        self.registers[ODR as usize / 4] & outputs | self.outside & !outputs
    }
}

//! Option bytes: what the registers show, what is programmed, and what is in effect. The chip
//! loads them at a power-up, or when it is told to (`OBL_LAUNCH`).

use std::ops::RangeInclusive;

/// OPTR as the factory leaves it: level 0, both watchdogs started by software.
const OPTR: u32 = 0xFFEF_F8AA;
/// A first page behind the last one: nothing is protected.
const NOTHING: u32 = 0xFF00_FFFF;
/// PCROP areas, which are not modelled.
const NO_AREA: [u32; 2] = [0xFFFF_FFFF, 0xFFFF_0000];

/// The registers from OPTR to WRP2BR, and their offsets.
const OFFSETS: [u32; 9] = [0x20, 0x24, 0x28, 0x2C, 0x30, 0x44, 0x48, 0x4C, 0x50];
/// Those of them that protect pages, by bank.
const WRITE_PROTECTION: [[usize; 2]; 2] = [[3, 4], [7, 8]];

type Values = [u32; 9];

#[derive(Debug, Clone)]
pub(crate) struct Options {
    registers: Values,
    programmed: Values,
    effective: Values,
}

impl Options {
    pub(crate) const fn factory() -> Self {
        let [start, end] = NO_AREA;
        let values = [
            OPTR, start, end, NOTHING, NOTHING, start, end, NOTHING, NOTHING,
        ];
        Self {
            registers: values,
            programmed: values,
            effective: values,
        }
    }

    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        let index = OFFSETS.iter().position(|at| *at == offset)?;
        self.registers.get(index).copied()
    }

    /// Whether there is such a register.
    pub(crate) fn write(&mut self, offset: u32, value: u32) -> bool {
        let index = OFFSETS.iter().position(|at| *at == offset);
        let register = index.and_then(|index| self.registers.get_mut(index));
        register.map(|register| *register = value).is_some()
    }

    /// Programs what the registers show (`OPTSTRT`).
    pub(crate) const fn program(&mut self) {
        self.programmed = self.registers;
    }

    /// A reset that does not load them: the registers show what is in effect.
    pub(crate) const fn reset(&mut self) {
        self.registers = self.effective;
    }

    /// What was programmed takes effect.
    pub(crate) const fn load(&mut self) {
        self.registers = self.programmed;
        self.effective = self.programmed;
    }

    /// The protected pages of a bank.
    pub(crate) fn protected(&self, bank: usize) -> impl Iterator<Item = RangeInclusive<u32>> {
        let areas = WRITE_PROTECTION[bank].map(|index| self.effective[index]);
        areas
            .into_iter()
            .map(|area| (area & 0xFF)..=(area >> 16 & 0xFF))
    }
}

//! Control and status registers.

use std::collections::BTreeMap;

const MSTATUS: u32 = 0x300;
const MISA: u32 = 0x301;
const MTVEC: u32 = 0x305;
const MSCRATCH: u32 = 0x340;
const MEPC: u32 = 0x341;
const MCAUSE: u32 = 0x342;
const MTVAL: u32 = 0x343;
/// Vendor, architecture, implementation, hart.
const IDENTITY: std::ops::RangeInclusive<u32> = 0xF11..=0xF14;

/// RV32IMC.
const ISA: u32 = 0x4000_1104;
/// Interrupts enabled; and so before the last trap.
const MIE: u32 = 1 << 3;
const MPIE: u32 = 1 << 7;
/// What was before the last trap: machine mode, always.
const MPP: u32 = 3 << 11;
/// `wfi` is trapped in user mode: kept, and nothing here looks at it.
const TW: u32 = 1 << 21;

/// What an instruction does to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing: it reads.
    None,
    Write(u32),
    Set(u32),
    Clear(u32),
}

/// The registers that do something, and all others as memory.
#[derive(Clone, Debug, Hash)]
pub struct Csrs {
    status: u32,
    vectors: u32,
    scratch: u32,
    /// Where the last trap came from.
    pub epc: u32,
    /// Why it came.
    pub cause: u32,
    /// The address or instruction that caused it.
    pub value: u32,
    others: BTreeMap<u32, u32>,
}

impl Default for Csrs {
    fn default() -> Self {
        Self {
            status: MPP | MIE,
            vectors: 1,
            scratch: 0,
            epc: 0,
            cause: 0,
            value: 0,
            others: BTreeMap::new(),
        }
    }
}

impl Csrs {
    /// Whether interrupts are enabled.
    #[must_use]
    pub fn interrupts_enabled(&self) -> bool {
        self.status & MIE != 0
    }

    /// Where handlers are: a table of jumps.
    pub(crate) const fn set_vectors(&mut self, address: u32) {
        self.vectors = address & !0xFF | 1;
    }

    /// The address of that table.
    pub(crate) const fn vectors(&self) -> u32 {
        self.vectors & !0xFF
    }

    fn read(&self, number: u32) -> u32 {
        match number {
            MSTATUS => self.status,
            MISA => ISA,
            MTVEC => self.vectors,
            MSCRATCH => self.scratch,
            MEPC => self.epc,
            MCAUSE => self.cause,
            MTVAL => self.value,
            number if IDENTITY.contains(&number) => 0,
            _ => self.others.get(&number).copied().unwrap_or(0),
        }
    }

    /// The vectors are a table of jumps at a multiple of 256: the mode cannot be changed.
    fn write(&mut self, number: u32, value: u32) {
        match number {
            MSTATUS => self.status = value & (MIE | MPIE | TW) | MPP,
            MISA => {}
            MTVEC => self.vectors = value & !0xFF | 1,
            MSCRATCH => self.scratch = value,
            MEPC => self.epc = value & !1,
            MCAUSE => self.cause = value,
            MTVAL => self.value = value,
            _ => {
                self.others.insert(number, value);
            }
        }
    }

    /// Reads, and changes. `None` if the register cannot be written, and was.
    pub(super) fn access(&mut self, number: u32, change: Change) -> Option<u32> {
        let read_only = number >> 10 == 3;
        let old = self.read(number);
        let new = match change {
            Change::None => return Some(old),
            Change::Write(value) => value,
            Change::Set(bits) => old | bits,
            Change::Clear(bits) => old & !bits,
        };
        if read_only {
            return None;
        }
        self.write(number, new);
        Some(old)
    }

    /// Enters a handler: its address.
    pub(super) fn enter(&mut self, cause: u32, value: u32, pc: u32) -> u32 {
        let enabled_before = if self.interrupts_enabled() { MPIE } else { 0 };
        self.status = self.status & !(MIE | MPIE) | enabled_before;
        (self.epc, self.cause, self.value) = (pc, cause, value);
        let base = self.vectors & !0xFF;
        match cause >> 31 {
            0 => base,
            _ => base + 4 * (cause & 31),
        }
    }

    /// Leaves it: where to go on.
    pub(super) fn leave(&mut self) -> u32 {
        let enabled = if self.status & MPIE != 0 { MIE } else { 0 };
        self.status = self.status & !MIE | enabled | MPIE;
        self.epc
    }
}

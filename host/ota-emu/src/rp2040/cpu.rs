//! The core: a Cortex-M0+ of the crate `rp2040-emu`, with what it takes to snapshot it and to
//! tell why it faulted.

use crate::exit::Fault;
use crate::rp2040::bus::Bus;
use rp2040_emu::core::{CoreBus as _, CortexM0Plus, Registers};

/// EXC_RETURN to thread mode with the process stack.
const FROM_PROCESS_STACK: u32 = 0xFFFF_FFFD;
/// Offset of the program counter in a stacked frame.
const STACKED_PC: u32 = 24;
/// Region 1 of the address space, in the crate's masks.
const FLASH_REGION: u8 = 1 << 1;
const WFI: u16 = 0xBF30;

pub(crate) struct Cpu(CortexM0Plus);

impl Clone for Cpu {
    fn clone(&self) -> Self {
        let mut core = CortexM0Plus::with_id(0);
        core.regs = copy(&self.0.regs);
        core.cycles = self.0.cycles;
        if self.0.is_halted() {
            core.halt();
        }
        Self(core)
    }
}

/// The crate's registers cannot be cloned.
const fn copy(registers: &Registers) -> Registers {
    let Registers {
        r,
        xpsr,
        primask,
        control,
        msp,
        psp,
    } = *registers;
    Registers {
        r,
        xpsr,
        primask,
        control,
        msp,
        psp,
    }
}

/// What a call leaves in the core.
pub(crate) struct Core(Registers);

impl core::fmt::Debug for Core {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Core")
            .field("pc", &format_args!("{:#010x}", self.0.pc()))
            .finish_non_exhaustive()
    }
}

impl core::hash::Hash for Cpu {
    fn hash<H: core::hash::Hasher>(&self, hasher: &mut H) {
        self.registers().hash(hasher);
    }
}

impl core::fmt::Debug for Cpu {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Cpu")
            .field("pc", &format_args!("{:#010x}", self.pc()))
            .finish_non_exhaustive()
    }
}

/// What a step came to, besides its cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    None,
    /// The hard fault handler was entered.
    HardFault,
    /// `WFI`, and nothing is pending.
    Waits,
    /// A fault in the hard fault handler.
    LockedUp,
}

impl Cpu {
    /// At its first instruction.
    pub(crate) fn starting_at(pc: u32, sp: u32) -> Self {
        let mut core = CortexM0Plus::with_id(0);
        core.regs.set_pc(pc & !1);
        core.regs.set_sp(sp);
        core.regs.msp = sp;
        Self(core)
    }

    pub(crate) fn pc(&self) -> u32 {
        self.0.regs.pc()
    }

    pub(crate) fn lr(&self) -> u32 {
        self.0.regs.lr()
    }

    pub(crate) fn stack_pointer(&self) -> u32 {
        self.0.regs.sp()
    }

    /// All registers, to be compared.
    pub(crate) const fn registers(&self) -> ([u32; 16], [u32; 5]) {
        let regs = &self.0.regs;
        let special = [regs.xpsr, regs.primask, regs.control, regs.msp, regs.psp];
        (regs.r, special)
    }

    /// All registers.
    pub(crate) fn core(&self) -> Core {
        Core(copy(&self.0.regs))
    }

    pub(crate) fn set_core(&mut self, core: &Core) {
        self.0.regs = copy(&core.0);
    }

    pub(crate) fn arguments(&self) -> [u32; 4] {
        core::array::from_fn(|i| self.0.reg(i))
    }

    pub(crate) fn set_result(&mut self, value: u32) {
        self.0.set_reg(0, value);
    }

    /// One of r0 to r7.
    pub(crate) fn register(&self, register: usize) -> u32 {
        self.0.reg(register)
    }

    pub(crate) fn set_register(&mut self, register: usize, value: u32) {
        self.0.set_reg(register, value);
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.0.is_halted()
    }

    pub(crate) fn wake(&mut self) {
        self.0.wake();
    }

    /// One instruction, or the entry into an exception.
    pub(crate) fn step(&mut self, bus: &mut Bus) -> (u32, Event) {
        let pc = self.pc();
        let faulted = self.0.is_in_hardfault();
        let handling = bus.core.ppb.0.active != 0;
        let exception = self.0.regs.ipsr();
        let cycles = self.0.step(bus).max(1);
        if self.0.regs.ipsr() != exception {
            bus.recordings.give_up();
        }
        // Leaving an exception is an event, so that no `WFE` misses what an interrupt did.
        if handling && bus.core.ppb.0.active == 0 {
            bus.core.event = true;
        }
        let event = if self.0.is_halted() {
            match bus.read16(pc) {
                WFI if !faulted => Event::Waits,
                _ => Event::LockedUp,
            }
        } else if !faulted && self.0.is_in_hardfault() {
            Event::HardFault
        } else {
            Event::None
        };
        (cycles, event)
    }

    /// Why the hard fault handler was entered, seen from its first instruction.
    pub(crate) fn hard_fault(&self, bus: &mut Bus) -> Fault {
        if let Some(address) = bus.core.nothing_at.take() {
            return Fault::Nothing { address };
        }
        let frame = if self.lr() == FROM_PROCESS_STACK {
            self.0.regs.psp
        } else {
            self.0.regs.msp
        };
        let pc = bus.read32(frame.wrapping_add(STACKED_PC));
        match bus.read16(pc & !1) {
            instruction if instruction >> 8 == 0xBE => Fault::Breakpoint { pc },
            instruction if accesses_memory(instruction) => Fault::Unaligned { pc },
            _ => Fault::Undefined { pc },
        }
    }

    pub(crate) fn forget_code(&mut self, addresses: &[u32]) {
        self.0.invalidate_decode_cache_entries(addresses);
    }

    pub(crate) fn forget_flash(&mut self) {
        self.0.invalidate_decode_cache_regions(FLASH_REGION);
    }
}

/// Loads and stores of every kind, push and pop.
const fn accesses_memory(instruction: u16) -> bool {
    matches!(instruction >> 11, 0b01001..=0b10011 | 0b11000 | 0b11001)
        || instruction & 0xF600 == 0xB400
}

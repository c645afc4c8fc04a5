//! The core: the Cortex-M33 of the crate `rp2350-emu` as a Cortex-M4, with what it takes to
//! snapshot it and to tell why it faulted.

mod copy;
pub(super) use copy::Core;
pub(crate) mod fixes;
mod port;
mod private;
#[cfg(test)]
mod tests;

use super::bus::Bus;
use crate::exit::Fault;
use fixes::Fix;
use port::{Port, Side};
use rp2350_emu::core::CortexM33;

/// The only core.
const THIS: usize = 0;
const HARD_FAULT: u32 = 3;
const WFI: u16 = 0xBF30;
/// The upper half of `bkpt`.
const BREAKPOINT: u16 = 0xBE;
/// EXC_RETURN: the frame is on the process stack.
const FROM_PROCESS_STACK: u32 = 1 << 2;
/// Offset of the program counter in a stacked frame.
const STACKED_PC: u32 = 24;
/// CFSR: the bus fault address is valid.
const ADDRESS_VALID: u32 = 1 << 15;

pub(crate) struct Cpu {
    core: CortexM33,
    side: Side,
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
    /// `bkpt`.
    Breakpoint,
    /// A fault in the hard fault handler.
    LockedUp,
}

impl Cpu {
    /// At its first instruction.
    pub(crate) fn starting_at(pc: u32, sp: u32) -> Self {
        let side = Side::default();
        let mut core = CortexM33::new(0, side.atomics.clone());
        core.regs.msp = sp;
        core.regs.set_sp(sp);
        core.regs.set_pc(pc & !1);
        core.regs.set_lr(u32::MAX);
        // Not so on a Cortex-M33: the FPU is off until it is enabled.
        core.ppb.cpacr = 0;
        Self { core, side }
    }

    pub(crate) fn pc(&self) -> u32 {
        self.core.regs.pc()
    }

    /// Core registers and flags.
    pub(crate) fn registers(&self) -> ([u32; 16], u32) {
        (self.core.regs.r, self.core.regs.xpsr)
    }

    pub(crate) fn stack_pointer(&self) -> u32 {
        self.core.regs.sp()
    }

    /// Where a function that begins now returns to, and the stack pointer then.
    pub(crate) fn return_point(&self) -> (u32, u32) {
        (self.core.regs.lr() & !1, self.stack_pointer())
    }

    /// Whether nothing waits to interrupt it, nor anything that it has begun to be settled.
    pub(crate) fn is_undisturbed(&self) -> bool {
        !self.has_pending() && self.core.it_state() & 0xF == 0 && self.side.stores.is_empty()
    }

    /// Sleeping, after `WFI` or `WFE`.
    pub(crate) fn sleeps(&self) -> bool {
        self.core.is_halted() || self.core.is_wfe_waiting()
    }

    /// Wakes up if there is a reason to.
    pub(crate) fn wakes(&mut self) -> bool {
        let event = self.core.is_wfe_waiting() && self.side.atomics.event_flag_consume(THIS);
        let wakes = event || self.has_pending();
        if wakes {
            self.core.wake();
            self.side.atomics.clear_wfe_waiting(THIS);
        }
        wakes
    }

    /// One instruction, or the entry into an exception; how many cycles it took.
    pub(crate) fn step(&mut self, bus: &mut Bus) -> (u64, Event) {
        let (pc, before) = (self.pc(), self.core.cycles());
        let exception = self.core.regs.ipsr();
        let first = bus.instruction(pc);
        match first.and_then(|first| fix(bus, pc, first)) {
            Some(fix) => self.step_around(&fix, bus),
            None => self.step_core(bus),
        }
        self.settle_private(bus);
        if core::mem::take(&mut bus.other_code) {
            self.core.invalidate_decode_cache_all();
            if bus.in_flash(pc).is_some() {
                bus.fail(Fault::CodeExchanged { pc });
            }
        }
        let now = self.core.regs.ipsr();
        if now != exception {
            bus.recordings.give_up();
        }
        if now != exception && exception != 0 {
            // Leaving an exception is an event, so that no `WFE` misses what an interrupt did.
            self.side.atomics.set_event_flag(THIS);
        }
        let halted = self.core.is_halted() && now == exception;
        let event = match first {
            Some(first) if halted && first >> 8 == BREAKPOINT => Event::Breakpoint,
            Some(first) if halted && first != WFI => Event::LockedUp,
            _ if now == HARD_FAULT && exception != HARD_FAULT => Event::HardFault,
            _ => Event::None,
        };
        (self.core.cycles() - before, event)
    }

    fn step_core(&mut self, bus: &mut Bus) {
        let Self { core, side } = self;
        core.step(&mut Port { bus, side });
    }

    /// An instruction that the core gets wrong.
    fn step_around(&mut self, fix: &Fix, bus: &mut Bus) {
        let pc = self.pc();
        let it = self.core.it_state();
        let passes = it & 0xF == 0 || self.core.regs.condition_passed(it >> 4);
        self.side.stand_in = Some((pc, fix.stand_in));
        self.step_core(bus);
        self.side.stand_in = None;
        // Anywhere else, and an exception was taken in its place.
        if passes && self.pc() == pc + fix.width {
            let Self { core, side } = self;
            fix.apply(&mut core.regs, pc, &mut Port { bus, side });
        }
    }

    /// Why the hard fault handler was entered, seen from its first instruction.
    pub(crate) fn hard_fault(&self, bus: &Bus) -> Fault {
        if self.core.ppb.cfsr & ADDRESS_VALID != 0 {
            let address = bus.nothing_at.unwrap_or(self.core.ppb.bfar);
            return Fault::Nothing { address };
        }
        let registers = &self.core.regs;
        let frame = if registers.lr() & FROM_PROCESS_STACK != 0 {
            registers.psp
        } else {
            registers.msp
        };
        let pc = bus.word(frame.wrapping_add(STACKED_PC)).unwrap_or(0);
        Fault::Undefined { pc }
    }

    /// The code in a range was changed.
    pub(crate) fn forget_code(&mut self, range: core::ops::Range<u32>) {
        if range.len() > 256 {
            self.core.invalidate_decode_cache_all();
        } else {
            let halves: Vec<u32> = range.step_by(2).collect();
            self.core.invalidate_decode_cache_entries(&halves);
        }
    }
}

fn fix(bus: &Bus, pc: u32, first: u16) -> Option<Fix> {
    if !fixes::is_suspect(first) {
        return None;
    }
    fixes::find(first, bus.instruction(pc + 2).unwrap_or(0))
}

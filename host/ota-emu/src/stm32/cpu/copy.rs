//! Copying the core, which the crate does not do.

use super::{Cpu, Port, Side, THIS};
use crate::stm32::bus::Bus;
use core::hash::{Hash, Hasher};
use rp2350_emu::bus::ppb::Ppb;
use rp2350_emu::core::{CortexM33, Registers};
use std::hash::DefaultHasher;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// `it`, without its condition and mask.
const IT: u16 = 0xBF00;

impl Cpu {
    /// A copy that goes on as this one would. An exclusive access that has begun is the
    /// exception: it fails, as after an interrupt, and the firmware begins it anew.
    pub(crate) fn copy(&self, bus: &mut Bus) -> Self {
        let side = Side::default();
        let mut core = CortexM33::new(0, side.atomics.clone());
        let mut copy = Self { core, side };
        copy.enter_it_block(self.core.it_state(), bus);
        core = copy.core;
        core.regs = registers(&self.core.regs);
        core.ppb = private(&self.core.ppb);
        let (from, to) = (&self.side.atomics, &copy.side.atomics);
        for (from, to) in [
            (&from.halted, &to.halted),
            (&from.wfe_waiting, &to.wfe_waiting),
            (&from.event_flag, &to.event_flag),
        ] {
            to[THIS].store(from[THIS].load(Relaxed), Relaxed);
        }
        Self {
            core,
            side: copy.side,
        }
    }

    /// The state of an IT block can only be set by an `it`: its operands are the state.
    fn enter_it_block(&mut self, state: u8, bus: &mut Bus) {
        if state & 0xF == 0 {
            return;
        }
        let it = IT | u16::from(state);
        self.core.regs.set_pc(0);
        self.side.stand_in = Some((0, [it, it]));
        let Self { core, side } = self;
        core.step(&mut Port { bus, side });
        self.side.stand_in = None;
        self.core.invalidate_decode_cache_all();
    }
}

/// What a call leaves in the core.
pub struct Core {
    registers: Registers,
    last_fetch: u32,
    waits: u32,
}

impl core::fmt::Debug for Core {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Core")
            .field("pc", &format_args!("{:#010x}", self.registers.pc()))
            .finish_non_exhaustive()
    }
}

impl Cpu {
    /// The registers, and what the next fetch depends on.
    pub(crate) fn core(&self) -> Core {
        Core {
            registers: registers(&self.core.regs),
            last_fetch: self.side.last_fetch,
            waits: self.side.waits,
        }
    }

    /// The private peripherals stay as they are.
    pub(crate) fn set_core(&mut self, core: &Core) {
        self.core.regs = registers(&core.registers);
        self.side.last_fetch = core.last_fetch;
        self.side.waits = core.waits;
    }

    /// Hashes what the time of the next fetch depends on.
    pub(crate) fn hash_fetches(&self, hasher: &mut impl Hasher) {
        (self.side.last_fetch, self.side.waits).hash(hasher);
    }

    /// Of the private peripherals.
    pub(crate) fn private_fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash_private(&mut hasher);
        hasher.finish()
    }
}

impl Hash for Cpu {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let regs = &self.core.regs;
        (regs.r, regs.xpsr, regs.control, regs.fpscr).hash(hasher);
        regs.s.map(f32::to_bits).hash(hasher);
        (regs.primask, regs.basepri, regs.faultmask).hash(hasher);
        (regs.msp, regs.psp, self.core.it_state()).hash(hasher);
        self.hash_private(hasher);
    }
}

impl Cpu {
    fn hash_private(&self, hasher: &mut impl Hasher) {
        let ppb = &self.core.ppb;
        (ppb.vtor, ppb.scr, ppb.ccr, ppb.shpr, ppb.shcsr, ppb.icsr).hash(hasher);
        (ppb.cfsr, ppb.hfsr, ppb.cpacr, ppb.fpccr, ppb.fpcar).hash(hasher);
        for words in [&ppb.nvic_iser, &ppb.nvic_ispr, &ppb.nvic_iabr] {
            words.each_ref().map(|word| word.load(Relaxed)).hash(hasher);
        }
        ppb.nvic_ipr.hash(hasher);
        let atomics = &self.side.atomics;
        for flags in [&atomics.halted, &atomics.wfe_waiting, &atomics.event_flag] {
            flags[THIS].load(Relaxed).hash(hasher);
        }
    }
}

fn registers(from: &Registers) -> Registers {
    let mut to = Registers::new();
    to.r = from.r;
    to.s = from.s;
    to.xpsr = from.xpsr;
    to.primask = from.primask;
    to.basepri = from.basepri;
    to.faultmask = from.faultmask;
    to.control = from.control;
    to.msp = from.msp;
    to.psp = from.psp;
    to.fpscr = from.fpscr;
    to
}

fn private(from: &Ppb) -> Ppb {
    let words = |from: &[AtomicU32; 2]| from.each_ref().map(|word| word.load(Relaxed).into());
    let mut to = Ppb::default();
    to.vtor = from.vtor;
    to.aircr = from.aircr;
    to.scr = from.scr;
    to.ccr = from.ccr;
    to.shpr = from.shpr;
    to.shcsr = from.shcsr;
    to.cfsr = from.cfsr;
    to.hfsr = from.hfsr;
    to.mmfar = from.mmfar;
    to.bfar = from.bfar;
    to.cpacr = from.cpacr;
    to.icsr = from.icsr;
    to.fpccr = from.fpccr;
    to.fpcar = from.fpcar;
    to.fpdscr = from.fpdscr;
    to.mpu_ctrl = from.mpu_ctrl;
    to.mpu_rnr = from.mpu_rnr;
    to.mpu_regions = from.mpu_regions;
    to.demcr = from.demcr;
    to.syst_csr = from.syst_csr;
    to.syst_rvr = from.syst_rvr;
    to.syst_cvr = from.syst_cvr;
    to.nvic_iser = words(&from.nvic_iser);
    to.nvic_ispr = words(&from.nvic_ispr);
    to.nvic_iabr = words(&from.nvic_iabr);
    to.nvic_ipr = from.nvic_ipr;
    to
}

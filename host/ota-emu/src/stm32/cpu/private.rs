//! The private peripherals: what the crate does not do, or does for another chip.

use super::Cpu;
use crate::exit::{Fault, Reset};
use crate::stm32::bus::Bus;
use std::sync::atomic::Ordering::Relaxed;

/// Priorities are the upper bits of a byte; the crate knows three of the chip's four.
const PRIORITY: u32 = 0xE0;
const NMI_PENDING: u32 = 1 << 31;
const PENDSV_PENDING: u32 = 1 << 28;
const SYSTICK_PENDING: u32 = 1 << 26;
const VECTACTIVE: u32 = 0x1FF;
/// SYST_CSR: the counter has reached zero.
const COUNTFLAG: u32 = 1 << 16;
/// AIRCR: the key, and the request for a reset.
const KEY: u32 = 0x05FA;
const SYSRESETREQ: u32 = 1 << 2;

impl Cpu {
    /// Does what the last instruction stored into the private peripherals.
    #[inline]
    pub(super) fn settle_private(&mut self, bus: &mut Bus) {
        if !self.side.stores.is_empty() {
            self.settle_stores(bus);
        }
        let ppb = &mut self.core.ppb;
        ppb.icsr = ppb.icsr & !VECTACTIVE | self.core.regs.ipsr();
        if bus.systick.runs() {
            ppb.syst_cvr = bus.systick.value(bus.now);
        }
    }

    fn settle_stores(&mut self, bus: &mut Bus) {
        for store in core::mem::take(&mut self.side.stores) {
            let lane = 8 * (store.address & 3);
            match store.address & 0xFFFF {
                0xED0C if store.value >> 16 == KEY && store.value & SYSRESETREQ != 0 => {
                    bus.reset.get_or_insert(Reset::System);
                }
                register @ (0xE010 | 0xE014 | 0xE018) => {
                    bus.systick.write(register & 0xF, store.value, bus.now);
                    bus.deadline = 0;
                }
                // The crate drops stores of single bytes, which are how priorities are set.
                register @ 0xE400..=0xE433 if store.size == 1 => {
                    let word = &mut self.core.ppb.nvic_ipr[(register as usize - 0xE400) / 4];
                    *word = *word & !(0xFF << lane) | (store.value & PRIORITY) << lane;
                }
                register @ 0xED18..=0xED23 if store.size == 1 => {
                    let [byte, ..] = (store.value & PRIORITY).to_le_bytes();
                    self.core.ppb.shpr[register as usize - 0xED18] = byte;
                }
                // The cycle counter: nobody counts, so nobody may rely on it.
                0x1000 if store.value & 1 != 0 => {
                    let address = store.address;
                    bus.fail(Fault::NotModelled { address });
                }
                _ => {}
            }
        }
    }

    /// Makes pending what the devices ask for. A line that stays up while its handler runs is
    /// seen again when the handler is left.
    #[inline]
    pub(crate) fn interrupt(&mut self, bus: &mut Bus) {
        let ppb = &mut self.core.ppb;
        for (word, lines) in [bus.lines & 0xFFFF_FFFF, bus.lines >> 32]
            .into_iter()
            .enumerate()
        {
            let lines = u32::try_from(lines).unwrap_or(0);
            if lines != 0 {
                let active = ppb.nvic_iabr[word].load(Relaxed);
                ppb.nvic_ispr[word].fetch_or(lines & !active, Relaxed);
            }
        }
        if bus.flash.take_nmi() {
            ppb.icsr |= NMI_PENDING;
        }
        if bus.systick.take_fired() {
            ppb.syst_csr |= COUNTFLAG;
            if bus.systick.interrupts() {
                ppb.icsr |= SYSTICK_PENDING;
            }
        }
    }

    /// Whether something is pending that ends a sleep.
    pub(super) fn has_pending(&self) -> bool {
        let ppb = &self.core.ppb;
        let interrupt = ppb
            .nvic_ispr
            .iter()
            .zip(&ppb.nvic_iser)
            .any(|(pending, enabled)| pending.load(Relaxed) & enabled.load(Relaxed) != 0);
        interrupt || ppb.icsr & (NMI_PENDING | PENDSV_PENDING | SYSTICK_PENDING) != 0
    }

    /// Points the vector table elsewhere, as a test does.
    pub(crate) fn set_vectors(&mut self, address: u32) {
        self.core.ppb.vtor = address;
    }
}

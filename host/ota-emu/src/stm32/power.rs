//! Resets, power-ups, and where the chip starts after them.

use super::Stm32l4;
use super::bus::rubbish;
use super::cpu::Cpu;
use super::devices::rcc::{Rcc, cause};
use crate::exit::Reset;

/// What the chip takes until its first instruction, in picoseconds.
const START: u64 = 100_000_000;

impl Stm32l4 {
    pub(super) fn reset_by(&mut self, reset: Reset) {
        let cause = match reset {
            Reset::WatchdogTimeout | Reset::WatchdogForced => cause::WATCHDOG,
            Reset::System => cause::SOFTWARE,
            Reset::OptionBytes => cause::OPTION_BYTES,
        };
        self.bus.flash.reset(Some(reset));
        self.bus.rcc.reset(cause | cause::PIN);
    }

    pub(super) fn start_cold(&mut self) {
        self.bus.flash.power_up();
        self.bus.rcc = Rcc::new();
        self.bus.forget_backup();
        [self.bus.sram1, self.bus.sram2] = rubbish();
    }

    /// A flash operation is torn.
    pub(super) fn start_by_pin(&mut self) {
        self.bus.flash.reset(None);
        self.bus.rcc.reset(cause::PIN);
    }

    /// The core fetches stack and entry from the start of the flash.
    pub(super) fn fetch_vectors(&mut self) {
        self.bus.reset_devices();
        self.locked_up = false;
        self.poll = None;
        self.bus.recordings.give_up();
        self.bus.stop = None;
        self.bus.reset = None;
        self.bus.now += START;
        self.cpu = self.core_at(0);
    }

    /// A core that starts with this vector table.
    pub(super) fn core_at(&mut self, vectors: u32) -> Cpu {
        let [sp, entry] = [0, 4].map(|offset| u32::from_le_bytes(self.bus.load(vectors + offset)));
        Cpu::starting_at(entry, sp)
    }
}

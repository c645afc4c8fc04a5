//! Resets, power-ups, and where a board starts after them.

use super::{Board, State};
use crate::exit::{Exit, Reset};
use crate::stm32::bus::rubbish;
use crate::stm32::cpu::Cpu;
use crate::stm32::devices::rcc::{Rcc, cause};

/// What the chip takes until its first instruction, in picoseconds.
const START: u64 = 100_000_000;

impl Board {
    pub(super) fn reset(&mut self, reset: Reset) -> Exit {
        let cause = match reset {
            Reset::WatchdogTimeout | Reset::WatchdogForced => cause::WATCHDOG,
            Reset::System => cause::SOFTWARE,
            Reset::OptionBytes => cause::OPTION_BYTES,
        };
        self.collect();
        self.log.note(self.now_ns(), format!("reset: {reset}"));
        self.bus.flash.reset(Some(reset));
        self.bus.rcc.reset(cause | cause::PIN);
        self.boot();
        Exit::Reset(reset)
    }

    /// The core fetches stack and entry from the start of the flash.
    pub(super) fn boot(&mut self) {
        self.log.cut_off();
        self.bus.reset_devices();
        self.locked_up = false;
        self.stopped_at = None;
        self.bus.stop = None;
        self.bus.reset = None;
        self.bus.now += START;
        let [sp, entry] = [0, 4].map(|address| u32::from_le_bytes(self.bus.load(address)));
        self.cpu = Cpu::starting_at(entry, sp);
        self.state = State::Runs;
    }

    /// The power comes back after a cut; if it was on, it goes for a moment. Everything but the
    /// contents of the flash starts anew, RAM with rubbish in it.
    pub fn power_up(&mut self) {
        self.collect();
        self.bus.flash.power_up();
        self.bus.rcc = Rcc::new();
        self.bus.forget_backup();
        [self.bus.sram1, self.bus.sram2] = rubbish();
        self.log.note(self.now_ns(), "power on");
        self.boot();
    }

    /// Presses the reset button: RAM keeps its contents. A flash operation is torn.
    pub fn press_reset(&mut self) {
        self.collect();
        self.bus.flash.reset(None);
        self.bus.rcc.reset(cause::PIN);
        self.log.note(self.now_ns(), "reset: NRST pin");
        self.boot();
    }

    /// Starts at a vector table (in flash or RAM) instead of the one at the start of the flash.
    pub fn start_at(&mut self, vectors: u32) {
        let [sp, entry] = [0, 4].map(|offset| u32::from_le_bytes(self.bus.load(vectors + offset)));
        self.cpu = Cpu::starting_at(entry, sp);
        self.cpu.set_vectors(vectors);
        self.state = State::Runs;
    }
}

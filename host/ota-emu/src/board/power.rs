//! Resets, power-ups, and where a board starts after them.

use super::{Board, State};
use crate::bus::{RAM_LEN, RAM_START};
use crate::cpu::Cpu;
use crate::devices::resets::ChipReset;
use crate::devices::watchdog::{REASON_FORCE, REASON_TIMER, Watchdog};
use crate::exit::{Exit, Fault, Reset};
use crate::memory::Memory;
use crate::rom;
use rp2040_emu::core::CoreBus as _;

/// What the boot ROM takes until it jumps to the second stage, in nanoseconds.
const BOOT_ROM_NS: u64 = 5_000_000;

impl Board {
    pub(super) fn reset(&mut self, cause: Reset) -> Exit {
        let reason = match cause {
            Reset::WatchdogTimeout => Some(REASON_TIMER),
            Reset::WatchdogForced => Some(REASON_FORCE),
            // Option bytes are the other chip's.
            Reset::System | Reset::OptionBytes => None,
        };
        if reason.is_some() && !self.bus.power_sequence.watchdog_resets_core() {
            return self.stop(Exit::Fault(Fault::WatchdogSelectsNothing));
        }
        self.collect();
        self.log.note(self.bus.now, format!("reset: {cause}"));
        match reason {
            Some(reason) => {
                self.bus.watchdog = self.bus.watchdog.after_reset(reason);
                self.bus.reset_devices();
            }
            // The core resets itself and nothing else: not even the watchdog stops.
            None => self.bus.reset_core(),
        }
        self.boot();
        Exit::Reset(cause)
    }

    /// What the boot ROM does: leave the continuous read, fetch the second stage, jump there.
    pub(super) fn boot(&mut self) {
        self.log.cut_off();
        self.bus.network.forget_connections();
        self.locked_up = false;
        self.calls_flash = false;
        self.bus.stop = None;
        self.bus.reset = None;
        self.generation = self.bus.nor.generation();
        self.bus.nor.forget_uses();
        self.bus.now += BOOT_ROM_NS;
        self.cpu = Cpu::starting_at(rom::SECOND_STAGE, rom::SECOND_STAGE);
        self.state = if rom::load_second_stage(&mut self.bus) {
            State::Runs
        } else {
            State::Stopped(Exit::NoSecondStage)
        };
    }

    /// The power comes back after a cut; if it was on, it goes for a moment. Everything but the
    /// contents of the flash starts anew, RAM with rubbish in it.
    pub fn power_up(&mut self) {
        self.collect();
        self.bus.nor.power_up();
        self.cold_start(ChipReset::Power);
        self.bus.memory = Memory::new(RAM_START, RAM_LEN);
        self.log.note(self.bus.now, "power on");
        self.boot();
    }

    /// Pulls the RUN pin low for a moment: the whole chip is reset, RAM keeps its contents.
    pub fn press_reset(&mut self) {
        self.collect();
        self.cold_start(ChipReset::RunPin);
        self.log.note(self.bus.now, "reset: RUN pin");
        self.boot();
    }

    fn cold_start(&mut self, cause: ChipReset) {
        self.bus.chip_reset = cause;
        self.bus.watchdog = Watchdog::default();
        self.bus.ethernet.reset();
        self.bus.reset_devices();
    }

    /// Starts at a vector table (in flash or RAM) instead of where the boot ROM would, with the
    /// flash readable and all else as after a power-up.
    pub fn start_at(&mut self, vectors: u32) {
        self.bus.ssi.enter_slow_xip(&self.bus.nor);
        let [sp, entry] = [0, 4].map(|offset| self.bus.read32(vectors + offset));
        self.bus.core.ppb.0.vtor = vectors;
        self.cpu = Cpu::starting_at(entry, sp);
        self.state = State::Runs;
    }
}

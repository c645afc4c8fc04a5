//! Resets, power-ups, and where the chip starts after them.

use super::Rp2040;
use super::bus::{RAM_LEN, RAM_START};
use super::cpu::Cpu;
use super::devices::resets::ChipReset;
use super::devices::watchdog::{REASON_FORCE, REASON_TIMER, Watchdog};
use super::rom;
use crate::exit::{Exit, Reset};
use crate::memory::Memory;
use rp2040_emu::core::CoreBus as _;

/// What the boot ROM takes until it jumps to the second stage, in nanoseconds.
const BOOT_ROM_NS: u64 = 5_000_000;

/// What the watchdog says that it did, if it was the watchdog.
pub(super) const fn reason(cause: Reset) -> Option<u32> {
    match cause {
        Reset::WatchdogTimeout => Some(REASON_TIMER),
        Reset::WatchdogForced => Some(REASON_FORCE),
        // Option bytes are another chip's.
        Reset::System | Reset::OptionBytes => None,
    }
}

impl Rp2040 {
    pub(super) fn reset_by(&mut self, cause: Reset) {
        match reason(cause) {
            Some(reason) => {
                self.bus.watchdog = self.bus.watchdog.after_reset(reason);
                self.bus.reset_devices();
            }
            // The core resets itself and nothing else: not even the watchdog stops.
            None => self.bus.reset_core(),
        }
    }

    /// What the boot ROM does: leave the continuous read, fetch the second stage, jump there.
    pub(super) fn run_boot_rom(&mut self) -> Option<Exit> {
        self.bus.network.forget_connections();
        self.bus.recordings.give_up();
        self.locked_up = false;
        self.bus.stop = None;
        self.bus.reset = None;
        self.generation = self.bus.nor.generation();
        self.bus.now += BOOT_ROM_NS;
        self.cpu = Cpu::starting_at(rom::SECOND_STAGE, rom::SECOND_STAGE);
        let found = rom::load_second_stage(&mut self.bus);
        (!found).then_some(Exit::NoSecondStage)
    }

    pub(super) fn start_cold(&mut self) {
        self.bus.nor.power_up();
        self.start_for(ChipReset::Power);
        self.bus.memory = Memory::new(RAM_START, RAM_LEN);
    }

    pub(super) fn start_by_pin(&mut self) {
        self.start_for(ChipReset::RunPin);
    }

    fn start_for(&mut self, cause: ChipReset) {
        self.bus.chip_reset = cause;
        self.bus.watchdog = Watchdog::default();
        self.bus.ethernet.reset();
        self.bus.reset_devices();
    }

    pub(super) fn start_at(&mut self, vectors: u32) {
        self.bus.ssi.enter_slow_xip(&self.bus.nor);
        let [sp, entry] = [0, 4].map(|offset| self.bus.read32(vectors + offset));
        self.bus.core.ppb.0.vtor = vectors;
        self.cpu = Cpu::starting_at(entry, sp);
    }
}

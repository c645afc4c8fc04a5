//! Resets, power-ups, and where the chip starts after them.

use super::bus::{Scope, cause};
use super::{Board, Esp32c3};
use crate::esp32c3::rom::boot::boot;
use crate::exit::Exit;

/// What the chip and its ROM take until the second stage is loaded, in picoseconds.
const START: u64 = 10_000_000_000;

impl Esp32c3 {
    /// The mask ROM loads the second stage.
    pub(super) fn run_mask_rom(&mut self) -> Option<Exit> {
        self.bus.recordings.give_up();
        self.asleep = false;
        self.falls_asleep = false;
        self.bus.now += START;
        match boot(&mut self.bus) {
            Some(cpu) => {
                self.cpu = cpu;
                None
            }
            None => Some(Exit::NoSecondStage),
        }
    }

    pub(super) fn start_cold(&mut self) {
        self.bus.nor.power_up();
        self.start_by_pin();
    }

    /// The pin enables the chip: without it nothing keeps what it held. The flash chip goes on.
    pub(super) fn start_by_pin(&mut self) {
        self.bus.forget_memory();
        self.bus.reset_devices(Scope::System, cause::POWER_ON);
    }
}

impl Board {
    /// The supply is too low for a moment, for the chip and not for the flash.
    pub fn brown_out(&mut self) {
        self.restart("reset: brown-out", |chip| {
            chip.bus.forget_memory();
            chip.bus.reset_devices(Scope::System, cause::BROWN_OUT);
        });
    }
}

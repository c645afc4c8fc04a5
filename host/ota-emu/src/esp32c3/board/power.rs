//! Resets, power-ups, and where a board starts after them.

use super::{Board, State};
use crate::esp32c3::bus::{Scope, cause};
use crate::esp32c3::rom::boot::boot;
use crate::exit::{Exit, Reset};

/// What the chip and its ROM take until the second stage is loaded, in picoseconds.
const START: u64 = 10_000_000_000;

impl Board {
    pub(super) fn reset(&mut self, scope: Scope, cause: u32) -> Exit {
        let reset = match cause {
            cause::SOFTWARE | cause::SOFTWARE_CPU => Reset::System,
            _ => Reset::WatchdogTimeout,
        };
        self.collect();
        self.start(scope, cause, format!("reset: {reset}"));
        Exit::Reset(reset)
    }

    fn start(&mut self, scope: Scope, cause: u32, why: String) {
        self.log.note(self.bus.now / 1000, why);
        self.bus.reset_devices(scope, cause);
        self.boot();
    }

    /// The mask ROM loads the second stage.
    pub(super) fn boot(&mut self) {
        self.log.cut_off();
        self.stopped = false;
        self.was_asleep = false;
        self.bus.now += START;
        self.state = match boot(&mut self.bus) {
            Some(cpu) => {
                self.cpu = cpu;
                State::Runs
            }
            None => State::Stopped(Exit::NoSecondStage),
        };
    }

    /// The power comes back after a cut; if it was on, it goes for a moment. Everything but the
    /// contents of the flash starts anew, RAM with rubbish in it.
    pub fn power_up(&mut self) {
        self.collect();
        self.bus.nor.power_up();
        self.bus.forget_memory();
        self.start(Scope::System, cause::POWER_ON, "power on".to_owned());
    }

    /// Presses the reset button, which is the chip's enable: as a power-up, but that the flash
    /// chip goes on.
    pub fn press_reset(&mut self) {
        self.collect();
        self.bus.forget_memory();
        self.start(Scope::System, cause::POWER_ON, "reset: EN pin".to_owned());
    }

    /// The supply is too low for a moment, for the chip and not for the flash.
    pub fn brown_out(&mut self) {
        self.collect();
        self.bus.forget_memory();
        self.start(
            Scope::System,
            cause::BROWN_OUT,
            "reset: brown-out".to_owned(),
        );
    }
}

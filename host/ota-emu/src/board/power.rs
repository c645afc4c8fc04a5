//! Resets and power-ups.

use super::{Board, Chip, State};
use crate::exit::Reset;

impl<C: Chip> Board<C> {
    pub(super) fn reset(&mut self, cause: Reset) {
        self.collect();
        self.log.note(self.chip.now(), format!("reset: {cause}"));
        self.chip.reset(cause);
        self.boot();
    }

    /// Up to the first instruction.
    pub(super) fn boot(&mut self) {
        self.log.cut_off();
        self.state = match self.chip.boot() {
            Some(exit) => State::Stopped(exit),
            None => State::Runs,
        };
    }

    /// The power comes back after a cut; if it was on, it goes for a moment. Everything but the
    /// contents of the flash starts anew, RAM with rubbish in it.
    pub fn power_up(&mut self) {
        self.collect();
        self.chip.power_up();
        self.log.note(self.chip.now(), "power on");
        self.boot();
    }

    /// Pulls the chip's reset pin low for a moment: RAM keeps its contents.
    pub fn press_reset(&mut self) {
        self.collect();
        self.chip.press_reset();
        let text = format!("reset: {} pin", C::RESET_PIN);
        self.log.note(self.chip.now(), text);
        self.boot();
    }

    /// What happens to the chip from outside, and starts it anew.
    pub(crate) fn restart(&mut self, why: &str, change: impl FnOnce(&mut C)) {
        self.collect();
        change(&mut self.chip);
        self.log.note(self.chip.now(), why);
        self.boot();
    }

    /// Goes on where somebody has set the core to.
    pub(crate) fn goes_on(&mut self) {
        self.state = State::Runs;
    }
}

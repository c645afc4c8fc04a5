//! The loop that everything takes place in.

use super::chip::{Chip, Step};
use crate::exit::Exit;
use core::ops::Range;

/// What a run stops before.
#[derive(Debug, Clone, Default)]
pub(super) struct Stops {
    /// Code; usually none.
    pub(super) code: Range<u32>,
    /// Changes of the flash.
    pub(super) flash: bool,
    /// The change of the flash that the run stopped before last: it is made now.
    passed: Option<u64>,
}

/// Steps that a chip is to make.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    /// So many were made so far: instructions, and things that happened in a sleep.
    pub(super) done: u64,
    /// And so many in all are to be made.
    pub(super) end: u64,
    pub(super) delivers_hard_faults: bool,
    pub(super) stops: Stops,
}

impl Steps {
    /// Makes them, until one of them is not [`Step::Goes`], or the chip is where it has to stop.
    /// It is [`Chip::run`] of every chip, and by that compiled with this crate, as fast code,
    /// whoever uses it.
    pub(crate) fn make<C: Chip>(&mut self, chip: &mut C) -> Step {
        let stops = self.stops.flash || !self.stops.code.is_empty();
        while self.done < self.end {
            if stops && let Some(exit) = self.stops.before(chip) {
                return Step::Ends(exit);
            }
            match chip.step(self.delivers_hard_faults) {
                Step::Goes => self.done += 1,
                Step::Sleeps => {
                    self.done += 1;
                    return Step::Sleeps;
                }
                end @ Step::Ends(_) => return end,
            }
        }
        Step::Goes
    }
}

impl Stops {
    /// Whether the run is to stop before the next instruction.
    fn before<C: Chip>(&mut self, chip: &C) -> Option<Exit> {
        if self.flash {
            let call = chip.flash_call();
            if call.is_some() && call != self.passed {
                self.passed = call;
                return Some(Exit::FlashCall);
            }
        }
        let reached = self.code.contains(&chip.pc());
        reached.then_some(Exit::Reached)
    }
}

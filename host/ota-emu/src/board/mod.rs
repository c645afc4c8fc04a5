//! The board: what a test builds, runs, cuts the power of, and looks at.

mod chip;
mod outside;
mod power;
mod steps;

use crate::exit::Exit;
use crate::log::{COLLECT, Log};
pub use chip::{Chip, Step};
use core::ops::Range;
use ota_sim::Flash;
pub use steps::Steps;

/// What the board is doing between two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Runs,
    /// It will not go on by itself; every run says the same.
    Stopped(Exit),
}

/// A board in software.
///
/// A clone is a snapshot of all of it; what a clone does not have is whatever leads out of it: the
/// network connections that were open, which break as if the peer had restarted, and the serial
/// line.
#[derive(Debug, Clone)]
pub struct Board<C> {
    pub(crate) chip: C,
    log: Log,
    state: State,
    steps: Steps,
}

impl<C: Chip> Board<C> {
    /// A board whose flash holds what `flash` does, switched on.
    ///
    /// # Panics
    /// If the flash is not that of the board: each has a function `flash` in its module.
    #[must_use]
    pub fn new(flash: Flash) -> Self {
        let mut board = Self {
            chip: C::new(flash),
            log: Log::new(C::CODE),
            state: State::Runs,
            steps: Steps::default(),
        };
        board.boot();
        board
    }

    /// Runs `limit` instructions, or until something ends the run earlier. Sleeping costs an
    /// instruction for each thing that happens meanwhile.
    pub fn run(&mut self, limit: u64) -> Exit {
        let exit = self.go(limit, None);
        self.collect();
        exit
    }

    /// Runs until a line is logged that holds `text`, through resets, for `limit` instructions
    /// at most. A line that was logged before the call does not count.
    pub fn run_until(&mut self, text: &str, limit: u64) -> Exit {
        self.collect();
        self.log.look_away();
        let end = self.steps.done.saturating_add(limit);
        loop {
            let exit = self.go(end.saturating_sub(self.steps.done), Some(text));
            self.collect();
            if self.log.seen(text) {
                return Exit::Seen;
            }
            if !matches!(exit, Exit::Reset(_)) {
                return exit;
            }
        }
    }

    /// Runs until the firmware is about to change the flash, or has just begun to, which answers
    /// [`Exit::FlashCall`]: the next operation is the first that can be cut then. What a sweep
    /// forks at. Chips with a boot ROM stop before its function, the others at the operation.
    pub fn run_to_flash_call(&mut self, limit: u64) -> Exit {
        self.steps.stops.flash = true;
        let exit = self.run(limit);
        self.steps.stops.flash = false;
        exit
    }

    /// Runs until an instruction at one of these addresses is the next one, which answers
    /// [`Exit::Reached`]. How a test sees what a bootloader jumps to.
    pub fn run_to(&mut self, code: Range<u32>, limit: u64) -> Exit {
        self.steps.stops.code = code;
        let exit = self.run(limit);
        self.steps.stops.code = 0..0;
        exit
    }

    /// Whichever of [`run_to`](Self::run_to) and
    /// [`run_to_flash_call`](Self::run_to_flash_call) comes first.
    pub fn run_to_flash_call_or(&mut self, code: Range<u32>, limit: u64) -> Exit {
        self.steps.stops.flash = true;
        let exit = self.run_to(code, limit);
        self.steps.stops.flash = false;
        exit
    }

    fn go(&mut self, limit: u64, text: Option<&str>) -> Exit {
        if let State::Stopped(exit) = &self.state {
            return exit.clone();
        }
        let end = self.steps.done.saturating_add(limit);
        while self.steps.done < end {
            let collection = (self.steps.done / COLLECT + 1) * COLLECT;
            self.steps.end = end.min(collection);
            let step = self.chip.run(&mut self.steps);
            if let Step::Ends(exit) = step {
                return self.end(exit);
            }
            if step == Step::Sleeps || self.steps.done == collection {
                self.chip.listen();
                self.collect();
                if text.is_some_and(|text| self.log.seen(text)) {
                    return Exit::Seen;
                }
            }
        }
        Exit::Limit
    }

    fn end(&mut self, exit: Exit) -> Exit {
        match &exit {
            Exit::Reset(cause) => self.reset(*cause),
            Exit::PowerCut | Exit::Fault(_) | Exit::LockedUp { .. } | Exit::NoSecondStage => {
                self.state = State::Stopped(exit.clone());
            }
            // It can go on: something from outside may still wake it.
            Exit::Asleep | Exit::FlashCall | Exit::Reached | Exit::Seen | Exit::Limit => {}
        }
        exit
    }

    /// Takes what the firmware has logged out of its buffers.
    fn collect(&mut self) {
        self.chip.drain(self.steps.done, &mut self.log);
    }
}

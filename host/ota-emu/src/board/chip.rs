//! What makes a board that board.

use super::steps::Steps;
use crate::calls::Passes;
use crate::exit::{Exit, Reset};
use crate::log::Log;
use core::fmt::Debug;
use core::ops::Range;
use ota_sim::Flash;
use std::hash::DefaultHasher;

/// A chip with all that is on its board: what differs between the boards. The chips are in this
/// crate.
///
/// A clone is a snapshot; connections to whoever is at the other end of a line are not cloned.
pub trait Chip: Passes + Debug {
    /// Where code that is executed from flash has its addresses.
    const CODE: Range<u32>;
    /// The pin that [`press_reset`](Self::press_reset) pulls low.
    const RESET_PIN: &'static str;

    /// The chip before it was ever switched on, with this flash. [`boot`](Self::boot) follows.
    ///
    /// # Panics
    /// If the flash is not such a chip's.
    fn new(flash: Flash) -> Self;

    /// Executes an instruction or lets time pass until something happens, and does what follows
    /// from it. A hard fault enters the firmware's handler, or else is [`Exit::Fault`].
    fn step(&mut self, delivers_hard_faults: bool) -> Step;

    /// Makes many steps: `steps.make(self)`, in every chip.
    fn run(&mut self, steps: &mut Steps) -> Step;

    /// What a reset by this cause does, up to where the chip begins to boot.
    fn reset(&mut self, cause: Reset);

    /// What the power does when it comes back after a while, up to where the chip begins to boot.
    fn power_up(&mut self);

    /// What a reset by its pin does, up to where the chip begins to boot.
    fn press_reset(&mut self);

    /// What happens after any of these until the firmware's first instruction. `Some`: nothing is
    /// there to be executed.
    fn boot(&mut self) -> Option<Exit>;

    /// The address of the next instruction.
    fn pc(&self) -> u32;

    /// Nanoseconds since the board was made.
    fn now(&self) -> u64;

    /// The flash.
    fn flash(&self) -> &Flash;

    /// Lets `change` work on the flash from outside. The core sees it at once.
    fn edit_flash<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R;

    /// Whether the next cut is of an operation that the firmware is about to begin, or has just
    /// begun: then a number that no other such moment has. Asked before each instruction.
    fn flash_call(&self) -> Option<u64>;

    /// A word of memory, without any consequence of looking at it.
    fn word(&self, address: u32) -> Option<u32>;

    /// Hashes what decides what firmware does next that uses neither clock nor network: core,
    /// RAM, a flash operation under way. The flash itself is not hashed here, nor the time.
    fn hash_state(&self, hasher: &mut DefaultHasher);

    /// Takes what somebody outside has sent of their own accord. Called now and then.
    fn listen(&mut self) {}

    /// Hands what the firmware has logged so far to the log; that many `instructions` were
    /// executed.
    fn drain(&mut self, instructions: u64, log: &mut Log);
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing of note.
    Goes,
    /// The core has gone to sleep. Much time may pass in the next step.
    Sleeps,
    /// The run ends. After [`Exit::Reset`], the board has the chip reset.
    Ends(Exit),
}

//! What a test does to a board and sees of it.

use super::{Board, Chip};
use crate::calls::{Calls, Shared};
use crate::log::Line;
use core::hash::{Hash as _, Hasher as _};
use ota_sim::{Cut, Flash, Tear};
use std::hash::DefaultHasher;
use std::sync::Arc;

impl<C: Chip> Board<C> {
    /// Learns to decode the `defmt` logs of the firmware in an ELF file. May be called for
    /// several: bootloader and application, or the versions of one that replace each other.
    ///
    /// # Errors
    /// If the file is no ELF, or its firmware does not log with `defmt` over RTT.
    pub fn load_defmt(&mut self, elf: &[u8]) -> anyhow::Result<()> {
        self.log.load_defmt(elf)
    }

    /// The power goes in the `operation`-th flash operation from now (1 is the next one to end),
    /// which is torn as `tear` says. What the chip programs at once is one operation, and each
    /// unit that is erased. Replaces what was armed.
    pub fn cut_at(&mut self, operation: u64, tear: Tear) {
        self.edit_flash(|flash| flash.arm(Cut::new(operation, tear)));
    }

    /// The flash: its contents, counters, and the cuts so far.
    #[must_use]
    pub fn flash(&self) -> &Flash {
        self.chip.flash()
    }

    /// Changes the flash from outside: programs it, protects ranges, arms cuts.
    pub fn edit_flash<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        self.chip.edit_flash(change)
    }

    /// Flash operations so far, torn ones included.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.flash().operations()
    }

    /// A copy of the whole board. The same as `clone`.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        self.clone()
    }

    /// A number that two boards share only if the registers of the core, RAM and flash hold the
    /// same, torn cells and an operation under way included. Time is not in it, nor what devices
    /// hold. Firmware that uses neither clock nor network goes on in the same way on both.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.chip.hash_state(&mut hasher);
        self.flash().fingerprint().hash(&mut hasher);
        hasher.finish()
    }

    /// Everything that was logged so far.
    #[must_use]
    pub fn logs(&self) -> &[Line] {
        self.log.lines()
    }

    /// Whether any line logged so far holds `text`.
    #[must_use]
    pub fn has_logged(&self, text: &str) -> bool {
        self.logs().iter().any(|line| line.text.contains(text))
    }

    /// Microseconds of the board's time since it was made.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.chip.now() / 1000
    }

    /// Instructions executed so far.
    #[must_use]
    pub const fn instructions(&self) -> u64 {
        self.steps.done
    }

    /// The address of the next instruction.
    #[must_use]
    pub fn pc(&self) -> u32 {
        self.chip.pc()
    }

    /// A word of memory.
    #[must_use]
    pub fn word(&self, address: u32) -> Option<u32> {
        self.chip.word(address)
    }

    /// Shares calls with other boards: this one does not execute again what any of them has. Calls that
    /// are passed are none of the [`instructions`](Self::instructions); in all else
    /// it makes no difference.
    pub fn share_calls(&mut self, calls: Arc<Calls<C>>) {
        self.chip.set_calls(Some(Shared::new(calls)));
    }

    /// From now on each call that is passed is executed on a copy of the board, too. That takes longer than to
    /// pass nothing.
    ///
    /// A run panics where it makes a difference.
    pub fn compare_calls(&mut self) {
        let shared = self.chip.calls().cloned();
        self.chip.set_calls(shared.map(Shared::compared));
    }

    /// From now on every call is executed, also one that another board has executed.
    pub fn execute_all(&mut self) {
        self.chip.set_calls(None);
    }

    /// Whether a hard fault is delivered to the firmware's handler, as on silicon. By default it
    /// ends the run: in a test it is a mistake unless the test says otherwise.
    pub const fn deliver_hard_faults(&mut self, deliver: bool) {
        self.steps.delivers_hard_faults = deliver;
    }
}

//! What a test does to a board and sees of it.

use super::{Board, Chip};
use crate::log::Line;
use core::hash::{Hash as _, Hasher as _};
use ota_sim::{Cut, Flash, Tear};
use std::hash::DefaultHasher;

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

    /// Whether the chip has read, programmed or erased anything in the erase unit of the flash at
    /// this offset since its last reset. As long as it has not, the unit might as well hold
    /// something else.
    #[must_use]
    pub fn has_used(&self, offset: u32) -> bool {
        self.chip.has_used(offset)
    }

    /// Whether the board would be elsewhere now, if at its last reset the flash had held what
    /// `other` does, and not what `flash` did.
    #[must_use]
    pub fn tells_apart(&self, flash: &Flash, other: &Flash) -> bool {
        let used = || flash.differences(other).any(|offset| self.has_used(offset));
        flash.status() != other.status() || used()
    }

    /// Gives the board the flash that it would have now, if at its last reset the flash had held
    /// what `other` does, and not what `flash` did.
    ///
    /// # Panics
    /// If the board [`tells them apart`](Self::tells_apart).
    pub fn exchange_flash(&mut self, flash: &Flash, other: &Flash) {
        assert!(!self.tells_apart(flash, other), "the board has seen it");
        self.edit_flash(|now| {
            let mut exchanged = other.clone();
            exchanged.go_through(flash, now);
            *now = exchanged;
        });
    }

    /// Whether a server is being talked to: a connection is open, or something was sent over the
    /// serial line since the last reset.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.chip.is_connected()
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

    /// From now on every call is executed, also one that is known from boards that
    /// [calls are shared](crate::stm32::Board#method.share_calls) with.
    pub fn execute_all(&mut self) {
        self.chip.execute_all();
    }

    /// Whether a hard fault is delivered to the firmware's handler, as on silicon. By default it
    /// ends the run: in a test it is a mistake unless the test says otherwise.
    pub const fn deliver_hard_faults(&mut self, deliver: bool) {
        self.steps.delivers_hard_faults = deliver;
    }
}

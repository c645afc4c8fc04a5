//! What a test does to a board and sees of it.

use super::Board;
use crate::log::Line;
use crate::stm32::line::{SerialLine, pair};
use ota_sim::{Cut, Flash, Tear};
use std::ops::RangeInclusive;

impl Board {
    /// Plugs the W5500 into a network with one host: as on the other board.
    pub fn attach_network(&mut self, forwards: crate::Forwards) {
        self.bus.network.attach(forwards);
    }
    /// Connects USART2 with something in this process, instead of with the log.
    #[must_use]
    pub fn attach_serial(&mut self) -> SerialLine {
        let (board, host) = pair();
        self.bus.line = Some(board);
        host
    }

    /// Learns to decode the `defmt` logs of the firmware in an ELF file. May be called for
    /// several, as bootloader and application are.
    ///
    /// # Errors
    /// If the file is no ELF, or its firmware does not log with `defmt` over RTT.
    pub fn load_defmt(&mut self, elf: &[u8]) -> anyhow::Result<()> {
        self.log.load_defmt(elf)
    }

    /// The power goes in the `operation`-th flash operation from now (1 is the next one to end),
    /// which is torn as `tear` says. A double word that is programmed is one operation, and each
    /// page that is erased. Replaces what was armed.
    pub fn cut_at(&mut self, operation: u64, tear: Tear) {
        self.edit_flash(|flash| flash.arm(Cut::new(operation, tear)));
    }

    /// The flash: its contents, counters, and the cuts so far.
    #[must_use]
    pub const fn flash(&self) -> &Flash {
        self.bus.flash.cells().flash()
    }

    /// Changes the flash from outside: programs it, protects ranges, arms cuts.
    pub fn edit_flash<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        self.bus.flash.cells_mut().edit(change)
    }

    /// From now on the double word at an offset is read with one wrong bit, which the chip
    /// corrects and reports, until it is erased.
    pub fn weaken(&mut self, offset: u32) {
        self.bus.flash.cells_mut().weaken(offset);
    }

    /// The pages that the option bytes protect from changes, as they are in effect: those of
    /// bank 1, and those of bank 2.
    #[must_use]
    pub fn protected_pages(&self) -> [Vec<RangeInclusive<u32>>; 2] {
        [0, 1].map(|bank| {
            let areas = self.bus.flash.options.protected(bank);
            areas.filter(|pages| !pages.is_empty()).collect()
        })
    }

    /// Flash operations so far: double words programmed and pages erased, torn ones included.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.flash().operations()
    }

    /// A copy of the whole board. The same as `clone`.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        self.clone()
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
    pub const fn now(&self) -> u64 {
        self.bus.now / 1_000_000
    }

    /// Instructions executed so far.
    #[must_use]
    pub const fn instructions(&self) -> u64 {
        self.instructions
    }

    /// The address of the next instruction.
    #[must_use]
    pub fn pc(&self) -> u32 {
        self.cpu.pc()
    }

    /// A word of memory.
    #[must_use]
    pub fn word(&self, address: u32) -> Option<u32> {
        self.bus.word(address)
    }

    /// Whether the firmware drives a pin high: `('A', 5)` is the green LED.
    ///
    /// # Panics
    /// If there is no such pin.
    #[must_use]
    pub fn pin(&self, port: char, pin: usize) -> bool {
        self.bus.gpio.output(index(port, pin), pin)
    }

    /// Drives a pin from outside. A pin that nobody drives is high.
    ///
    /// # Panics
    /// If there is no such pin.
    pub fn drive(&mut self, port: char, pin: usize, high: bool) {
        self.bus.gpio.drive(index(port, pin), pin, high);
    }

    /// Sends bytes to USART2 of the firmware.
    pub fn send_uart(&mut self, bytes: &[u8]) {
        self.bus.usart.feed(bytes, self.bus.now);
        self.bus.deadline = 0;
    }

    /// Bytes that the firmware did not fetch from USART2 before the next one came.
    #[must_use]
    pub const fn lost_bytes(&self) -> u64 {
        self.bus.usart.lost()
    }

    /// Whether a hard fault is delivered to the firmware's handler, as on silicon. By default it
    /// ends the run: in a test it is a mistake unless the test says otherwise.
    pub const fn deliver_hard_faults(&mut self, deliver: bool) {
        self.delivers_hard_faults = deliver;
    }

    /// Whether mistakes in the use of the flash interface set its error flags, as on silicon. By
    /// default they end the run.
    pub const fn deliver_flash_errors(&mut self, deliver: bool) {
        self.bus.flash.reports_mistakes = deliver;
    }
}

fn index(port: char, pin: usize) -> usize {
    assert!(pin < 16, "a port has sixteen pins");
    "ABCDEFGH".find(port).expect("the ports are A to H")
}

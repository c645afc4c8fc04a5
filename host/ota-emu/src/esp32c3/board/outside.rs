//! What a test does to a board and sees of it.

use super::Board;
use crate::log::Line;
use crate::stm32::line::{SerialLine, pair};
use ota_sim::{Cut, Flash, Tear};

impl Board {
    /// Connects UART0 with something in this process, instead of with the log.
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

    /// The power goes in the `operation`-th flash operation from now (1 is the next one), which
    /// is torn as `tear` says. A program command, of 32 bytes at most, is one operation, and each
    /// sector that is erased. Replaces what was armed.
    pub fn cut_at(&mut self, operation: u64, tear: Tear) {
        self.edit_flash(|flash| flash.arm(Cut::new(operation, tear)));
    }

    /// The flash: its contents, counters, and the cuts so far.
    #[must_use]
    pub const fn flash(&self) -> &Flash {
        self.bus.nor.flash()
    }

    /// Changes the flash from outside: programs it, protects ranges, arms cuts.
    pub fn edit_flash<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        self.bus.nor.edit(change)
    }

    /// Flash operations so far: program commands and sectors erased, torn ones included.
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
    pub const fn pc(&self) -> u32 {
        self.cpu.pc
    }

    /// A word of memory.
    #[must_use]
    pub fn word(&self, address: u32) -> Option<u32> {
        self.bus.peek(address).map(u32::from_le_bytes)
    }

    /// Whether the firmware drives a pin high.
    ///
    /// # Panics
    /// If there is no such pin.
    #[must_use]
    pub fn pin(&self, pin: u32) -> bool {
        assert!(pin < 22, "the chip has 22 pins");
        self.bus.gpio.output(pin)
    }

    /// Drives a pin from outside. A pin that nobody drives is high.
    ///
    /// # Panics
    /// If there is no such pin.
    pub fn drive(&mut self, pin: u32, high: bool) {
        assert!(pin < 22, "the chip has 22 pins");
        self.bus.gpio.drive(pin, high);
    }

    /// Sends bytes to UART0 of the firmware.
    pub fn send_uart(&mut self, bytes: &[u8]) {
        self.bus.uart.feed(bytes, self.bus.now);
        self.bus.deadline = 0;
    }

    /// Bytes that came to UART0 while its queue was full.
    #[must_use]
    pub const fn lost_bytes(&self) -> u64 {
        self.bus.uart.lost()
    }

    /// Whether exceptions are delivered to the firmware's handler, as on silicon. By default they
    /// end the run: in a test one is a mistake unless the test says otherwise.
    pub const fn deliver_hard_faults(&mut self, deliver: bool) {
        self.delivers_exceptions = deliver;
    }
}

//! What a test does to a board and sees of it.

use super::Board;
use crate::log::Line;
use crate::network::Forwards;
use core::hash::{Hash as _, Hasher as _};
use ota_sim::{Cut, Flash, Tear};
use std::hash::DefaultHasher;

impl Board {
    /// Plugs the W5500 into a network with one host, 10.0.2.2/24: what the firmware opens to a
    /// port there is a TCP connection to that port of 127.0.0.1, or to the one that `forwards`
    /// names. There is no DHCP: the firmware takes any other address of 10.0.2.0/24.
    pub fn attach_network(&mut self, forwards: Forwards) {
        self.bus.network.attach(forwards);
    }

    /// Plugs the network cable in or out.
    pub fn set_link(&mut self, up: bool) {
        self.bus.ethernet.set_link(up);
        self.bus.deadline = 0;
    }

    /// Learns to decode the `defmt` logs of the firmware in an ELF file. May be called for
    /// several: bootloader and application, or the versions of one that replace each other.
    ///
    /// # Errors
    /// If the file is no ELF, or its firmware does not log with `defmt` over RTT.
    pub fn load_defmt(&mut self, elf: &[u8]) -> anyhow::Result<()> {
        self.log.load_defmt(elf)
    }

    /// The power goes in the `operation`-th flash operation from now (1 is the next one), which
    /// is torn as `tear` says. A page that is programmed is one operation, and each sector that
    /// is erased. Replaces what was armed.
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
        let result = self.bus.nor.edit(change);
        self.generation = self.bus.nor.generation();
        self.cpu.forget_flash();
        result
    }

    /// Flash operations so far: pages programmed and sectors erased, torn ones included.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.flash().operations()
    }

    /// A copy of the whole board. The same as `clone`.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        self.clone()
    }

    /// A number that two boards share only if the registers of the core, RAM and flash hold the
    /// same, torn cells included. Time is not in it, nor what devices hold. Firmware that uses
    /// neither clock nor network goes on in the same way on both.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.cpu.hash(&mut hasher);
        self.bus.memory.all().hash(&mut hasher);
        self.flash().fingerprint().hash(&mut hasher);
        hasher.finish()
    }

    /// Whether the chip has read, programmed or erased anything in the flash sector at this
    /// offset since its last reset. As long as it has not, the sector might as well hold
    /// something else.
    #[must_use]
    pub fn has_used(&self, offset: u32) -> bool {
        self.bus.nor.has_used(offset)
    }

    /// Whether the board would be elsewhere now, if at its last reset the flash had held what
    /// `other` does, and not what `flash` did.
    #[must_use]
    pub fn tells_apart(&self, flash: &Flash, other: &Flash) -> bool {
        flash.differences(other).any(|offset| self.has_used(offset))
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

    /// Whether a connection to a server is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.bus.network.has_connections()
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
        self.bus.now / 1000
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

    /// A word of RAM.
    #[must_use]
    pub fn word(&self, address: u32) -> Option<u32> {
        self.bus.memory.read(address).map(u32::from_le_bytes)
    }

    /// Whether the firmware drives this pin high.
    ///
    /// # Panics
    /// If there is no such pin.
    #[must_use]
    pub fn pin(&self, pin: usize) -> bool {
        self.bus.gpio.output(pin)
    }

    /// Drives a pin from outside. A pin that nobody drives is high.
    pub fn drive(&mut self, pin: usize, high: bool) {
        self.bus.gpio.drive(pin, high);
        self.bus.deadline = 0;
    }

    /// Sends bytes to UART0 of the firmware.
    pub fn send_uart(&mut self, bytes: &[u8]) {
        self.bus.uart.feed(bytes);
        self.bus.deadline = 0;
    }

    /// Whether a hard fault is delivered to the firmware's handler, as on silicon. By default it
    /// ends the run: in a test it is a mistake unless the test says otherwise.
    pub const fn deliver_hard_faults(&mut self, deliver: bool) {
        self.delivers_hard_faults = deliver;
    }
}

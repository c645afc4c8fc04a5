//! What a test does to this board, and not to others.

use super::Board;
use crate::line::SerialLine;
use crate::network::Forwards;
use std::ops::RangeInclusive;

impl Board {
    /// Connects USART2 with something in this process, instead of with the log.
    #[must_use]
    pub fn attach_serial(&mut self) -> SerialLine {
        self.chip.bus.line.attach()
    }

    /// Plugs the W5500 on the Arduino headers into a network with one host, 10.0.2.2/24: see
    /// [`rp2040::Board`](crate::rp2040::Board#method.attach_network).
    pub fn attach_network(&mut self, forwards: Forwards) {
        self.chip.bus.network.attach(forwards);
    }

    /// From now on the double word at an offset is read with one wrong bit, which the chip
    /// corrects and reports, until it is erased.
    pub fn weaken(&mut self, offset: u32) {
        self.chip.bus.flash.cells_mut().weaken(offset);
    }

    /// The pages that the option bytes protect from changes, as they are in effect: those of
    /// bank 1, and those of bank 2.
    #[must_use]
    pub fn protected_pages(&self) -> [Vec<RangeInclusive<u32>>; 2] {
        [0, 1].map(|bank| {
            let areas = self.chip.bus.flash.options.protected(bank);
            areas.filter(|pages| !pages.is_empty()).collect()
        })
    }

    /// Whether the firmware drives a pin high: `('A', 5)` is the green LED.
    ///
    /// # Panics
    /// If there is no such pin.
    #[must_use]
    pub fn pin(&self, port: char, pin: usize) -> bool {
        self.chip.bus.gpio.output(index(port, pin), pin)
    }

    /// Drives a pin from outside. A pin that nobody drives is high.
    ///
    /// # Panics
    /// If there is no such pin.
    pub fn drive(&mut self, port: char, pin: usize, high: bool) {
        self.chip.bus.gpio.drive(index(port, pin), pin, high);
    }

    /// Sends bytes to USART2 of the firmware.
    pub fn send_uart(&mut self, bytes: &[u8]) {
        self.chip.bus.usart.feed(bytes, self.chip.bus.now);
        self.chip.bus.deadline = 0;
    }

    /// Bytes that the firmware did not fetch from USART2 before the next one came.
    #[must_use]
    pub const fn lost_bytes(&self) -> u64 {
        self.chip.bus.usart.lost()
    }

    /// Whether mistakes in the use of the flash interface set its error flags, as on silicon. By
    /// default they end the run.
    pub const fn deliver_flash_errors(&mut self, deliver: bool) {
        self.chip.bus.flash.reports_mistakes = deliver;
    }

    /// Starts at a vector table (in flash or RAM) instead of the one at the start of the flash.
    pub fn start_at(&mut self, vectors: u32) {
        self.chip.cpu = self.chip.core_at(vectors);
        self.chip.cpu.set_vectors(vectors);
        self.goes_on();
    }
}

fn index(port: char, pin: usize) -> usize {
    assert!(pin < 16, "a port has sixteen pins");
    "ABCDEFGH".find(port).expect("the ports are A to H")
}

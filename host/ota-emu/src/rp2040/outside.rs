//! What a test does to this board, and not to others.

use super::Board;
use crate::network::Forwards;

impl Board {
    /// Plugs the W5500 into a network with one host, 10.0.2.2/24: what the firmware opens to a
    /// port there is a TCP connection to that port of 127.0.0.1, or to the one that `forwards`
    /// names. There is no DHCP: the firmware takes any other address of 10.0.2.0/24.
    pub fn attach_network(&mut self, forwards: Forwards) {
        self.chip.bus.network.attach(forwards);
    }

    /// Plugs the network cable in or out.
    pub fn set_link(&mut self, up: bool) {
        self.chip.bus.ethernet.set_link(up);
        self.chip.bus.deadline = 0;
    }

    /// Whether the firmware drives this pin high.
    ///
    /// # Panics
    /// If there is no such pin.
    #[must_use]
    pub fn pin(&self, pin: usize) -> bool {
        self.chip.bus.gpio.output(pin)
    }

    /// Drives a pin from outside. A pin that nobody drives is high.
    pub fn drive(&mut self, pin: usize, high: bool) {
        self.chip.bus.gpio.drive(pin, high);
        self.chip.bus.deadline = 0;
    }

    /// Sends bytes to UART0 of the firmware.
    pub fn send_uart(&mut self, bytes: &[u8]) {
        self.chip.bus.uart.feed(bytes);
        self.chip.bus.deadline = 0;
    }

    /// Starts at a vector table (in flash or RAM) instead of where the boot ROM would, with the
    /// flash readable and all else as after a power-up.
    pub fn start_at(&mut self, vectors: u32) {
        self.chip.start_at(vectors);
        self.goes_on();
    }
}

//! What a test does to this board, and not to others.

use super::Board;
use crate::line::SerialLine;

impl Board {
    /// Connects UART0 with something in this process, instead of with the log.
    #[must_use]
    pub fn attach_serial(&mut self) -> SerialLine {
        self.chip.bus.line.attach()
    }

    /// Whether the firmware drives a pin high.
    ///
    /// # Panics
    /// If there is no such pin.
    #[must_use]
    pub fn pin(&self, pin: u32) -> bool {
        assert!(pin < 22, "the chip has 22 pins");
        self.chip.bus.gpio.output(pin)
    }

    /// Drives a pin from outside. A pin that nobody drives is high.
    ///
    /// # Panics
    /// If there is no such pin.
    pub fn drive(&mut self, pin: u32, high: bool) {
        assert!(pin < 22, "the chip has 22 pins");
        self.chip.bus.gpio.drive(pin, high);
    }

    /// Sends bytes to UART0 of the firmware.
    pub fn send_uart(&mut self, bytes: &[u8]) {
        self.chip.bus.uart.feed(bytes, self.chip.bus.now);
        self.chip.bus.deadline = 0;
    }

    /// Bytes that came to UART0 while its queue was full.
    #[must_use]
    pub const fn lost_bytes(&self) -> u64 {
        self.chip.bus.uart.lost()
    }
}

//! Collecting what the firmware logs.

use super::Board;

impl Board {
    /// Takes what the firmware has logged out of its buffers.
    pub(super) fn collect(&mut self) {
        let now = self.bus.now;
        if self.bus.uart.has_output() {
            let bytes = self.bus.uart.take_output();
            self.log.uart(now, &bytes);
        }
        let at = (now, self.cpu.pc(), self.instructions);
        let flash = || self.bus.nor.flash().bytes();
        self.log.drain_rtt(at, &mut self.bus.memory, flash);
    }
}

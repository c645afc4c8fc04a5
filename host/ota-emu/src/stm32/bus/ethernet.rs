//! The wires between the chip and the W5500 on the Arduino headers, and the network behind it.

use super::Bus;

/// Ports and pins: select (D10), reset (D9), interrupt (D2).
const SELECT: (usize, u32) = (1, 6);
const RESET: (usize, u32) = (2, 7);
const INTERRUPT: (usize, usize) = (0, 10);
/// GPIO's input data register.
const IDR: u32 = 0x10;
/// Nanoseconds that pass at once when nothing else is to happen.
const MOMENT: u64 = 1_000_000;
/// SYSCFG: four registers, a port for each line.
const EXTICR: u32 = 0x4001_0008;

impl Bus {
    /// What the pins tell the W5500.
    pub(super) fn pins_changed(&mut self) {
        let low = |(port, pin): (usize, u32)| self.gpio.read(port, IDR) >> pin & 1 == 0;
        let (selected, reset) = (low(SELECT), low(RESET));
        self.ethernet.select(selected);
        if reset {
            self.ethernet.reset();
        }
    }

    /// Lets frames travel. The network counts in nanoseconds.
    pub(super) fn run_ethernet(&mut self) {
        self.network.poll(self.now / 1000, &mut self.ethernet);
        let (port, pin) = INTERRUPT;
        self.gpio.drive(port, pin, self.ethernet.interrupt_pin());
        if self.exti.listens() {
            self.see_pins();
        }
    }

    /// Lets the pins' edges be seen.
    pub(super) fn see_pins(&mut self) {
        let levels = (0..16).fold(0, |levels, line| levels | self.level(line) << line);
        self.exti.see(levels);
    }

    /// The pin that a line is connected with.
    fn level(&self, line: u32) -> u32 {
        let ports = self.plain.read(EXTICR + line / 4 * 4);
        let port = ports >> (line % 4 * 4) & 7;
        self.gpio.read(port as usize, IDR) >> line & 1
    }

    /// When the network has something to do.
    pub(super) fn network_event(&self) -> Option<u64> {
        let due = self.network.next_event();
        due.map(|due| due.saturating_mul(1000))
    }

    /// While somebody outside may have something to say, time passes with theirs, which is real.
    pub(super) fn in_real_time(&self, next: Option<u64>) -> Option<u64> {
        if !self.network.has_connections() {
            return next;
        }
        let most = next.map_or(MOMENT, |next| next.saturating_sub(self.now) / 1000);
        Some(self.now + self.network.wait(most.max(1)) * 1000)
    }
}

//! Time: what the devices do in it, and what has to wait.

use super::{Bus, FLASH_INTERRUPT, PICOSECONDS, TIMERS, USART2_INTERRUPT};
use crate::exit::Reset;
use crate::stm32::devices::timer::Timer;

impl Bus {
    /// Time that the core took.
    pub(crate) fn spend(&mut self, cycles: u64) {
        self.now += cycles * self.cycle;
    }

    /// Lets the devices do what is due, and finds out when the next of them is.
    pub(crate) fn run_devices(&mut self) {
        if !self.recordings.is_empty() && self.next_due().is_some_and(|due| due <= self.now) {
            self.recordings.give_up();
        }
        let done = self.flash.run_until(self.now);
        self.check(done);
        for timer in &mut self.timers {
            timer.run_until(self.now);
        }
        self.systick.run_until(self.now);
        self.usart.run_until(self.now);
        self.talk();
        self.run_ethernet();
        if self.iwdg.fires().is_some_and(|fires| fires <= self.now) {
            self.reset.get_or_insert(Reset::WatchdogTimeout);
        }
        self.lines = self.device_lines();
        self.deadline = self.next_in_all().unwrap_or(u64::MAX);
    }

    /// Hands what was sent to whoever is at the other end, once the firmware pauses.
    fn talk(&mut self) {
        if self.line.is_attached() && self.usart.is_quiet() && self.usart.has_sent() {
            let answer = self.line.exchange(&self.usart.take_sent());
            self.usart.feed(&answer, self.now);
        }
    }

    /// Takes what the other end has sent of its own accord.
    pub(crate) fn listen(&mut self) {
        if self.exti.listens() {
            self.see_pins();
            if self.exti.lines() & !self.lines != 0 {
                self.deadline = 0;
            }
        }
        let bytes = self.line.receive();
        if !bytes.is_empty() {
            self.usart.feed(&bytes, self.now);
            self.deadline = 0;
        }
    }

    /// When something will happen by itself, for a core that does nothing until then.
    pub(crate) fn next_event(&self) -> Option<u64> {
        self.in_real_time(self.next_in_all())
    }

    fn next_in_all(&self) -> Option<u64> {
        let events = [self.next_due(), self.network_event()];
        events.into_iter().flatten().min()
    }

    /// When something will happen by itself on the board: what comes over the network comes when
    /// it comes.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let events = [self.next_but_watchdog(), self.iwdg.fires()];
        events.into_iter().flatten().min()
    }

    pub(crate) fn next_but_watchdog(&self) -> Option<u64> {
        let timers = self.timers.iter().filter_map(Timer::next_event);
        [
            self.flash.busy_until(),
            self.systick.next_event(),
            self.usart.next_event(),
        ]
        .into_iter()
        .flatten()
        .chain(timers)
        .min()
    }

    fn device_lines(&self) -> u64 {
        let timers = self.timers.iter().zip(&TIMERS);
        timers
            .map(|(timer, place)| (timer.line(), place.interrupt))
            .chain([
                (self.flash.line(), FLASH_INTERRUPT),
                (self.usart.line(), USART2_INTERRUPT),
            ])
            .filter(|(up, _)| *up)
            .fold(self.exti.lines(), |lines, (_, interrupt)| {
                lines | 1 << interrupt
            })
    }

    /// The core waits for the flash; false if it is reset before that comes to an end.
    pub(super) fn wait_for_flash(&mut self, until: u64) -> bool {
        while self.now < until && self.reset.is_none() && self.stop.is_none() {
            self.run_devices();
            self.now = self.deadline.clamp(self.now, until);
        }
        self.run_devices();
        self.reset.is_none() && self.stop.is_none()
    }

    /// Waits until the bank can be read that an instruction lies in.
    pub(crate) fn wait_for_code(&mut self, pc: u32) -> bool {
        match self
            .in_flash(pc)
            .and_then(|offset| self.flash.blocks(offset))
        {
            Some(until) => self.wait_for_flash(until),
            None => true,
        }
    }

    /// The clocks were set up anew.
    pub(super) fn retime(&mut self) {
        let clocks = self.rcc.clocks();
        if clocks == self.clocks {
            return;
        }
        self.clocks = clocks;
        self.cycle = PICOSECONDS / clocks.core.max(1);
        self.systick.set_cycle(self.cycle, self.now);
        self.usart.set_clock(clocks.usart2);
        for (timer, place) in self.timers.iter_mut().zip(&TIMERS) {
            timer.set_cycle(PICOSECONDS / clocks.timers[place.bus].max(1), self.now);
        }
        self.deadline = 0;
    }
}

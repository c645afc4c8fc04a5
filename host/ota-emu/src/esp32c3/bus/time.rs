//! Time: what the devices do in it.

use super::super::devices::SECOND;
use super::super::devices::interrupts::source;
use super::super::devices::timg::TimerGroup;
use super::super::devices::watchdog::Action;
use super::{Bus, Scope, cause};

impl Bus {
    /// Time that the core took.
    #[inline]
    pub(crate) const fn spend(&mut self, cycles: u64) {
        self.now += cycles * self.cycle;
    }

    /// Lets the devices do what is due, and finds out when the next of them is.
    pub(crate) fn run_devices(&mut self) {
        if !self.recordings.is_empty() && self.next_event().is_some_and(|due| due <= self.now) {
            self.recordings.give_up();
        }
        for group in 0..self.groups.len() {
            let action = self.groups[group].run_until(self.now);
            let reset = match action {
                None | Some(Action::Nothing | Action::Interrupt) => continue,
                Some(Action::ResetCpu) => (Scope::Cpu, cause::TIMER_GROUPS_CPU[group]),
                Some(Action::ResetCore | Action::ResetSystem) => {
                    (Scope::Core, cause::TIMER_GROUPS[group])
                }
            };
            self.reset.get_or_insert(reset);
        }
        let wish = self.rtc.run_until(self.now);
        self.grant(wish);
        self.systimer.run_until(self.now);
        self.uart.run_until(self.now);
        self.talk();
        self.matrix.set_lines(self.lines());
        self.interrupt = self.matrix.pending();
        self.deadline = self.next_event().unwrap_or(u64::MAX);
    }

    /// Hands what was sent to whoever is at the other end, once the firmware pauses.
    fn talk(&mut self) {
        if self.line.is_attached() && self.uart.is_quiet() && self.uart.has_sent() {
            let answer = self.line.exchange(&self.uart.take_sent());
            self.uart.feed(&answer, self.now);
        }
    }

    /// Takes what the other end has sent of its own accord.
    pub(crate) fn listen(&mut self) {
        let bytes = self.line.receive();
        if !bytes.is_empty() {
            self.uart.feed(&bytes, self.now);
            self.deadline = 0;
        }
    }

    /// When something will happen by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        let events = [self.next_but_watchdog(), self.rtc.next_event()];
        events.into_iter().flatten().min()
    }

    /// The same without the watchdog of the RTC.
    pub(crate) fn next_but_watchdog(&self) -> Option<u64> {
        let groups = self.groups.iter().filter_map(TimerGroup::next_event);
        [
            self.systimer.next_event(),
            self.uart.next_event(),
            self.sha.next_event(self.now),
        ]
        .into_iter()
        .flatten()
        .chain(groups)
        .min()
    }

    /// The interrupt lines of all devices.
    fn lines(&self) -> u64 {
        let mut lines = u64::from(self.systimer.lines()) << source::SYSTIMER
            | u64::from(self.clocks.lines()) << source::FROM_CPU;
        for (number, group) in (0..).zip(&self.groups) {
            lines |= u64::from(group.lines()) << (source::TIMER_GROUPS + 2 * number);
        }
        let single = [
            (self.uart.line(), source::UART0),
            (self.usb.line(), source::USB),
            (self.rtc.line(), source::RTC),
            (self.sha.line(self.now), source::SHA),
        ];
        single
            .into_iter()
            .filter(|(up, _)| *up)
            .fold(lines, |lines, (_, source)| lines | 1 << source)
    }

    /// The clocks were set up anew.
    pub(super) fn retime(&mut self) {
        let apb = self.clocks.apb();
        self.cycle = SECOND / self.clocks.cpu().max(1);
        self.uart.set_apb(apb);
        for group in &mut self.groups {
            group.set_apb(apb, self.now);
        }
        self.deadline = 0;
    }
}

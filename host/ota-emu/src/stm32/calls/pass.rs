//! Where calls begin and end, and how they are passed.

use super::recording::Recording;
use super::{Call, Calls};
use crate::stm32::Stm32l4;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// `ldrex`, `strex` and their narrow kin: whether they succeed is nowhere to be seen.
const fn is_exclusive(first: u16) -> bool {
    matches!(first & 0xFFF0, 0xE840 | 0xE850 | 0xE8C0 | 0xE8D0)
}

impl Stm32l4 {
    /// The core has jumped, perhaps to where a function begins.
    #[inline]
    pub(in crate::stm32) fn enter(&mut self) {
        if let Some(calls) = &self.calls
            && calls.begins(self.cpu.pc())
        {
            let calls = Arc::clone(calls);
            self.enter_function(&calls);
        }
    }

    #[cold]
    fn enter_function(&mut self, calls: &Calls) {
        if !self.is_undisturbed() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        self.cpu.hash(&mut hasher);
        self.cpu.hash_fetches(&mut hasher);
        self.bus.hash_clock(&mut hasher);
        let core = hasher.finish();
        if let Some(call) = calls.find(core, self) {
            let now = self.bus.now;
            self.bus.recordings.passes(&call, now);
            calls.passed.fetch_add(1, Relaxed);
            if calls.compares {
                self.pass_and_compare(&call);
            } else {
                self.pass(&call);
            }
            return;
        }
        let recording = Recording::new(
            core,
            self.cpu.private_fingerprint(),
            self.cpu.exception(),
            self.cpu.return_point(),
            self.bus.now,
        );
        self.bus.recordings.0.push(recording);
    }

    /// Whether nothing is under way that is not the core's.
    fn is_undisturbed(&self) -> bool {
        self.cpu.is_undisturbed() && self.bus.is_undisturbed()
    }

    /// Whether a call would find all that it found, but the core and what it read of RAM.
    pub(super) fn would_be_the_same(&self, call: &Call) -> bool {
        let flash = &self.bus.flash;
        let ends = self.bus.now + call.time;
        flash.cache.has_no_stale_lines()
            && call.errors.is_none_or(|errors| flash.errors() == errors)
            && self.bus.next_due().is_none_or(|due| due > ends)
            && call
                .used
                .iter()
                .all(|(offset, page)| flash.cells().has_page(*offset, page))
    }

    pub(super) fn pass(&mut self, call: &Call) {
        let bus = &mut self.bus;
        for (offset, _) in &call.used {
            bus.flash.cells_mut().note_use(*offset);
        }
        for offset in &call.cached {
            bus.flash.cache.read(*offset);
        }
        for (address, bytes) in &call.written {
            bus.set_ram(*address, bytes);
        }
        for (since, key) in &call.told {
            bus.iwdg.write(0, *key, bus.now + since);
            bus.deadline = 0;
        }
        bus.now += call.time;
        self.poll = None;
        self.cpu.set_core(&call.end);
    }

    /// An instruction is about to be executed while calls are recorded.
    #[cold]
    pub(in crate::stm32) fn record(&mut self, pc: u32) {
        self.end_recordings(pc);
        let Some(last) = self.bus.recordings.0.last() else {
            return;
        };
        let goes_on = self.cpu.exception() == last.exception
            && self.bus.is_undisturbed()
            && !is_exclusive(self.bus.instruction(pc).unwrap_or(0));
        match self.bus.in_flash(pc).filter(|_| goes_on) {
            Some(offset) => self.bus.recordings.executes(offset),
            None => self.bus.recordings.give_up(),
        }
    }

    /// Ends those that return to here.
    fn end_recordings(&mut self, pc: u32) {
        let at = (pc, self.cpu.stack_pointer());
        while self
            .bus
            .recordings
            .0
            .last()
            .is_some_and(|last| last.end == at)
        {
            let Some(recording) = self.bus.recordings.0.pop() else {
                return;
            };
            let same = recording.private == self.cpu.private_fingerprint();
            if same && self.is_undisturbed() {
                let (core, end) = (recording.core, self.cpu.core());
                if let Some(call) = recording.finish(&self.bus, end)
                    && let Some(calls) = &self.calls
                {
                    calls.learn(core, call);
                }
            }
        }
    }
}

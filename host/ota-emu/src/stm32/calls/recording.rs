//! What a call depends on, and what it does, while it is executed.

use super::Call;
use crate::stm32::bus::Bus;
use crate::stm32::cpu::Core;
use crate::stm32::devices::cells::{PAGE, SIZE};
use crate::uses::Uses;
use core::ops::Range;
use std::collections::HashMap;
use std::sync::Arc;

/// More instructions than any call that is worth it takes.
const MOST: u64 = 100_000_000;

/// Calls that are being recorded, the outermost first. A copy of the board does not go on with them.
#[derive(Debug, Default)]
pub(crate) struct Recordings(pub(super) Vec<Recording>);

impl Clone for Recordings {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A call that is being recorded.
#[derive(Debug)]
pub(super) struct Recording {
    /// What the core was like at the beginning, and its private peripherals.
    pub(super) core: u64,
    pub(super) private: u64,
    pub(super) exception: u32,
    /// Where it returns to, and the stack pointer then.
    pub(super) end: (u32, u32),
    pub(super) began: u64,
    /// By address.
    words: HashMap<u32, Word>,
    /// Pages of the flash, and those that were read through the data cache.
    used: Uses,
    cached: Uses,
    errors: Option<u32>,
    told: Vec<(u64, u32)>,
    instructions: u64,
}

/// What was done to a word of RAM; a bit for each byte.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    read: u8,
    written: u8,
    /// The bytes that were read before they were written.
    bytes: [u8; 4],
}

impl Recording {
    pub(super) fn new(
        core: u64,
        private: u64,
        exception: u32,
        end: (u32, u32),
        began: u64,
    ) -> Self {
        Self {
            core,
            private,
            exception,
            end,
            began,
            words: HashMap::new(),
            used: Uses::new(SIZE, PAGE),
            cached: Uses::new(SIZE, PAGE),
            errors: None,
            told: Vec::new(),
            instructions: 0,
        }
    }

    fn read(&mut self, address: u32, bytes: &[u8]) {
        for (at, byte) in (address..).zip(bytes) {
            let word = self.words.entry(at & !3).or_default();
            let lane = at & 3;
            if (word.read | word.written) >> lane & 1 == 0 {
                word.read |= 1 << lane;
                word.bytes[lane as usize] = *byte;
            }
        }
    }

    fn write(&mut self, address: u32, length: usize) {
        for at in (address..).take(length) {
            self.words.entry(at & !3).or_default().written |= 1 << (at & 3);
        }
    }

    /// The bytes of RAM that `which` picks, as places, in order.
    fn places(&self, which: impl Fn(&Word) -> u8) -> Box<[Range<u32>]> {
        let mut addresses: Vec<u32> = self.words.keys().copied().collect();
        addresses.sort_unstable();
        let mut places: Vec<Range<u32>> = Vec::new();
        for address in addresses {
            let picked = which(&self.words[&address]);
            for at in (address..address + 4).filter(|at| picked >> (at & 3) & 1 != 0) {
                match places.last_mut().filter(|last| last.end == at) {
                    Some(last) => last.end = at + 1,
                    None => places.push(at..at + 1),
                }
            }
        }
        places.into()
    }

    /// The call, once it has ended.
    pub(super) fn finish(self, bus: &Bus, end: Core) -> Option<Call> {
        let places = self.places(|word| word.read);
        let byte = |at: u32| self.words[&(at & !3)].bytes[at as usize & 3];
        let read = places.iter().cloned().flatten().map(byte).collect();
        let written = self.places(|word| word.written).into_iter();
        let written: Option<_> = written
            .map(|place| Some((place.start, bus.ram(&place)?.into())))
            .collect();
        let page = |offset| (offset, Arc::clone(bus.flash.cells().page(offset)));
        Some(Call {
            places: places.into(),
            read,
            written: written?,
            used: self.used.units().map(page).collect(),
            cached: self.cached.units().collect(),
            errors: self.errors,
            told: self.told.into(),
            time: bus.now - self.began,
            end,
        })
    }
}

impl Recordings {
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Something matters that no recording can tell of.
    #[cold]
    pub(crate) fn give_up(&mut self) {
        self.0.clear();
    }

    pub(crate) fn reads_ram(&mut self, address: u32, bytes: &[u8]) {
        for recording in &mut self.0 {
            recording.read(address, bytes);
        }
    }

    pub(crate) fn writes_ram(&mut self, address: u32, length: usize) {
        for recording in &mut self.0 {
            recording.write(address, length);
        }
    }

    pub(crate) fn uses_flash(&mut self, offset: u32) {
        for recording in &mut self.0 {
            recording.used.note(offset);
        }
    }

    pub(crate) fn reads_through_cache(&mut self, offset: u32) {
        for recording in &mut self.0 {
            recording.cached.note(offset);
        }
    }

    pub(crate) fn asks_for_errors(&mut self, value: u32) {
        for recording in &mut self.0 {
            recording.errors = Some(value);
        }
    }

    pub(crate) fn tells_watchdog(&mut self, key: u32, now: u64) {
        for recording in &mut self.0 {
            recording.told.push((now - recording.began, key));
        }
    }

    /// An instruction is about to be executed, at this offset of the flash.
    pub(super) fn executes(&mut self, offset: u32) {
        for recording in &mut self.0 {
            recording.used.note(offset);
            recording.used.note(offset + 2);
            recording.instructions += 1;
        }
        if self
            .0
            .first()
            .is_some_and(|first| first.instructions > MOST)
        {
            self.give_up();
        }
    }

    /// A call within these is passed: what it reads. What it writes is seen when that is stored.
    pub(super) fn passes(&mut self, call: &Call, now: u64) {
        let mut rest = &*call.read;
        for place in call.places.iter() {
            let (bytes, others) = rest.split_at(place.len());
            self.reads_ram(place.start, bytes);
            rest = others;
        }
        for (page, _) in &call.used {
            self.uses_flash(*page);
        }
        for page in &call.cached {
            self.reads_through_cache(*page);
        }
        if let Some(value) = call.errors {
            self.asks_for_errors(value);
        }
        for (since, key) in &call.told {
            self.tells_watchdog(*key, now + since);
        }
    }
}

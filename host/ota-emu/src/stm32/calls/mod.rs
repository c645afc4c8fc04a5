//! Calls that are known: a function that begins as it did before ends as it did before.
//!
//! Most of what firmware executes are digests and signatures of the same bytes, again and again. A
//! board that was given [`Calls`] records those of some functions, and does not execute them again:
//! it is where the recorded one was at its end, at the same time.
//!
//! Nothing is taken for granted of what a function does. What a call depends on is seen while it is
//! recorded: the core, each byte of RAM that it reads before it writes it, and the pages of the flash
//! that it reads or executes. A call is passed only if all of these hold the same. And one is recorded
//! only if nothing else could matter: it asks no device but the flash for errors, tells
//! none but the watchdog that it is well, and nothing interrupts it.

mod check;
mod pass;
mod recording;

use crate::board::Chip;
use crate::stm32::cpu::Core;
use crate::stm32::devices::cells::{Page, SIZE};
use crate::stm32::{FLASH_START, Stm32l4};
use anyhow::{Result, ensure};
use core::ops::Range;
use object::{Object as _, ObjectSymbol as _, SymbolKind};
pub(crate) use recording::Recordings;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// After so many, those are forgotten that none of as many before was like.
const MOST: usize = if cfg!(test) { 50 } else { 50_000 };

/// Calls that were recorded, of all boards that share them.
#[derive(Debug)]
pub struct Calls {
    /// A bit for each half word of the flash: whether a function begins there.
    entries: Box<[AtomicU64]>,
    functions: Box<[&'static str]>,
    /// What is passed is executed as well.
    compares: bool,
    passed: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    young: Generation,
    old: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    /// By what the core was like.
    shapes: HashMap<u64, Vec<Shape>>,
    calls: usize,
}

/// Calls that read the same places of RAM.
#[derive(Debug)]
struct Shape {
    places: Arc<[Range<u32>]>,
    /// By what was there.
    calls: HashMap<Arc<[u8]>, Vec<Arc<Call>>>,
}

/// A call, from its first instruction to the one behind it.
#[derive(Debug)]
struct Call {
    /// Where it read RAM before it wrote it, and what was there, place by place.
    places: Arc<[Range<u32>]>,
    read: Arc<[u8]>,
    /// Places of RAM that were written, and what they held at the end.
    written: Box<[(u32, Box<[u8]>)]>,
    /// Pages of the flash that were used, by offset.
    used: Box<[(u32, Arc<Page>)]>,
    /// Those of them that were read through the data cache.
    cached: Box<[u32]>,
    /// What was read of the register for errors of the flash, if it was.
    errors: Option<u32>,
    /// Keys that the watchdog was told, and when, in picoseconds since the beginning.
    told: Box<[(u64, u32)]>,
    /// Picoseconds.
    time: u64,
    /// The core at its end.
    end: Core,
}

impl Calls {
    /// Of functions, by their whole names, in firmware that is still to be [known](Self::know).
    #[must_use]
    pub fn new(functions: &[&'static str]) -> Self {
        let bits = SIZE / 2;
        Self {
            entries: (0..bits.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            functions: functions.into(),
            compares: false,
            passed: AtomicU64::new(0),
            known: Mutex::default(),
        }
    }

    /// The same, and each call that is passed is executed on a copy of the board, too: a run panics where
    /// that makes a difference. It takes longer than to pass nothing.
    #[must_use]
    pub fn compared(functions: &[&'static str]) -> Self {
        Self {
            compares: true,
            ..Self::new(functions)
        }
    }

    /// How many calls were passed.
    pub fn passed(&self) -> u64 {
        self.passed.load(Relaxed)
    }

    /// Finds out where the functions begin in the firmware of an ELF file. Another firmware may have
    /// something else there, or be there later.
    ///
    /// # Errors
    /// If it is no ELF, or has none of the functions.
    pub fn know(&self, elf: &[u8]) -> Result<()> {
        let file = object::File::parse(elf)?;
        let mut found = false;
        for symbol in file.symbols() {
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name()?));
            if symbol.kind() == SymbolKind::Text && self.functions.contains(&&*name) {
                let address = u32::try_from(symbol.address())?;
                ensure!(Stm32l4::CODE.contains(&address), "{name} is not in flash");
                self.know_function(address);
                found = true;
            }
        }
        ensure!(found, "the firmware has none of the functions");
        Ok(())
    }

    /// One of the functions may begin at this address. Nothing happens if it is not in flash.
    pub fn know_function(&self, address: u32) {
        if let Some((bits, bit)) = self.entry(address) {
            bits.fetch_or(bit, Relaxed);
        }
    }

    /// Whether one of the functions begins at an address.
    #[inline]
    fn begins(&self, address: u32) -> bool {
        let entry = self.entry(address);
        entry.is_some_and(|(bits, bit)| bits.load(Relaxed) & bit != 0)
    }

    /// The bit of an address, if that is in flash.
    #[inline]
    fn entry(&self, address: u32) -> Option<(&AtomicU64, u64)> {
        let half = (address.wrapping_sub(FLASH_START) / 2) as usize;
        Some((self.entries.get(half / 64)?, 1 << (half % 64)))
    }

    /// The call that begins with a core like this, and finds all else on the chip that it found.
    fn find(&self, core: u64, chip: &Stm32l4) -> Option<Arc<Call>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = known.young.find(core, chip) {
            return Some(call);
        }
        let call = known.old.find(core, chip)?;
        known.keep(core, Arc::clone(&call));
        Some(call)
    }

    fn learn(&self, core: u64, call: Call) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.keep(core, Arc::new(call));
    }
}

impl Known {
    fn keep(&mut self, core: u64, call: Arc<Call>) {
        if self.young.calls == MOST {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.keep(core, call);
    }
}

impl Generation {
    fn find(&self, core: u64, chip: &Stm32l4) -> Option<Arc<Call>> {
        for shape in self.shapes.get(&core)? {
            let mut read = Vec::new();
            for place in shape.places.iter() {
                read.extend_from_slice(chip.bus.ram(place)?);
            }
            let mut calls = shape.calls.get(&*read).into_iter().flatten();
            if let Some(call) = calls.find(|call| chip.would_be_the_same(call)) {
                return Some(Arc::clone(call));
            }
        }
        None
    }

    fn keep(&mut self, core: u64, call: Arc<Call>) {
        self.calls += 1;
        let shapes = self.shapes.entry(core).or_default();
        let shape = shapes.iter().position(|shape| shape.places == call.places);
        let nth = shape.unwrap_or_else(|| {
            shapes.push(Shape {
                places: Arc::clone(&call.places),
                calls: HashMap::new(),
            });
            shapes.len() - 1
        });
        let calls = shapes[nth].calls.entry(Arc::clone(&call.read)).or_default();
        calls.push(call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stm32::cpu::Cpu;
    use crate::stm32::flash;

    /// One that depends on nothing but the core.
    fn call() -> Call {
        Call {
            places: [].into(),
            read: [].into(),
            written: [].into(),
            used: [].into(),
            cached: [].into(),
            errors: None,
            told: [].into(),
            time: 1,
            end: Cpu::starting_at(0, 0).core(),
        }
    }

    fn is_known(calls: &Calls, core: u64) -> bool {
        calls.find(core, &Stm32l4::new(flash())).is_some()
    }

    #[test]
    fn a_call_that_is_made_now_and_then_stays_known() {
        let calls = Calls::new(&[]);
        let learn = |cores: Range<u64>| cores.for_each(|core| calls.learn(core, call()));
        let most = MOST as u64;
        learn(0..1);
        for round in 1..4 {
            assert!(is_known(&calls, 0));
            learn(round * most..(round + 1) * most);
        }
        learn(4 * most..6 * most);
        assert!(!is_known(&calls, 0), "it is forgotten in the end");
        assert!(is_known(&calls, 6 * most - 1));
    }
}

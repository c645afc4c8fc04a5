//! Calls that are known: a function that begins as it did before ends as it did before.
//!
//! Most of what firmware executes are digests and signatures of the same bytes, again and again. A
//! board that was given [`Calls`] records those of some functions, and does not execute them again:
//! it is where the recorded one was at its end, at the same time.
//!
//! Nothing is taken for granted of what a function does. What a call depends on is seen while it is
//! recorded: the core, each byte of RAM that it reads before it writes it, and the pages of the flash
//! that it reads or executes. A call is passed only if all of these hold the same. And one is recorded
//! only if nothing else could matter: it asks no device whose answer is not part of what has to be
//! the same, tells none but a watchdog that it is well, and nothing interrupts it. What exactly, each
//! chip says: see [`Passes`].

mod compare;
mod entries;
mod known;
mod pass;
mod recording;

use crate::board::Chip;
use anyhow::Result;
use core::ops::Range;
use entries::Entries;
use known::Known;
use object::{Object as _, ObjectSymbol as _, SymbolKind};
pub(crate) use pass::{Passes, Told, enter, record};
pub(crate) use recording::Recordings;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Calls that were recorded, of all boards with this chip that share them.
#[derive(Debug)]
pub struct Calls<C: Chip> {
    functions: Box<[&'static str]>,
    entries: Entries,
    /// Functions that were found in some firmware.
    found: Mutex<BTreeSet<&'static str>>,
    passed: AtomicU64,
    compared: AtomicU64,
    known: Mutex<Known<C::Core>>,
}

/// Calls that a board shares with others.
#[derive(Debug)]
pub struct Shared<C: Chip> {
    calls: Arc<Calls<C>>,
    /// What is passed is executed as well.
    compares: bool,
}

impl<C: Chip> Clone for Shared<C> {
    fn clone(&self) -> Self {
        Self {
            calls: Arc::clone(&self.calls),
            compares: self.compares,
        }
    }
}

impl<C: Chip> Shared<C> {
    pub(crate) const fn new(calls: Arc<Calls<C>>) -> Self {
        Self {
            calls,
            compares: false,
        }
    }

    /// The same, and each call that is passed is executed as well.
    pub(crate) fn compared(self) -> Self {
        Self {
            compares: true,
            ..self
        }
    }
}

/// A call, from its first instruction to the one behind it.
#[derive(Debug)]
pub struct Call<K> {
    /// Where it read RAM before it wrote it, and what was there, place by place.
    places: Arc<[Range<u32>]>,
    read: Arc<[u8]>,
    /// Places of RAM that were written, and what they held at the end.
    written: Box<[(u32, Box<[u8]>)]>,
    /// Pages of the flash that were used, by offset.
    used: Box<[(u32, Arc<[u8]>)]>,
    /// What reads of the flash leave in its cache.
    pub(crate) cached: Box<[Cached]>,
    /// Registers that were asked, and what they answered.
    pub(crate) asked: Box<[(u32, u32)]>,
    /// What a watchdog was told, and when, since the beginning.
    pub(crate) told: Box<[Told]>,
    /// How long it takes.
    pub(crate) time: u64,
    /// The core at its end.
    pub(crate) end: K,
}

/// A part of the flash that was read through its cache: where the core sees it, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Cached {
    pub(crate) address: u32,
    pub(crate) offset: u32,
}

impl<C: Chip> Calls<C> {
    /// Of functions, by their whole names, in firmware that is still to be [known](Self::know).
    #[must_use]
    pub fn new(functions: &[&'static str]) -> Self {
        Self {
            functions: functions.into(),
            entries: Entries::default(),
            found: Mutex::default(),
            passed: AtomicU64::new(0),
            compared: AtomicU64::new(0),
            known: Mutex::default(),
        }
    }

    /// How many calls were passed.
    pub fn passed(&self) -> u64 {
        self.passed.load(Relaxed)
    }

    /// How many of these were executed as well, and compared.
    pub fn compared(&self) -> u64 {
        self.compared.load(Relaxed)
    }

    /// Finds out where the functions begin in the firmware of an ELF file. Another firmware may have
    /// something else there, or be there later.
    ///
    /// # Errors
    /// If it is no ELF.
    pub fn know(&self, elf: &[u8]) -> Result<()> {
        let file = object::File::parse(elf)?;
        for symbol in file.symbols() {
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name()?));
            let ours = self.functions.iter().find(|function| **function == name);
            if let Some(function) = ours.filter(|_| symbol.kind() == SymbolKind::Text) {
                // The lowest bit says that it is Thumb code.
                self.know_function(u32::try_from(symbol.address())? & !1);
                lock(&self.found).insert(function);
            }
        }
        Ok(())
    }

    /// One of the functions may begin at this address.
    pub fn know_function(&self, address: u32) {
        self.entries.add(address);
    }

    /// The functions that are in none of the firmware that is known: they have another name now, or
    /// were made a part of their callers.
    pub fn missing(&self) -> Vec<&'static str> {
        let found = lock(&self.found);
        let functions = self.functions.iter().copied();
        functions.filter(|name| !found.contains(name)).collect()
    }

    /// The call that begins with a core like this, and finds all else on the chip that it found.
    fn find(&self, core: u64, chip: &C) -> Option<Arc<Call<C::Core>>> {
        lock(&self.known).find(core, chip)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

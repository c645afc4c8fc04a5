//! Where calls begin and end, and how they are passed.

use super::recording::{Recording, Recordings};
use super::{Call, Shared, lock};
use crate::board::Chip;
use core::fmt::Debug;
use core::ops::Range;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What a chip tells of itself, and does, for its calls to be recorded and passed.
///
/// While calls are recorded, the chip tells its [`Recordings`] of each access to RAM and flash, and lets
/// them give up when something happens that is none of: a computation, these accesses, and what is
/// part of [`Core`](Self::Core), of what was asked, or of what was told.
pub trait Passes: Clone {
    /// What a call leaves in the core, and in devices that do nothing but compute for it.
    type Core: Debug + Send + Sync;

    /// Calls that need not be executed again.
    fn calls(&self) -> Option<&Shared<Self>>
    where
        Self: Chip;

    /// Shares calls with other boards from now on, or none.
    fn set_calls(&mut self, calls: Option<Shared<Self>>)
    where
        Self: Chip;

    /// Calls that are being recorded.
    fn recordings(&mut self) -> &mut Recordings;

    /// The next instruction, and the stack pointer.
    fn position(&self) -> (u32, u32);

    /// What these will be when a function returns that begins now.
    fn return_position(&self) -> (u32, u32);

    /// The time, in the chip's unit, at its finest.
    fn time(&self) -> u64;

    /// Whether nothing is under way that is not the core's, so that a call may begin or end here.
    fn is_undisturbed(&self) -> bool;

    /// Hashes all that a call depends on, but RAM, flash, and what was asked and told.
    fn hash_core(&self, hasher: &mut DefaultHasher);

    /// A fingerprint of what a call that is passed leaves as it is, if that could change unseen.
    fn surroundings(&self) -> u64 {
        0
    }

    /// What is to be left where a call ends now that began then.
    fn core(&self, began: u64) -> Self::Core;

    /// A place in RAM; none if not all of it is.
    fn ram(&self, place: &Range<u32>) -> Option<&[u8]>;

    /// Stores into a place in RAM.
    fn set_ram(&mut self, address: u32, bytes: &[u8]);

    /// The page of the flash at this offset.
    fn page(&self, offset: u32) -> &[u8];

    /// Whether reads of the page of the flash at this offset see this, and nothing else comes of them.
    fn has_page(&self, offset: u32, page: &[u8]) -> bool {
        self.page(offset) == page
    }

    /// Whether a call that begins now would not be interrupted, be told the same, and leave the
    /// same in the cache.
    fn may_pass(&self, call: &Call<Self::Core>) -> bool;

    /// Goes to where a call ends: core, time, cache and watchdog. RAM is there already.
    fn leave(&mut self, call: &Call<Self::Core>);

    /// An instruction is about to be executed: notes what it is read from. Whether calls may
    /// have it.
    fn note_instruction(&mut self, pc: u32) -> bool;

    /// Nobody outside has anything to say from now on.
    fn isolate(&mut self) {}

    /// Whether the other chip is what this one is, in all that a call could change.
    fn is_like(&self, other: &Self) -> bool;
}

/// A store to a register of a watchdog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// When, since the call began.
    pub(crate) since: u64,
    pub(crate) register: u32,
    pub(crate) value: u32,
}

/// The core has jumped, perhaps to where a function begins. Whether that call was passed.
#[inline]
pub(crate) fn enter<C: Chip>(chip: &mut C) -> bool {
    match chip.calls() {
        Some(shared) if shared.calls.entries.has(chip.position().0) => {
            let shared = shared.clone();
            enter_function(chip, &shared)
        }
        _ => false,
    }
}

#[cold]
fn enter_function<C: Chip>(chip: &mut C, shared: &Shared<C>) -> bool {
    let calls = &shared.calls;
    if !chip.is_undisturbed() {
        return false;
    }
    let mut hasher = DefaultHasher::new();
    chip.hash_core(&mut hasher);
    let core = hasher.finish();
    let now = chip.time();
    if let Some(call) = calls.find(core, chip) {
        chip.recordings().passes(&call, now);
        calls.passed.fetch_add(1, Relaxed);
        if shared.compares {
            calls.compared.fetch_add(1, Relaxed);
            super::compare::pass(chip, &call);
        } else {
            pass(chip, &call);
        }
        return true;
    }
    let (surroundings, end) = (chip.surroundings(), chip.return_position());
    let recording = Recording::new(core, surroundings, end, now);
    chip.recordings().begin(recording);
    false
}

pub(super) fn pass<C: Passes>(chip: &mut C, call: &Call<C::Core>) {
    for (address, bytes) in &call.written {
        chip.set_ram(*address, bytes);
    }
    chip.leave(call);
}

/// An instruction is about to be executed while calls are recorded.
#[cold]
pub(crate) fn record<C: Chip>(chip: &mut C) {
    end_recordings(chip);
    if chip.recordings().is_empty() {
        return;
    }
    let pc = chip.position().0;
    if chip.note_instruction(pc) {
        chip.recordings().count();
    } else {
        chip.recordings().give_up();
    }
}

/// Ends those that return to here.
fn end_recordings<C: Chip>(chip: &mut C) {
    let here = chip.position();
    while let Some(recording) = chip.recordings().end(here) {
        let whole = chip.is_undisturbed() && recording.surroundings == chip.surroundings();
        let shared = chip.calls().filter(|_| whole).cloned();
        if let Some(shared) = shared {
            let mut known = lock(&shared.calls.known);
            if let Some(call) = recording.finish(chip, |page| known.page(page)) {
                known.keep(recording.core, Arc::new(call));
            }
        }
        chip.recordings().absorb(recording);
    }
}

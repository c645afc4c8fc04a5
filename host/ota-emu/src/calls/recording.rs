//! What a call depends on, and what it does, while it is executed.

use super::pass::Passes;
use super::{Cached, Call, Told};
use core::hash::{BuildHasherDefault, Hasher};
use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// More instructions than any call that is worth it takes.
const MOST: u64 = 100_000_000;

/// Calls that are being recorded, each within the one before. A copy of the board does not go on with
/// them.
///
/// What happens is noted of the innermost, and when that has ended, of the one around it.
#[derive(Debug, Default)]
pub struct Recordings {
    all: Vec<Recording>,
    /// Since the outermost began.
    instructions: u64,
}

impl Clone for Recordings {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A call that is being recorded.
#[derive(Debug)]
pub(super) struct Recording {
    /// What the core was like at the beginning, and what is around it.
    pub(super) core: u64,
    pub(super) surroundings: u64,
    /// Where it returns to, and the stack pointer then.
    end: (u32, u32),
    began: u64,
    /// By address.
    words: HashMap<u32, Word, BuildHasherDefault<Mixer>>,
    /// Pages of the flash, by offset.
    used: BTreeSet<u32>,
    /// The one that was used last: the usual case, quickly.
    last_used: Option<u32>,
    cached: BTreeSet<(u32, u32)>,
    last_cached: Option<(u32, u32)>,
    asked: BTreeMap<u32, u32>,
    /// Since the board was made.
    told: Vec<(u64, u32, u32)>,
}

/// What was done to a word of RAM; a bit for each byte.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    read: u8,
    written: u8,
    /// The bytes that were read before they were written.
    bytes: [u8; 4],
}

/// Spreads addresses, and is quick.
#[derive(Debug, Default, Clone, Copy)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        let mixed = (self.0 ^ u64::from(value)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 32;
    }
}

/// The bytes of a word, as bits, and its address, for each word that a range of bytes touches.
fn words(address: u32, length: u32) -> impl Iterator<Item = (u32, u32, u32)> {
    let end = address + length;
    (address & !3..end).step_by(4).map(move |at| {
        let (first, last) = (address.max(at) - at, end.min(at + 4) - at);
        (at, first, last)
    })
}

impl Recording {
    pub(super) fn new(core: u64, surroundings: u64, end: (u32, u32), began: u64) -> Self {
        Self {
            core,
            surroundings,
            end,
            began,
            words: HashMap::default(),
            used: BTreeSet::new(),
            last_used: None,
            cached: BTreeSet::new(),
            last_cached: None,
            asked: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    fn read(&mut self, address: u32, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(0);
        let mut rest = bytes.iter();
        for (at, first, end) in words(address, length) {
            let word = self.words.entry(at).or_default();
            for (lane, byte) in (first..end).zip(&mut rest) {
                word.read_byte(lane, *byte);
            }
        }
    }

    fn write(&mut self, address: u32, length: u32) {
        for (at, first, end) in words(address, length) {
            let word = self.words.entry(at).or_default();
            word.written |= (1 << end) - (1 << first);
        }
    }

    #[inline]
    fn note_page(&mut self, offset: u32) {
        if self.last_used != Some(offset) {
            self.last_used = Some(offset);
            self.used.insert(offset);
        }
    }

    #[inline]
    fn note_cached(&mut self, address: u32, offset: u32) {
        if self.last_cached != Some((address, offset)) {
            self.last_cached = Some((address, offset));
            self.cached.insert((address, offset));
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

    /// The call, which has ended.
    pub(super) fn finish<C: Passes>(
        &self,
        chip: &C,
        mut keep: impl FnMut(&[u8]) -> Arc<[u8]>,
    ) -> Option<Call<C::Core>> {
        let places = self.places(|word| word.read);
        let byte = |at: u32| self.words[&(at & !3)].bytes[at as usize & 3];
        let read = places.iter().cloned().flatten().map(byte).collect();
        let written = self.places(|word| word.written).into_iter();
        let written: Option<_> = written
            .map(|place| Some((place.start, chip.ram(&place)?.into())))
            .collect();
        let used = self.used.iter();
        let cached = self.cached.iter();
        let told = self.told.iter();
        Some(Call {
            places: places.into(),
            read,
            written: written?,
            used: used.map(|at| (*at, keep(chip.page(*at)))).collect(),
            cached: cached
                .map(|&(address, offset)| Cached { address, offset })
                .collect(),
            asked: self.asked.iter().map(|(at, value)| (*at, *value)).collect(),
            told: told
                .map(|&(at, register, value)| Told {
                    since: at - self.began,
                    register,
                    value,
                })
                .collect(),
            time: chip.time() - self.began,
            end: chip.core(self.began),
        })
    }
}

impl Word {
    #[inline]
    fn read_byte(&mut self, lane: u32, byte: u8) {
        if (self.read | self.written) >> lane & 1 == 0 {
            self.read |= 1 << lane;
            self.bytes[lane as usize] = byte;
        }
    }

    /// What was done after this.
    fn absorb(&mut self, later: &Self) {
        for lane in (0..4).filter(|lane| later.read >> lane & 1 != 0) {
            self.read_byte(lane, later.bytes[lane as usize]);
        }
        self.written |= later.written;
    }
}

impl Recordings {
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Something matters that no recording can tell of.
    #[cold]
    pub(crate) fn give_up(&mut self) {
        self.all.clear();
    }

    pub(crate) fn reads_ram(&mut self, address: u32, bytes: &[u8]) {
        if let Some(recording) = self.all.last_mut() {
            recording.read(address, bytes);
        }
    }

    pub(crate) fn writes_ram(&mut self, address: u32, length: usize) {
        if let Some(recording) = self.all.last_mut() {
            recording.write(address, u32::try_from(length).unwrap_or(0));
        }
    }

    /// The page of the flash that begins at this offset is read or executed.
    pub(crate) fn uses_page(&mut self, offset: u32) {
        if let Some(recording) = self.all.last_mut() {
            recording.note_page(offset);
        }
    }

    pub(crate) fn reads_through_cache(&mut self, address: u32, offset: u32) {
        if let Some(recording) = self.all.last_mut() {
            recording.note_cached(address, offset);
        }
    }

    pub(crate) fn asks(&mut self, register: u32, value: u32) {
        if let Some(recording) = self.all.last_mut() {
            recording.asked.insert(register, value);
        }
    }

    pub(crate) fn tells(&mut self, register: u32, value: u32, now: u64) {
        if let Some(recording) = self.all.last_mut() {
            recording.told.push((now, register, value));
        }
    }

    pub(super) fn begin(&mut self, recording: Recording) {
        if self.all.is_empty() {
            self.instructions = 0;
        }
        self.all.push(recording);
    }

    /// An instruction is about to be executed.
    pub(super) fn count(&mut self) {
        self.instructions += 1;
        if self.instructions > MOST {
            self.give_up();
        }
    }

    /// The innermost, if it ends here. It is to be [absorbed](Self::absorb).
    pub(super) fn end(&mut self, here: (u32, u32)) -> Option<Recording> {
        self.all.pop_if(|last| last.end == here)
    }

    /// What was done within a call is done by the one around it.
    pub(super) fn absorb(&mut self, inner: Recording) {
        let Some(recording) = self.all.last_mut() else {
            return;
        };
        for (address, word) in &inner.words {
            recording.words.entry(*address).or_default().absorb(word);
        }
        recording.used.extend(inner.used);
        recording.cached.extend(inner.cached);
        recording.asked.extend(inner.asked);
        recording.told.extend(inner.told);
    }

    /// A call that begins now is passed: what it reads, does and writes.
    pub(super) fn passes<K>(&mut self, call: &Call<K>, now: u64) {
        let Some(recording) = self.all.last_mut() else {
            return;
        };
        let mut rest = &*call.read;
        for place in call.places.iter() {
            let (bytes, others) = rest.split_at(place.len());
            recording.read(place.start, bytes);
            rest = others;
        }
        for (address, bytes) in &call.written {
            recording.write(*address, u32::try_from(bytes.len()).unwrap_or(0));
        }
        recording
            .used
            .extend(call.used.iter().map(|(page, _)| *page));
        let cached = call.cached.iter();
        recording
            .cached
            .extend(cached.map(|cached| (cached.address, cached.offset)));
        recording.asked.extend(call.asked.iter().copied());
        for told in &call.told {
            let at = now + told.since;
            recording.told.push((at, told.register, told.value));
        }
    }
}

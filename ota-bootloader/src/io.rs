//! Storage and cryptography together: reading, hashing and copying in small pieces.

use ota_image::{Crypto, Digest, ENVELOPE_LEN, Hasher, chunk_hasher};

use crate::map::{FNV_PRIME, FNV_START};
use crate::storage::{Region, Storage};

/// Bytes read at once: the stack that streaming takes.
pub(crate) const BLOCK: u32 = 256;
/// Reads are multiples of this, and so are the sizes of all regions.
const READ_ALIGN: u32 = 32;
/// Length of an envelope: where the digest table of a bank begins.
pub(crate) const ENVELOPE: u32 = 1024;
/// How often a read that fails is repeated: a flash that does not answer for a moment must not
/// look like one that holds nothing.
const READ_TRIES: u32 = 64;
/// How often a copy that does not read back is repeated.
const COPY_TRIES: u32 = 3;

/// A place in a region, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) region: Region,
    pub(crate) offset: u32,
}

impl At {
    pub(crate) const fn plus(self, bytes: u32) -> Self {
        Self {
            region: self.region,
            offset: self.offset.saturating_add(bytes),
        }
    }
}

/// Something was not what it must be, or could not be read or written. The caller knows what
/// that means; there is nothing to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad;

/// What flash work is done with.
pub(crate) struct Io<'a, S, C> {
    pub(crate) storage: &'a mut S,
    pub(crate) crypto: &'a mut C,
    /// Takes down what is hashed.
    sums: Option<&'a mut Sums>,
}

/// The most that is copied at once, in bytes: a largest chunk, so that it holds whole ones.
const PART: u32 = 16 * 1024;

/// A sum of each block of a part as it was when it was checked, so that what is programmed is what
/// was checked, though it is read again.
struct Sums {
    start: At,
    blocks: [u32; (PART / BLOCK) as usize],
}

impl Sums {
    const fn new(start: At) -> Self {
        Self {
            start,
            blocks: [0; (PART / BLOCK) as usize],
        }
    }

    fn of(&mut self, at: At) -> Option<&mut u32> {
        let offset = at.offset.checked_sub(self.start.offset)?;
        (at.region == self.start.region)
            .then_some(&mut self.blocks)?
            .get_mut((offset / BLOCK) as usize)
    }
}

/// A sum that no change of a single byte leaves the same: FNV-1a, each step of which can be undone.
fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(FNV_START, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

/// A part of what is copied: where it begins in that, and its length, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// Reads, and does not take the first failure for an answer.
#[inline(never)] // Once is enough.
pub(crate) fn read_flash<S: Storage>(
    storage: &mut S,
    region: Region,
    offset: u32,
    bytes: &mut [u8],
) -> Result<(), S::Error> {
    let mut result = storage.read(region, offset, bytes);
    for _ in 1..READ_TRIES {
        if result.is_ok() {
            break;
        }
        result = storage.read(region, offset, bytes);
    }
    result
}

/// Streams `len` bytes through `sink`.
pub(crate) fn stream<S: Storage>(
    storage: &mut S,
    at: At,
    len: u32,
    mut sink: impl FnMut(&[u8]),
) -> Result<(), Bad> {
    let mut done = 0;
    while done < len {
        let take = (len - done).min(BLOCK);
        let mut block = [0; BLOCK as usize];
        let aligned = take.next_multiple_of(READ_ALIGN) as usize;
        let bytes = block.get_mut(..aligned).ok_or(Bad)?;
        read_flash(storage, at.region, at.offset.saturating_add(done), bytes).map_err(|_| Bad)?;
        sink(bytes.get(..take as usize).ok_or(Bad)?);
        done += take;
    }
    Ok(())
}

#[inline(never)] // Once is enough.
fn hash<S: Storage, H: Hasher>(
    storage: &mut S,
    mut hasher: H,
    at: At,
    len: u32,
    mut sums: Option<&mut Sums>,
) -> Result<Digest, Bad> {
    let mut block_at = at;
    stream(storage, at, len, |block| {
        hasher.update(block);
        if let Some(place) = sums.as_mut().and_then(|sums| sums.of(block_at)) {
            *place = sum(block);
        }
        block_at = block_at.plus(BLOCK);
    })?;
    Ok(hasher.finish())
}

/// Whether flash holds exactly these bytes.
pub(crate) fn holds<S: Storage>(storage: &mut S, at: At, bytes: &[u8]) -> bool {
    let (mut rest, mut same) = (bytes, true);
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let read = stream(storage, at, len, |block| {
        match rest.split_at_checked(block.len()) {
            Some((head, tail)) => {
                same &= head == block;
                rest = tail;
            }
            None => same = false,
        }
    });
    read.is_ok() && same
}

/// Whether `len` bytes, rounded up to whole words, read as erased.
pub(crate) fn is_blank<S: Storage>(storage: &mut S, at: At, len: u32) -> bool {
    let geometry = storage.geometry(at.region);
    let mut blank = true;
    let whole = len.next_multiple_of(geometry.write_size.max(1));
    let read = stream(storage, at, whole, |block| {
        blank &= block.iter().all(|byte| *byte == geometry.erased);
    });
    read.is_ok() && blank
}

/// Programs bytes of any length at a word boundary; the last word is filled up with the erased
/// value.
pub(crate) fn program<S: Storage>(storage: &mut S, at: At, bytes: &[u8]) -> Result<(), S::Error> {
    let geometry = storage.geometry(at.region);
    let word = (geometry.write_size as usize).max(1);
    let (whole, tail) = bytes.split_at(bytes.len() - bytes.len() % word);
    if !whole.is_empty() {
        storage.program(at.region, at.offset, whole)?;
    }
    if !tail.is_empty() {
        let mut last = [geometry.erased; READ_ALIGN as usize];
        for (place, byte) in last.iter_mut().zip(tail) {
            *place = *byte;
        }
        let offset = at
            .offset
            .saturating_add(u32::try_from(whole.len()).unwrap_or(u32::MAX));
        storage.program(at.region, offset, last.get(..word).unwrap_or(&last))?;
    }
    Ok(())
}

/// Erases the units that `len` bytes from a unit boundary touch.
pub(crate) fn erase<S: Storage>(storage: &mut S, at: At, len: u32) -> Result<(), S::Error> {
    let unit = storage.geometry(at.region).erase_size.max(1);
    let end = at.offset.saturating_add(len.next_multiple_of(unit));
    storage.erase(at.region, at.offset, end)
}

impl Part {
    fn of(len: u32, offset: u32) -> Self {
        Self {
            offset,
            len: (len - offset).min(PART),
        }
    }
}

/// Whether a part of what is copied lies at a place.
type Check<'c, S, C> = &'c mut dyn FnMut(&mut Io<'_, S, C>, At, Part) -> bool;

impl<'a, S: Storage, C: Crypto> Io<'a, S, C> {
    pub(crate) const fn new(storage: &'a mut S, crypto: &'a mut C) -> Self {
        Self {
            storage,
            crypto,
            sums: None,
        }
    }

    /// The leaf digest of `len` bytes.
    pub(crate) fn leaf(&mut self, at: At, len: u32) -> Result<Digest, Bad> {
        let hasher = chunk_hasher(self.crypto);
        hash(self.storage, hasher, at, len, self.sums.as_deref_mut())
    }

    /// The plain SHA-256 of `len` bytes.
    pub(crate) fn sha256(&mut self, at: At, len: u32) -> Result<Digest, Bad> {
        let hasher = self.crypto.sha256();
        hash(self.storage, hasher, at, len, None)
    }

    /// Reads an envelope.
    pub(crate) fn read_envelope(
        &mut self,
        at: At,
        out: &mut [u8; ENVELOPE_LEN],
    ) -> Result<(), Bad> {
        let mut offset = at.offset;
        for block in out.chunks_mut(BLOCK as usize) {
            read_flash(self.storage, at.region, offset, block).map_err(|_| Bad)?;
            offset = offset.saturating_add(BLOCK);
        }
        Ok(())
    }

    /// Copies `len` bytes over whole erase units, until they read back as `check` wants them: it is
    /// given a place and the part of the bytes that should lie there.
    ///
    /// Nothing is programmed but blocks that read as they did when they were checked.
    pub(crate) fn copy(
        &mut self,
        from: At,
        to: At,
        len: u32,
        check: Check<'_, S, C>,
    ) -> Result<(), Bad> {
        let mut sums = Sums::new(from);
        for _ in 0..COPY_TRIES {
            // The source first: nothing is erased for a copy that cannot succeed.
            if !self.check_all(&mut sums, from, len, check) {
                return Err(Bad);
            }
            if self.copy_once(&mut sums, from, to, len, check).is_ok()
                && self.check_all(&mut sums, to, len, check)
            {
                return Ok(());
            }
        }
        Err(Bad)
    }

    /// Checks what lies at `at`, part by part; `sums` are those of the last one then.
    fn check_all(&mut self, sums: &mut Sums, at: At, len: u32, check: Check<'_, S, C>) -> bool {
        let mut offset = 0;
        while offset < len {
            if !self.check_part(sums, at, Part::of(len, offset), check) {
                return false;
            }
            offset += PART;
        }
        true
    }

    fn check_part(&mut self, sums: &mut Sums, at: At, part: Part, check: Check<'_, S, C>) -> bool {
        sums.start = at.plus(part.offset);
        let at = sums.start;
        let mut io = Io {
            storage: &mut *self.storage,
            crypto: &mut *self.crypto,
            sums: Some(sums),
        };
        check(&mut io, at, part)
    }

    /// Erases, and copies the last part first: its sums are those at hand.
    fn copy_once(
        &mut self,
        sums: &mut Sums,
        from: At,
        to: At,
        len: u32,
        check: Check<'_, S, C>,
    ) -> Result<(), Bad> {
        erase(self.storage, to, len).map_err(|_| Bad)?;
        let mut offset = len.next_multiple_of(PART);
        while offset > 0 {
            offset -= PART;
            let part = Part::of(len, offset);
            if sums.start != from.plus(offset) && !self.check_part(sums, from, part, check) {
                return Err(Bad);
            }
            self.copy_part(sums, to.plus(offset), part.len)?;
        }
        Ok(())
    }

    /// Copies into units that are erased already.
    fn copy_part(&mut self, sums: &mut Sums, to: At, len: u32) -> Result<(), Bad> {
        let from = sums.start;
        let mut done = 0;
        while done < len {
            let take = (len - done).min(BLOCK);
            let mut block = [0; BLOCK as usize];
            let aligned = take.next_multiple_of(READ_ALIGN) as usize;
            let bytes = block.get_mut(..aligned).ok_or(Bad)?;
            read_flash(
                self.storage,
                from.region,
                from.offset.saturating_add(done),
                bytes,
            )
            .map_err(|_| Bad)?;
            let bytes = bytes.get(..take as usize).ok_or(Bad)?;
            if sums.of(from.plus(done)).copied() != Some(sum(bytes)) {
                return Err(Bad);
            }
            program(self.storage, to.plus(done), bytes).map_err(|_| Bad)?;
            done += take;
        }
        Ok(())
    }
}

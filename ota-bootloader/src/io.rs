//! Storage and cryptography together: reading, hashing and copying in small pieces.

use ota_image::{Crypto, Digest, ENVELOPE_LEN, Hasher, chunk_hasher};

use crate::storage::{Region, Storage};

/// Bytes read at once: the stack that streaming takes.
pub(crate) const BLOCK: u32 = 256;
/// Reads are multiples of this, and so are the sizes of all regions.
const READ_ALIGN: u32 = 32;
/// Length of an envelope: where the digest table of a bank begins.
pub(crate) const ENVELOPE: u32 = 1024;
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
        storage
            .read(at.region, at.offset.saturating_add(done), bytes)
            .map_err(|_| Bad)?;
        sink(bytes.get(..take as usize).ok_or(Bad)?);
        done += take;
    }
    Ok(())
}

fn hash<S: Storage, H: Hasher>(
    storage: &mut S,
    mut hasher: H,
    at: At,
    len: u32,
) -> Result<Digest, Bad> {
    stream(storage, at, len, |block| hasher.update(block))?;
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

impl<S: Storage, C: Crypto> Io<'_, S, C> {
    /// The leaf digest of `len` bytes.
    pub(crate) fn leaf(&mut self, at: At, len: u32) -> Result<Digest, Bad> {
        hash(self.storage, chunk_hasher(self.crypto), at, len)
    }

    /// The plain SHA-256 of `len` bytes.
    pub(crate) fn sha256(&mut self, at: At, len: u32) -> Result<Digest, Bad> {
        hash(self.storage, self.crypto.sha256(), at, len)
    }

    /// Reads an envelope.
    pub(crate) fn read_envelope(
        &mut self,
        at: At,
        out: &mut [u8; ENVELOPE_LEN],
    ) -> Result<(), Bad> {
        let mut offset = at.offset;
        for block in out.chunks_mut(BLOCK as usize) {
            self.storage
                .read(at.region, offset, block)
                .map_err(|_| Bad)?;
            offset = offset.saturating_add(BLOCK);
        }
        Ok(())
    }

    /// Copies `len` bytes over whole erase units, until they read back as `check` wants them.
    pub(crate) fn copy(
        &mut self,
        from: At,
        to: At,
        len: u32,
        mut check: impl FnMut(&mut Self, At) -> bool,
    ) -> Result<(), Bad> {
        for _ in 0..COPY_TRIES {
            // The source first: nothing is erased for a copy that cannot succeed.
            if !check(self, from) {
                return Err(Bad);
            }
            if self.copy_once(from, to, len).is_ok() && check(self, to) {
                return Ok(());
            }
        }
        Err(Bad)
    }

    fn copy_once(&mut self, from: At, to: At, len: u32) -> Result<(), Bad> {
        erase(self.storage, to, len).map_err(|_| Bad)?;
        self.copy_erased(from, to, len)
    }

    /// Copies into units that are erased already.
    pub(crate) fn copy_erased(&mut self, from: At, to: At, len: u32) -> Result<(), Bad> {
        let mut done = 0;
        while done < len {
            let take = (len - done).min(BLOCK);
            let mut block = [0; BLOCK as usize];
            let aligned = take.next_multiple_of(READ_ALIGN) as usize;
            let bytes = block.get_mut(..aligned).ok_or(Bad)?;
            self.storage
                .read(from.region, from.offset.saturating_add(done), bytes)
                .map_err(|_| Bad)?;
            let bytes = bytes.get(..take as usize).ok_or(Bad)?;
            program(self.storage, to.plus(done), bytes).map_err(|_| Bad)?;
            done += take;
        }
        Ok(())
    }
}

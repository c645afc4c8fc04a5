//! An image seen through its verified manifest: is this chunk, this step, all of it, there?

use ota_image::{ChunkDigest, Crypto, Verified};

use crate::io::{At, Bad, ENVELOPE, Io, read_flash};
use crate::storage::{Index, Region, Storage};

/// Digests kept from one pass over a page of the table. More cost RAM (72 bytes each) and save
/// hashing: a page is as long as a chunk.
const CACHED: usize = 4;

/// A verified manifest and the bank that its digest table lies in.
pub(crate) struct Image<L> {
    pub(crate) manifest: Verified<L>,
    bank: Index,
    cache: [Option<ChunkDigest>; CACHED],
}

impl<L> Image<L> {
    pub(crate) const fn new(manifest: Verified<L>, bank: Index) -> Self {
        Self {
            manifest,
            bank,
            cache: [None; CACHED],
        }
    }

    /// The bank that the manifest came from.
    pub(crate) const fn bank(&self) -> Index {
        self.bank
    }

    /// How many steps the image occupies.
    pub(crate) fn steps(&self, step: u32) -> u32 {
        self.manifest.image_length.div_ceil(step.max(1))
    }

    /// Bytes of the image in step `index`; 0 past its end.
    #[inline(never)] // Once is enough: 144 bytes on a Cortex-M0+.
    pub(crate) fn step_len(&self, index: u32, step: u32) -> u32 {
        self.manifest
            .image_length
            .saturating_sub(index.saturating_mul(step))
            .min(step)
    }

    fn digest<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        chunk: u32,
    ) -> Option<ChunkDigest> {
        let known = |cache: &[Option<ChunkDigest>; CACHED]| {
            cache
                .iter()
                .flatten()
                .find(|digest| digest.index() == chunk)
                .copied()
        };
        if let Some(digest) = known(&self.cache) {
            return Some(digest);
        }
        let (storage, region) = (&mut *io.storage, Region::Bank(self.bank));
        self.manifest
            .read_digests(io.crypto, chunk, &mut self.cache, |offset, bytes| {
                read_flash(storage, region, offset.saturating_add(ENVELOPE), bytes)
            })
            .ok()?;
        known(&self.cache)
    }

    /// Whether the digest table in the bank is whole.
    pub(crate) fn has_table<S: Storage, C: Crypto>(&mut self, io: &mut Io<'_, S, C>) -> bool {
        let per_page = self.manifest.chunk_size.digests_per_page();
        (0..self.manifest.page_count()).all(|page| self.digest(io, page * per_page).is_some())
    }

    /// Whether the chunk lies at `at`. What cannot be read does not match.
    pub(crate) fn chunk_matches<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        chunk: u32,
        at: At,
    ) -> bool {
        let Some(digest) = self.digest(io, chunk) else {
            return false;
        };
        io.leaf(at, digest.len())
            .is_ok_and(|leaf| digest.matches_digest(leaf))
    }

    /// Whether step `index` of the image lies at `at`. A step that the image does not have
    /// matches anything.
    pub(crate) fn step_matches<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        index: u32,
        step: u32,
        at: At,
    ) -> bool {
        let start = index.saturating_mul(step);
        let len = self.step_len(index, step);
        self.lies(io, start, len, at)
    }

    /// Whether `len` bytes of the image from `start` on, whole chunks, lie at `at`.
    fn lies<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        start: u32,
        len: u32,
        at: At,
    ) -> bool {
        let size = self.manifest.chunk_size.bytes();
        let first = start / size;
        let end = first + len.div_ceil(size);
        (first..end).all(|chunk| self.chunk_matches(io, chunk, at.plus((chunk - first) * size)))
    }

    /// Copies step `index` of the image, verified at both ends.
    pub(crate) fn copy_step<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        index: u32,
        step: u32,
        from: At,
        to: At,
    ) -> Result<(), Bad> {
        let (start, len) = (index.saturating_mul(step), self.step_len(index, step));
        io.copy(from, to, len, &mut |io, at, part| {
            self.lies(io, start.saturating_add(part.offset), part.len, at)
        })
    }

    /// Whether the image lies whole at `at`, by its SHA-256.
    pub(crate) fn is_whole<S: Storage, C: Crypto>(&self, io: &mut Io<'_, S, C>, at: At) -> bool {
        io.sha256(at, self.manifest.image_length)
            .is_ok_and(|digest| digest == self.manifest.image_digest)
    }
}

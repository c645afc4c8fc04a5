//! The digest table, page by page, and chunks against it.

use core::fmt;

use crate::{Crypto, Digest, Hasher, ReleaseId, Verified, chunk_hasher, page_hasher};

/// Bytes read at a time while a page is streamed; a multiple of a digest's length.
const STEP: u32 = 128;

/// Bytes of a page of the digest table that a verified manifest vouches for.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedPage<'a> {
    page: u32,
    bytes: &'a [u8],
    release: ReleaseId,
}

impl<'a> VerifiedPage<'a> {
    /// Which page.
    #[must_use]
    pub const fn page(&self) -> u32 {
        self.page
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The release it belongs to.
    #[must_use]
    pub const fn release(&self) -> ReleaseId {
        self.release
    }
}

/// The digest of one chunk, out of a page that a verified manifest vouches for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkDigest {
    index: u32,
    len: u32,
    digest: Digest,
    release: ReleaseId,
}

impl ChunkDigest {
    /// Which chunk.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Bytes of the chunk.
    #[expect(clippy::len_without_is_empty, reason = "a chunk is never empty")]
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// The release it belongs to.
    #[must_use]
    pub const fn release(&self) -> ReleaseId {
        self.release
    }

    /// Whether `bytes` are the chunk, whole.
    pub fn matches<C: Crypto>(&self, crypto: &mut C, bytes: &[u8]) -> bool {
        let mut hasher = chunk_hasher(crypto);
        hasher.update(bytes);
        u32::try_from(bytes.len()) == Ok(self.len) && self.matches_digest(hasher.finish())
    }

    /// Whether `leaf`, finished from a [`chunk_hasher`] over [`len`](Self::len) bytes, is the
    /// chunk's.
    #[must_use]
    pub fn matches_digest(&self, leaf: Digest) -> bool {
        self.digest == leaf
    }

    /// Turns bytes into a proof that they are the chunk.
    ///
    /// # Errors
    /// [`ChunkMismatch`] if they are not, or not all of it.
    pub fn verify<'a, C: Crypto>(
        &self,
        crypto: &mut C,
        bytes: &'a [u8],
    ) -> Result<VerifiedChunk<'a>, ChunkMismatch> {
        if self.matches(crypto, bytes) {
            Ok(VerifiedChunk {
                index: self.index,
                bytes,
                release: self.release,
            })
        } else {
            Err(ChunkMismatch)
        }
    }
}

/// Bytes of a chunk that a verified manifest vouches for.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedChunk<'a> {
    index: u32,
    bytes: &'a [u8],
    release: ReleaseId,
}

impl<'a> VerifiedChunk<'a> {
    /// Which chunk.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The release it belongs to.
    #[must_use]
    pub const fn release(&self) -> ReleaseId {
        self.release
    }
}

impl<L> Verified<L> {
    /// Turns bytes into a proof that they are a page of the digest table.
    ///
    /// # Errors
    /// [`PageError`] if there is no such page, or the bytes are not it.
    pub fn verify_page<'a, C: Crypto>(
        &self,
        crypto: &mut C,
        page: u32,
        bytes: &'a [u8],
    ) -> Result<VerifiedPage<'a>, PageError> {
        let expected = self.pages.get(page).ok_or(PageError::NoSuchPage)?;
        if u32::try_from(bytes.len()).ok() != self.page_len(page) {
            return Err(PageError::WrongLength);
        }
        let mut hasher = page_hasher(crypto);
        hasher.update(bytes);
        if hasher.finish() != expected {
            return Err(PageError::WrongDigest);
        }
        Ok(VerifiedPage {
            page,
            bytes,
            release: self.id(),
        })
    }

    /// Reads digests from a table that is stored where others can write.
    ///
    /// Streams the whole page that holds the digest of the chunk `first` through
    /// `read(offset in the table, buffer)`, checks it, and fills `out` with the digests of the
    /// chunks from `first` on, as far as the page and `out` go. Returns how many. Offsets and
    /// lengths are multiples of 32 bytes, lengths at most 128. What is hashed is what is
    /// returned: nothing is read twice.
    ///
    /// # Errors
    /// [`TableError`]; then `out` holds nothing.
    pub fn read_digests<C: Crypto, E>(
        &self,
        crypto: &mut C,
        first: u32,
        out: &mut [Option<ChunkDigest>],
        read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
    ) -> Result<usize, TableError<E>> {
        out.fill(None);
        let result = self.stream_page(crypto, first, out, read);
        if result.is_err() {
            out.fill(None);
        }
        result
    }

    /// Like [`read_digests`](Self::read_digests), but leaves in `out` what it had when it failed.
    fn stream_page<C: Crypto, E>(
        &self,
        crypto: &mut C,
        first: u32,
        out: &mut [Option<ChunkDigest>],
        mut read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
    ) -> Result<usize, TableError<E>> {
        let page = self.page_of_chunk(first).ok_or(TableError::NoSuchChunk)?;
        let expected = self.pages.get(page).ok_or(TableError::NoSuchChunk)?;
        let mut left = self.page_len(page).ok_or(TableError::NoSuchChunk)?;
        let mut offset = page * self.chunk_size.bytes();
        let mut index = page * self.chunk_size.digests_per_page();
        let mut places = out.iter_mut();
        let mut found = 0;
        let mut hasher = page_hasher(crypto);
        while left > 0 {
            let mut buffer = [0; STEP as usize];
            let step = left.min(STEP);
            let part = buffer.get_mut(..step as usize).unwrap_or_default();
            read(offset, part).map_err(TableError::Read)?;
            hasher.update(part);
            for digest in part.as_chunks::<32>().0 {
                if index >= first
                    && let Some(place) = places.next()
                {
                    *place = self.chunk_digest(index, Digest(*digest));
                    found += 1;
                }
                index += 1;
            }
            offset += step;
            left -= step;
        }
        if hasher.finish() == expected {
            Ok(found)
        } else {
            Err(TableError::WrongDigest)
        }
    }

    fn chunk_digest(&self, index: u32, digest: Digest) -> Option<ChunkDigest> {
        Some(ChunkDigest {
            index,
            len: self.chunk_len(index)?,
            digest,
            release: self.id(),
        })
    }
}

/// Bytes are not the chunk they should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkMismatch;

impl ChunkMismatch {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(self) -> u16 {
        0x0501
    }
}

impl fmt::Display for ChunkMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes are not the chunk that was signed: fetch it again")
    }
}

impl core::error::Error for ChunkMismatch {}

/// Why bytes are not a page of the digest table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageError {
    /// The table has no such page.
    NoSuchPage,
    /// The page has another length.
    WrongLength,
    /// The bytes are not the ones that were signed.
    WrongDigest,
}

impl PageError {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NoSuchPage => 0x0511,
            Self::WrongLength => 0x0512,
            Self::WrongDigest => 0x0513,
        }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchPage => "the digest table has no such page: ask for one it has",
            Self::WrongLength => "the page of the digest table is cut short: fetch it whole",
            Self::WrongDigest => "the digest table is not the one that was signed: fetch it again",
        })
    }
}

impl core::error::Error for PageError {}

/// Why digests cannot be read from a stored table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableError<E> {
    /// The image has no such chunk.
    NoSuchChunk,
    /// The stored bytes are not the ones that were signed.
    WrongDigest,
    /// Reading failed.
    Read(E),
}

impl<E> TableError<E> {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::NoSuchChunk => 0x0521,
            Self::WrongDigest => 0x0522,
            Self::Read(_) => 0x0523,
        }
    }
}

impl<E: fmt::Debug> fmt::Display for TableError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchChunk => f.write_str("the image has no such chunk: ask for one it has"),
            Self::WrongDigest => {
                f.write_str("the stored digest table is damaged: fetch the page again")
            }
            Self::Read(error) => {
                write!(
                    f,
                    "reading the stored digest table failed ({error:?}): check the flash"
                )
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for TableError<E> {}

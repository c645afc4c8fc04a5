//! The manifest's types whose every value is a valid one.

use core::fmt;

use crate::{Digest, ManifestError};

/// Most pages a digest table can have.
pub const MAX_PAGES: usize = 16;
/// The logarithm to base 2 of a digest's length.
const DIGEST_LOG2: u8 = 5;
/// Longest version, in bytes.
pub const MAX_VERSION_LEN: usize = 32;

/// A release's version, for people: 1 to 32 visible ASCII characters, by custom a SemVer. Devices
/// go by the sequence, and never compare versions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// Zeros after `len`, so that derived comparison is right.
    bytes: [u8; MAX_VERSION_LEN],
    len: u8,
}

impl Version {
    /// Takes a version.
    ///
    /// # Errors
    /// [`ManifestError::Version`] if it is empty, longer than 32 bytes, or has characters other
    /// than visible ASCII (`!` to `~`).
    pub fn new(text: &str) -> Result<Self, ManifestError> {
        Self::from_bytes(text.as_bytes())
    }

    pub(crate) fn from_bytes(text: &[u8]) -> Result<Self, ManifestError> {
        let visible = text.iter().all(u8::is_ascii_graphic);
        let len = u8::try_from(text.len()).map_err(|_| ManifestError::Version)?;
        let mut bytes = [0; MAX_VERSION_LEN];
        if text.is_empty() || text.len() > bytes.len() || !visible {
            return Err(ManifestError::Version);
        }
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = *from;
        }
        Ok(Self { bytes, len })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl core::str::FromStr for Version {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        Self::new(text)
    }
}

/// The size of a chunk: 1, 2, 4, 8 or 16 KiB. Also the size of a page of the digest table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkSize(u8);

impl ChunkSize {
    /// The smallest: 1 KiB.
    pub const MIN: Self = Self(10);
    /// The largest: 16 KiB.
    pub const MAX: Self = Self(14);

    /// From the number of bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u32) -> Option<Self> {
        match bytes {
            0x0400 => Some(Self(10)),
            0x0800 => Some(Self(11)),
            0x1000 => Some(Self(12)),
            0x2000 => Some(Self(13)),
            0x4000 => Some(Self(14)),
            _ => None,
        }
    }

    /// From the logarithm to base 2, as it stands in the manifest.
    #[must_use]
    pub const fn from_log2(log2: u8) -> Option<Self> {
        match log2 {
            10..=14 => Some(Self(log2)),
            _ => None,
        }
    }

    /// The smallest that reaches `image_length` bytes with [`MAX_PAGES`] pages, if any does:
    /// 512 KiB with 1 KiB chunks, 2 MiB with 2, 8 MiB with 4, 32 MiB with 8, 128 MiB with 16.
    #[must_use]
    pub const fn smallest_for(image_length: u32) -> Option<Self> {
        let mut log2 = Self::MIN.0;
        while log2 <= Self::MAX.0 {
            // 16 pages of 2^log2 / 32 digests, each for 2^log2 bytes.
            if image_length <= 1 << (2 * log2 - 1) {
                return Some(Self(log2));
            }
            log2 += 1;
        }
        None
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        1 << self.0
    }

    /// The logarithm to base 2.
    #[must_use]
    pub const fn log2(self) -> u8 {
        self.0
    }

    /// How many digests a whole page of the table holds.
    #[must_use]
    pub const fn digests_per_page(self) -> u32 {
        1 << (self.0 - DIGEST_LOG2)
    }
}

impl fmt::Debug for ChunkSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes())
    }
}

/// The digests of the table's pages, 16 at most.
#[derive(Clone, PartialEq, Eq)]
pub struct Pages {
    /// Zeros after `len`, so that derived comparison is right.
    digests: [Digest; MAX_PAGES],
    len: u8,
}

impl Pages {
    /// Takes the digests in the order of the pages; `None` if there are more than [`MAX_PAGES`].
    #[must_use]
    pub fn new(digests: &[Digest]) -> Option<Self> {
        let mut pages = Self::empty();
        digests.iter().try_for_each(|digest| pages.push(*digest))?;
        Some(pages)
    }

    pub(crate) const fn empty() -> Self {
        Self {
            digests: [Digest([0; 32]); MAX_PAGES],
            len: 0,
        }
    }

    pub(crate) fn push(&mut self, digest: Digest) -> Option<()> {
        *self.digests.get_mut(usize::from(self.len))? = digest;
        self.len += 1;
        Some(())
    }

    /// The digests in the order of the pages.
    #[must_use]
    pub fn as_slice(&self) -> &[Digest] {
        self.digests
            .get(..usize::from(self.len))
            .unwrap_or_default()
    }

    /// How many pages there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.len as u32
    }

    /// The digest of a page.
    #[must_use]
    pub fn get(&self, page: u32) -> Option<Digest> {
        self.as_slice().get(usize::try_from(page).ok()?).copied()
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

//! SHA-256 values, and the one that names a release.

use core::fmt;

/// A SHA-256 value. Shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// What names a release: a digest over the format version and the manifest body.
///
/// Signatures are not part of it, so that a release keeps its name when a key is added, and so
/// that a device's memory of a failed release cannot be evaded by signing it again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReleaseId(Digest);

impl ReleaseId {
    pub(crate) const fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// The whole id.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }

    /// The first 16 bytes: enough to tell releases apart, short enough for a journal record.
    #[must_use]
    pub fn short(&self) -> [u8; 16] {
        self.0.0.first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

//! What a release says about itself, and where its parts lie in the package.

use crate::{ChunkSize, Digest, ENVELOPE_LEN, Pages, Version};

#[expect(clippy::cast_possible_truncation, reason = "1024")]
const ENVELOPE: u32 = ENVELOPE_LEN as u32;
const DIGEST: u32 = 32;

/// The manifest, version 1.
///
/// Whoever builds packages fills one in and calls [`encode`](Self::encode). Everyone else gets it
/// out of a [`Verified`](crate::Verified), and nowhere else trusts one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// Who makes the device: a UUID.
    pub vendor: [u8; 16],
    /// Which kind of device: a UUID.
    pub class: [u8; 16],
    /// The lowest hardware revision this runs on.
    pub hardware_min: u16,
    /// The highest hardware revision this runs on.
    pub hardware_max: u16,
    /// Which part of the device this is for; 0 is the application.
    pub component: u8,
    /// The address the image is linked to run at.
    pub load_address: u32,
    /// For people.
    pub version: Version,
    /// The order of releases: a later release has a higher number.
    pub sequence: u64,
    /// For the floor only: rises when an older release must never run again.
    pub security_counter: u32,
    /// Length of the image in bytes; more than 0.
    pub image_length: u32,
    /// SHA-256 of the image.
    pub image_digest: Digest,
    /// Size of a chunk and of a page of the digest table.
    pub chunk_size: ChunkSize,
    /// The digests of the table's pages.
    pub pages: Pages,
    /// How the payload becomes the image: 0 means that it is the image.
    pub payload_format: u8,
    /// The lowest boot format (of journal and banks) that the image works with.
    pub lowest_boot_format: u8,
    /// Boot keys that no longer count: bit *i* is the *i*-th key of the bootloader.
    pub revoked_boot_keys: u8,
}

impl Manifest {
    /// How many chunks the image has.
    #[must_use]
    pub const fn chunk_count(&self) -> u32 {
        self.image_length.div_ceil(self.chunk_size.bytes())
    }

    /// Bytes of the chunk `index`: the chunk size, but for the last one. `None` past the end.
    #[must_use]
    pub const fn chunk_len(&self, index: u32) -> Option<u32> {
        piece_len(index, self.chunk_size.bytes(), self.image_length)
    }

    /// Where the chunk `index` begins in the package, in bytes. `None` past the end.
    #[must_use]
    pub const fn chunk_offset(&self, index: u32) -> Option<u32> {
        if index >= self.chunk_count() {
            return None;
        }
        self.payload_offset()
            .checked_add(index * self.chunk_size.bytes())
    }

    /// How many pages the digest table has, by length and chunk size.
    #[must_use]
    pub const fn page_count(&self) -> u32 {
        self.table_len().div_ceil(self.chunk_size.bytes())
    }

    /// Bytes of a page: the chunk size, but for the last one. `None` past the end.
    #[must_use]
    pub const fn page_len(&self, page: u32) -> Option<u32> {
        piece_len(page, self.chunk_size.bytes(), self.table_len())
    }

    /// Where a page begins in the package, in bytes. `None` past the end.
    #[must_use]
    pub const fn page_offset(&self, page: u32) -> Option<u32> {
        if page >= self.page_count() {
            return None;
        }
        Some(self.table_offset() + page * self.chunk_size.bytes())
    }

    /// The page that holds the digest of the chunk `index`. `None` past the end.
    #[must_use]
    pub const fn page_of_chunk(&self, index: u32) -> Option<u32> {
        if index >= self.chunk_count() {
            return None;
        }
        Some(index / self.chunk_size.digests_per_page())
    }

    /// Bytes of the digest table.
    #[must_use]
    pub const fn table_len(&self) -> u32 {
        // At most 2^22 chunks, so at most 2^27 bytes.
        self.chunk_count() * DIGEST
    }

    /// Where the digest table begins in the package: right after the envelope.
    #[must_use]
    pub const fn table_offset(&self) -> u32 {
        ENVELOPE
    }

    /// Where the payload begins in the package: right after the digest table.
    #[must_use]
    pub const fn payload_offset(&self) -> u32 {
        ENVELOPE + self.table_len()
    }

    /// Bytes of the whole package. A decoded manifest fits; in one that was filled in by hand
    /// and does not, `u32::MAX`.
    #[must_use]
    pub const fn package_len(&self) -> u32 {
        self.payload_offset().saturating_add(self.image_length)
    }
}

/// Length of the piece `index` when `total` bytes are cut into pieces of `size`.
const fn piece_len(index: u32, size: u32, total: u32) -> Option<u32> {
    let Some(start) = index.checked_mul(size) else {
        return None;
    };
    match total.checked_sub(start) {
        None | Some(0) => None,
        Some(rest) if rest < size => Some(rest),
        Some(_) => Some(size),
    }
}

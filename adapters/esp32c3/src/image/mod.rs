//! The chip's own image format: a header, segments, a checksum, and mostly a SHA-256.
//!
//! [`Image::parse`] is pure, and is the only way to an [`Image`]: what one says about addresses
//! was checked against the memory map, and against who is about to load it.

mod error;
mod pages;

pub use error::ImageError;
pub use pages::Pages;

use crate::memory::{Loader, Memory, PAGE, Place};

/// The first byte.
pub const MAGIC: u8 = 0xE9;
/// The chip's number in the header.
pub const CHIP_ID: u16 = 5;
/// The mask ROM takes no more segments.
pub const MAX_SEGMENTS: u8 = 16;
/// Bytes of the header, before the first segment's.
pub const HEADER_LEN: usize = 24;
/// Bytes before the data of each segment: address and length.
pub const SEGMENT_HEADER_LEN: usize = 8;
/// Bytes of the appended digest.
pub const DIGEST_LEN: usize = 32;
/// The checksum of no bytes.
pub const CHECKSUM_SEED: u8 = 0xEF;
/// As far as the MMU reaches into the flash.
const MAX_LEN: usize = 256 * PAGE as usize;

/// The checksum of some bytes, going on from that of those before.
#[must_use]
pub fn checksum(before: u8, bytes: &[u8]) -> u8 {
    bytes.iter().fold(before, |sum, byte| sum ^ byte)
}

/// Where the checksum is, in an image whose segments end here. The length up to it, and with it,
/// is a multiple of 16.
#[must_use]
pub const fn checksum_at(segments_end: usize) -> usize {
    segments_end | 15
}

/// An image whose every segment may be loaded, or mapped, as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    bytes: &'a [u8],
    entry: u32,
    count: u8,
    /// Of the checksum.
    sum_at: usize,
    pages: Pages,
}

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Where the processor expects it.
    pub address: u32,
    /// What memory that is; `None` for padding, which is for nobody.
    pub place: Option<Place>,
    /// Where its bytes begin in the image.
    pub offset: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<'a> Image<'a> {
    /// Checks an image that begins at `bytes`, and at a multiple of 64 KiB in flash; what follows
    /// it there does not matter.
    ///
    /// Checksum and digest are not looked at: see [`check_sum`](Self::check_sum) and
    /// [`appended_digest`](Self::appended_digest). Who has verified a signed digest over the whole
    /// image needs neither.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub fn parse(bytes: &'a [u8], loader: Loader) -> Result<Self, ImageError> {
        if bytes.first() != Some(&MAGIC) {
            return Err(ImageError::NotAnImage);
        }
        let header: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(ImageError::Truncated)?;
        let [
            _,
            count,
            _,
            _,
            e0,
            e1,
            e2,
            e3,
            _,
            _,
            _,
            _,
            id0,
            id1,
            ..,
            flag,
        ] = *header;
        let entry = u32::from_le_bytes([e0, e1, e2, e3]);
        let chip = u16::from_le_bytes([id0, id1]);
        if chip != CHIP_ID {
            return Err(ImageError::WrongChip(chip));
        }
        if count == 0 || count > MAX_SEGMENTS {
            return Err(ImageError::SegmentCount(count));
        }
        let digest_len = match flag {
            0 => 0,
            1 => DIGEST_LEN,
            other => return Err(ImageError::DigestFlag(other)),
        };
        let mut end = HEADER_LEN;
        for _ in 0..count {
            end = Segment::read(bytes, end)?.end();
        }
        let sum_at = checksum_at(end);
        let len = sum_at + 1 + digest_len;
        let image = Self {
            bytes: bytes.get(..len).ok_or(ImageError::Truncated)?,
            entry,
            count,
            sum_at,
            pages: Pages::default(),
        };
        image.placed(loader)
    }

    /// Checks where everything goes.
    fn placed(mut self, loader: Loader) -> Result<Self, ImageError> {
        let segments = self;
        for (number, segment) in segments.segments().enumerate() {
            let Some(place) = segment.place else {
                continue;
            };
            if !place.is_free_for(loader) {
                return Err(match place.memory {
                    Memory::Flash => ImageError::BadAddress(segment.address),
                    Memory::Sram | Memory::Rtc => ImageError::OverLoader(segment.address),
                });
            }
            if place.memory == Memory::Flash {
                self.pages.map(&segment, &place)?;
            }
            let before = segments.segments().take(number);
            if before
                .filter_map(|other| other.place)
                .any(|other| other.overlaps(&place))
            {
                return Err(ImageError::Overlap(segment.address));
            }
        }
        let runs = |segment: Segment<'_>| {
            let inside = self.entry.checked_sub(segment.address);
            inside.is_some_and(|inside| (inside as usize) < segment.bytes.len())
                && segment.place.is_some_and(|place| place.executable)
        };
        if self.entry & 1 != 0 || !segments.segments().any(runs) {
            return Err(ImageError::BadEntry(self.entry));
        }
        Ok(self)
    }

    /// The image and nothing after it.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where it begins to run.
    #[must_use]
    pub const fn entry(&self) -> u32 {
        self.entry
    }

    /// Its segments, in the order of the file.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'a>> + use<'a> {
        let (bytes, mut at) = (self.bytes, HEADER_LEN);
        (0..self.count).map_while(move |_| {
            let segment = Segment::read(bytes, at).ok()?;
            at = segment.end();
            Some(segment)
        })
    }

    /// What the MMU has to hold for it.
    #[must_use]
    pub const fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Compares the checksum over all segments.
    ///
    /// # Errors
    /// [`ImageError::WrongChecksum`].
    pub fn check_sum(&self) -> Result<(), ImageError> {
        let sum = self
            .segments()
            .fold(CHECKSUM_SEED, |sum, segment| checksum(sum, segment.bytes));
        if self.bytes.get(self.sum_at) == Some(&sum) {
            Ok(())
        } else {
            Err(ImageError::WrongChecksum)
        }
    }

    /// The bytes that the appended SHA-256 is of, and that digest; `None` if it has none.
    #[must_use]
    pub fn appended_digest(&self) -> Option<(&'a [u8], &'a [u8; DIGEST_LEN])> {
        let (before, digest) = self.bytes.split_at_checked(self.sum_at + 1)?;
        Some((before, digest.first_chunk()?))
    }
}

impl<'a> Segment<'a> {
    /// The segment whose header is here, if it is whole and for a memory of the chip.
    fn read(image: &'a [u8], at: usize) -> Result<Self, ImageError> {
        let rest = image.get(at..).ok_or(ImageError::Truncated)?;
        let header: &[u8; SEGMENT_HEADER_LEN] = rest.first_chunk().ok_or(ImageError::Truncated)?;
        let [a0, a1, a2, a3, l0, l1, l2, l3] = *header;
        let address = u32::from_le_bytes([a0, a1, a2, a3]);
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        if (address | len) & 3 != 0 {
            return Err(ImageError::Unaligned(address));
        }
        let place = match address {
            0 => None,
            _ => Some(Place::find(address, len).ok_or(ImageError::BadAddress(address))?),
        };
        let bytes = rest
            .get(SEGMENT_HEADER_LEN..)
            .and_then(|rest| rest.get(..len as usize))
            .ok_or(ImageError::Truncated)?;
        let begin = at + SEGMENT_HEADER_LEN;
        if begin + bytes.len() > MAX_LEN {
            return Err(ImageError::TooLong);
        }
        Ok(Self {
            address,
            place,
            offset: u32::try_from(begin).map_err(|_| ImageError::TooLong)?,
            bytes,
        })
    }

    fn end(&self) -> usize {
        self.offset as usize + self.bytes.len()
    }
}

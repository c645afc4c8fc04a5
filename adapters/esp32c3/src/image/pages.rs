//! Which page of an image each entry of the MMU has to show.

use super::{ImageError, Segment};
use crate::memory::{MMU_ENTRIES, PAGE, Place};

/// Which page of an image each entry of the MMU has to show. Pages are of 64 KiB, the first is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages([Option<u8>; MMU_ENTRIES]);

impl Default for Pages {
    fn default() -> Self {
        Self([None; MMU_ENTRIES])
    }
}

impl Pages {
    /// All entries of the MMU, from the first on: the page of the image, or `None` if it has to be
    /// invalid.
    pub fn entries(&self) -> impl Iterator<Item = Option<u8>> + use<> {
        self.0.into_iter()
    }

    /// Adds a segment. Two may share a page at their ends: then both want the same.
    pub(super) fn map(&mut self, segment: &Segment<'_>, place: &Place) -> Result<(), ImageError> {
        let refusal = ImageError::NotMappable(segment.address);
        if !(segment.address ^ segment.offset).is_multiple_of(PAGE) {
            return Err(refusal);
        }
        if place.len == 0 {
            return Ok(());
        }
        let last = (place.offset + (place.len - 1)) / PAGE;
        let pages = segment.offset / PAGE..;
        for (entry, page) in (place.offset / PAGE..=last).zip(pages) {
            let page = u8::try_from(page).map_err(|_| ImageError::TooLong)?;
            let entry = self.0.get_mut(entry as usize).ok_or(refusal)?;
            if entry.is_some_and(|other| other != page) {
                return Err(ImageError::Overlap(segment.address));
            }
            *entry = Some(page);
        }
        Ok(())
    }
}

//! `otadata`: how the stock bootloader is told which slot to start.
//!
//! Two records in two sectors. The one with the higher sequence counts; a sequence stands for the
//! slot `(sequence - 1) % slots`. The CRC covers the sequence only, as ESP-IDF has it: whatever is
//! said beside it may be torn, which [`Mark`] is for.

mod error;
mod guard;
mod record;
mod store;

pub use error::OtaDataError;
pub use guard::{Start, Step, step};
pub use record::{Mark, OtaState, RECORD_LEN, Record};
pub use store::{OtaStore, SECTOR};

use core::num::NonZeroU8;

/// One of the two places for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sector {
    /// The first sector of the partition.
    First,
    /// The second one.
    Second,
}

impl Sector {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// Both records, and the number of slots in the partition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtaData {
    /// What the first sector holds, if its CRC is right.
    pub first: Option<Record>,
    /// What the second one holds.
    pub second: Option<Record>,
    /// How many `ota_N` partitions there are.
    pub slots: NonZeroU8,
}

impl OtaData {
    /// The record that the stock bootloader goes by, and where it is. `None` if it goes by neither:
    /// then it starts the factory partition, or `ota_0`.
    #[must_use]
    pub fn active(&self) -> Option<(Sector, Record)> {
        let bootable = |record: &Record| record.state.is_bootable();
        match (self.first.filter(bootable), self.second.filter(bootable)) {
            (Some(first), Some(second)) if second.sequence > first.sequence => {
                Some((Sector::Second, second))
            }
            (Some(first), _) => Some((Sector::First, first)),
            (None, second) => second.map(|second| (Sector::Second, second)),
        }
    }

    /// The slot that a record stands for.
    #[must_use]
    pub fn slot_of(&self, record: &Record) -> u8 {
        let slots = u32::from(self.slots.get());
        let slot = record.sequence.wrapping_sub(1) % slots;
        u8::try_from(slot).unwrap_or_default() // below 255
    }

    /// The slot that the active record stands for.
    #[must_use]
    pub fn active_slot(&self) -> Option<u8> {
        self.active().map(|(_, record)| self.slot_of(&record))
    }

    /// The record that makes the stock bootloader start this slot, and the sector for it: the one
    /// that is not in use, so that a power cut leaves the active record as it is.
    ///
    /// # Errors
    /// If there is no such slot, or no sequence left.
    pub fn next(
        &self,
        slot: u8,
        state: OtaState,
        mark: Mark,
    ) -> Result<(Sector, Record), OtaDataError> {
        if slot >= self.slots.get() {
            return Err(OtaDataError::NoSuchSlot);
        }
        let records = [self.first, self.second];
        let highest = records.into_iter().flatten().map(|record| record.sequence);
        let sequence = match highest.max() {
            Some(highest) => self.sequence_after(highest, slot)?,
            None => u32::from(slot) + 1,
        };
        let sector = match self.active() {
            Some((sector, _)) => sector.other(),
            None => Sector::First,
        };
        let record = Record {
            sequence,
            state,
            mark: Some(mark),
        };
        Ok((sector, record))
    }

    /// The least sequence above this one that stands for the slot.
    fn sequence_after(&self, highest: u32, slot: u8) -> Result<u32, OtaDataError> {
        let slots = u32::from(self.slots.get());
        // Of the next sequence; what is missing to the slot comes on top.
        let missing = (u32::from(slot) + slots - highest % slots) % slots;
        highest
            .checked_add(1 + missing)
            .filter(|&sequence| sequence != u32::MAX)
            .ok_or(OtaDataError::SequenceSpent)
    }
}

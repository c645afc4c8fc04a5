//! The append-only journal: the newest valid record is the state.
//!
//! Places are numbered through: the record at place *p* of unit *u* in epoch *e* has the sequence
//! `e * places + p`, where `e` leaves the remainder `u` when divided by the number of units. A record is valid only where
//! its sequence says that it lies, so no two valid records can have the same sequence.
//!
//! - A word is programmed once between two erases. Nothing is ever cleared in place.
//! - A record whose program or read-back fails stays where it is; the next blank place is taken.
//! - After a reset the first blank place is skipped: a program that was cut before it left a
//!   trace may have begun there.
//! - A unit is erased in the same power cycle as its first record, never on the strength of
//!   reading blank; and it is never the unit of the newest record.

use core::num::NonZeroU32;

use crate::record::{Place, RECORD_LEN, Record, decode, encode};
use crate::storage::{Region, Storage};

/// [`RECORD_LEN`], as offsets are counted.
pub(crate) const RECORD_SIZE: u32 = 128;

/// The journal takes no more records: no unit but that of the newest one can be erased and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AppendError;

/// So that dividing by it cannot fail.
fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// A view of the journal, valid for one power cycle as long as nobody else writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journal {
    map_id: u32,
    units: NonZeroU32,
    places: NonZeroU32,
    unit_size: u32,
    erased: u8,
    newest: Option<(u32, Record)>,
    /// The newest record was written and read back by this view.
    settled: bool,
    /// This view has passed over the first blank place.
    skipped: bool,
    foreign: bool,
}

impl Journal {
    /// Finds the newest valid record. Places that cannot be read count as invalid.
    pub(crate) fn open<S: Storage>(storage: &mut S, map_id: u32) -> Self {
        let geometry = storage.geometry(Region::Journal);
        let unit_size = geometry.erase_size.max(1);
        let mut journal = Self {
            map_id,
            units: at_least_one(geometry.size / unit_size),
            places: at_least_one(unit_size / RECORD_SIZE),
            unit_size,
            erased: geometry.erased,
            newest: None,
            settled: false,
            skipped: false,
            foreign: false,
        };
        for unit in 0..journal.units.get() {
            for place in 0..journal.places.get() {
                journal.consider(storage, unit, place);
            }
        }
        journal
    }

    fn consider<S: Storage>(&mut self, storage: &mut S, unit: u32, place: u32) {
        let mut bytes = [0; RECORD_LEN];
        if storage
            .read(Region::Journal, self.offset(unit, place), &mut bytes)
            .is_err()
        {
            return;
        }
        match decode(&bytes, self.map_id) {
            Place::Invalid => {}
            Place::Foreign => self.foreign = true,
            Place::Ours(sequence, record) => {
                let newer = self.newest.is_none_or(|(newest, _)| sequence > newest);
                if self.unit_and_place(sequence) == (unit, place) && newer {
                    self.newest = Some((sequence, record));
                }
            }
        }
    }

    /// The newest valid record.
    pub(crate) const fn record(&self) -> Option<&Record> {
        match &self.newest {
            Some((_, record)) => Some(record),
            None => None,
        }
    }

    /// Whether there are records of another map or format.
    pub(crate) const fn foreign(&self) -> bool {
        self.foreign
    }

    /// Moves on to the next unit if there are records of another map or format, so that these
    /// are erased one unit a boot. Failing to is no harm.
    pub(crate) fn expel_foreign<S: Storage>(&mut self, storage: &mut S) {
        if self.foreign
            && let Some((_, record)) = self.newest
        {
            let _ = self.append_in_new_unit(storage, &record);
        }
    }

    fn offset(&self, unit: u32, place: u32) -> u32 {
        unit * self.unit_size + place * RECORD_SIZE
    }

    fn unit_and_place(&self, sequence: u32) -> (u32, u32) {
        (
            (sequence / self.places) % self.units,
            sequence % self.places,
        )
    }

    /// Whether the newest record is this one, by their bytes: comparing fields takes more code.
    fn says(&self, record: &Record) -> bool {
        self.record()
            .is_some_and(|newest| encode(newest, 0, 0) == encode(record, 0, 0))
    }

    /// Makes `record` the newest one, written and read back in this power cycle: what anything
    /// irreversible must rest on, for a torn record can read as valid once and not again.
    pub(crate) fn settle<S: Storage>(
        &mut self,
        storage: &mut S,
        record: &Record,
    ) -> Result<(), AppendError> {
        if self.settled && self.says(record) {
            return Ok(());
        }
        self.append(storage, record)
    }

    /// Writes `record` unless the newest one says the same.
    pub(crate) fn save<S: Storage>(
        &mut self,
        storage: &mut S,
        record: &Record,
    ) -> Result<(), AppendError> {
        if self.says(record) {
            return Ok(());
        }
        self.append(storage, record)
    }

    /// Writes `record`, whatever the newest one says.
    pub(crate) fn append<S: Storage>(
        &mut self,
        storage: &mut S,
        record: &Record,
    ) -> Result<(), AppendError> {
        let after_newest = self.newest.map(|(sequence, _)| sequence.saturating_add(1));
        if let Some(first) = after_newest
            && !first.is_multiple_of(self.places.get())
            && self.append_in_unit(storage, record, first)
        {
            return Ok(());
        }
        self.append_in_new_unit(storage, record)
    }

    /// Erases the next unit and writes there; units that take nothing are passed over. Stops
    /// before the unit of the newest record.
    fn append_in_new_unit<S: Storage>(
        &mut self,
        storage: &mut S,
        record: &Record,
    ) -> Result<(), AppendError> {
        let next = self.newest.map_or(0, |(sequence, _)| {
            (sequence / self.places).saturating_add(1)
        });
        let spare = if self.newest.is_some() {
            self.units.get() - 1
        } else {
            self.units.get()
        };
        for epoch in next..next.saturating_add(spare) {
            let from = self.offset(epoch % self.units, 0);
            self.skipped = true;
            if storage
                .erase(Region::Journal, from, from.saturating_add(self.unit_size))
                .is_ok()
                && self.append_in_unit(storage, record, epoch.saturating_mul(self.places.get()))
            {
                return Ok(());
            }
        }
        Err(AppendError)
    }

    /// Tries the blank places from `first` to the end of its unit.
    fn append_in_unit<S: Storage>(&mut self, storage: &mut S, record: &Record, first: u32) -> bool {
        let end = (first / self.places)
            .saturating_add(1)
            .saturating_mul(self.places.get());
        for sequence in first..end {
            let (unit, place) = self.unit_and_place(sequence);
            let offset = self.offset(unit, place);
            if !self.blank(storage, offset) {
                continue;
            }
            if !self.skipped {
                self.skipped = true;
                continue;
            }
            if self.write(storage, offset, &encode(record, sequence, self.map_id)) {
                self.newest = Some((sequence, *record));
                self.settled = true;
                return true;
            }
        }
        false
    }

    fn blank<S: Storage>(&self, storage: &mut S, offset: u32) -> bool {
        let mut bytes = [0; RECORD_LEN];
        storage.read(Region::Journal, offset, &mut bytes).is_ok()
            && bytes.iter().all(|byte| *byte == self.erased)
    }

    fn write<S: Storage>(&self, storage: &mut S, offset: u32, bytes: &[u8; RECORD_LEN]) -> bool {
        let mut back = [0; RECORD_LEN];
        storage.program(Region::Journal, offset, bytes).is_ok()
            && storage.read(Region::Journal, offset, &mut back).is_ok()
            && back == *bytes
    }
}

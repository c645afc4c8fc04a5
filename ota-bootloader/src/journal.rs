//! The append-only journal: the newest valid record is the state.
//!
//! Places are numbered through: the record at place *p* of unit *u* in epoch *e* has the sequence
//! `e * places + p`, where `e` leaves the remainder `u` when divided by the number of units. A record is valid only where
//! its sequence says that it lies, so no two valid records can have the same sequence. Sequences
//! wrap around; of two, the newer one is less than half the way round ahead.
//!
//! - A word is programmed once between two erases. Nothing is ever cleared in place.
//! - A record whose program or read-back fails stays where it is; the next blank place is taken.
//! - After a reset the first blank place that takes a record may have been torn: a program that was
//!   cut there can have left no trace that can be read. It is used up, by a record that nothing
//!   relies on.
//! - A unit is erased in the same power cycle as its first record, never on the strength of
//!   reading blank; and it is never the unit of the newest record.
//! - What must not be lost is written more than once: any one record may rot, and two in a row
//!   may have been torn and read right for now.
//! - A unit that did not take a record is remembered, and is tried again only when no other is
//!   left.

use core::num::NonZeroU32;

use crate::io::read_flash;
use crate::record::{self, FAILED_UNITS_AT, Place, RECORD_LEN, Record, decode, encode};
use crate::storage::{Region, Storage};

/// [`RECORD_LEN`], as offsets are counted.
pub(crate) const RECORD_SIZE: u32 = 128;

/// The journal takes no more records: no unit but that of the newest one can be erased and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AppendError;

/// How worn the journal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalWear {
    /// How often each of its erase units has been erased, about; a data sheet says how often it
    /// may be.
    pub erases: u32,
    /// Units that could not be erased or written, and are passed over: bit *i* is the *i*-th, for the
    /// first eight. Not 0: the flash is wearing out.
    pub failed_units: u8,
}

fn failed_units(bytes: &[u8; RECORD_LEN]) -> u8 {
    bytes.get(FAILED_UNITS_AT).copied().unwrap_or_default()
}

/// The bit of a unit among those that have failed; of one beyond the eighth, none.
const fn bit(unit: u32) -> u8 {
    match 1u8.checked_shl(unit) {
        Some(bit) => bit,
        None => 0,
    }
}

/// So that dividing by it cannot fail.
fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// How many records have to say what must not be lost.
const COPIES: u32 = 3;

/// How firmly a record is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Firmness {
    /// How often by this view, and read back.
    fresh: u32,
    /// How many records in a row say so, found or written.
    copies: u32,
}

/// The newest record says so.
pub(crate) const SAVED: Firmness = Firmness {
    fresh: 0,
    copies: 1,
};
/// Written and read back in this power cycle: enough for what can be found out again if it is
/// lost after all.
pub(crate) const RENEWED: Firmness = Firmness {
    fresh: 1,
    copies: 1,
};
/// Written and read back in this power cycle, more than once. What anything irreversible must rest
/// on, for a torn record can read as valid once and not again, and the first place may have been
/// torn twice; and what must not be lost by one bit that rots.
pub(crate) const SETTLED: Firmness = Firmness {
    fresh: 2,
    copies: 2,
};
/// Copies are believed that were found: of three in a row, two cuts cannot have torn all. Nothing
/// irreversible may rest on it.
pub(crate) const KEPT: Firmness = Firmness {
    fresh: 0,
    copies: COPIES,
};

/// A view of the journal, valid for one power cycle as long as nobody else writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journal {
    map_id: u32,
    units: NonZeroU32,
    places: NonZeroU32,
    unit_size: u32,
    erased: u8,
    newest: Option<(u32, Record)>,
    /// Records in a row that say the same as the newest one, itself included.
    copies: u32,
    /// How many of them this view has written and read back, used up places not counted.
    fresh: u32,
    /// This view has used up the first blank place.
    used_up: bool,
    /// Units that did not take a record: bit *i* is unit *i*.
    failed_units: u8,
    /// Places that could not be read.
    unreadable: u32,
    foreign: bool,
}

impl Journal {
    /// Finds the newest valid record. Places that cannot be read, time and again, count as
    /// invalid.
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
            copies: 0,
            fresh: 0,
            used_up: false,
            failed_units: 0,
            unreadable: 0,
            foreign: false,
        };
        for unit in 0..journal.units.get() {
            journal.consider_unit(storage, unit);
        }
        journal.count_copies(storage);
        journal
    }

    fn consider_unit<S: Storage>(&mut self, storage: &mut S, unit: u32) {
        for place in 0..self.places.get() {
            let Some(bytes) = self.read(storage, unit, place) else {
                self.unreadable += 1;
                continue;
            };
            match record::place(&bytes, self.map_id) {
                Place::Invalid => {}
                Place::Foreign => self.foreign = true,
                Place::Ours(sequence) => {
                    if self.unit_and_place(sequence) == (unit, place)
                        && self.is_newer(sequence)
                        && let Some(record) = decode(&bytes)
                    {
                        self.newest = Some((sequence, record));
                        self.failed_units = failed_units(&bytes);
                    }
                }
            }
        }
    }

    /// What lies in a place; `None` if it cannot be read.
    fn read<S: Storage>(&self, storage: &mut S, unit: u32, place: u32) -> Option<[u8; RECORD_LEN]> {
        let mut bytes = [0; RECORD_LEN];
        let offset = self.offset(unit, place);
        read_flash(storage, Region::Journal, offset, &mut bytes).ok()?;
        Some(bytes)
    }

    fn count_copies<S: Storage>(&mut self, storage: &mut S) {
        let Some((newest, record)) = self.newest else {
            return;
        };
        self.copies = 1;
        for back in 1..COPIES {
            let sequence = (newest + self.round().get() - back) % self.round();
            let (unit, place) = self.unit_and_place(sequence);
            let Some(bytes) = self.read(storage, unit, place) else {
                break;
            };
            if bytes != encode(&record, sequence, self.map_id, failed_units(&bytes)) {
                break;
            }
            self.copies += 1;
        }
    }

    /// Sequences are below this: a multiple of the number of places, so that they can go round.
    fn round(&self) -> NonZeroU32 {
        let places = at_least_one(self.places.get().saturating_mul(self.units.get()));
        at_least_one((1 << 31) / places * places.get())
    }

    /// Whether a sequence is newer than the newest one that is known.
    fn is_newer(&self, sequence: u32) -> bool {
        let round = self.round();
        sequence < round.get()
            && self.newest.is_none_or(|(newest, _)| {
                let ahead = (sequence + round.get() - newest) % round;
                ahead != 0 && ahead < round.get() / 2
            })
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

    /// Whether no place could be read: the flash does not answer, which says nothing about what
    /// it holds.
    pub(crate) fn silent(&self) -> bool {
        self.unreadable == self.places.get().saturating_mul(self.units.get())
    }

    /// How worn the journal is.
    pub(crate) fn wear(&self) -> JournalWear {
        let sequence = self.newest.map_or(0, |(sequence, _)| sequence);
        JournalWear {
            erases: sequence / self.places / self.units + 1,
            failed_units: self.failed_units,
        }
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
            .is_some_and(|newest| encode(newest, 0, 0, 0) == encode(record, 0, 0, 0))
    }

    /// Makes `record` the newest one, as firmly as `how` says.
    #[inline(never)] // Once is enough.
    pub(crate) fn write<S: Storage>(
        &mut self,
        storage: &mut S,
        record: &Record,
        how: Firmness,
    ) -> Result<(), AppendError> {
        // With units that have failed, the others are not worn for copies.
        let copies = if self.failed_units == 0 {
            how.copies
        } else {
            how.copies.min(1)
        };
        for _ in 0..COPIES {
            if self.says(record) && self.fresh >= how.fresh && self.copies >= copies {
                break;
            }
            self.append(storage, record)?;
        }
        Ok(())
    }

    /// Writes `record`, and sees to it that at least `room` places are left for the
    /// records that are to follow: in a unit that has just proved that it can be erased and
    /// written. If there is none, the state stays what it was.
    pub(crate) fn save_with_room<S: Storage>(
        &mut self,
        storage: &mut S,
        record: &Record,
        room: u32,
    ) -> Result<(), AppendError> {
        let Some((sequence, former)) = self.newest else {
            return Err(AppendError);
        };
        if self.places.get() - sequence % self.places > room {
            return self.write(storage, record, SAVED);
        }
        let result = self.append_in_new_unit(storage, record);
        if result.is_err() {
            // Which units have failed is worth a place while there is one.
            let _ = self.append(storage, &former);
        }
        result
    }

    /// Writes `record`, whatever the newest one says.
    fn append<S: Storage>(&mut self, storage: &mut S, record: &Record) -> Result<(), AppendError> {
        let after_newest = self
            .newest
            .map(|(sequence, _)| (sequence + 1) % self.round());
        if let Some(first) = after_newest
            && !first.is_multiple_of(self.places.get())
            && self.append_in_unit(storage, record, first)
        {
            return Ok(());
        }
        self.append_in_new_unit(storage, record)
    }

    /// Erases the next unit and writes there; units that take nothing are passed over, and those
    /// that are known to have failed come last, when all are tried again. Stops before the unit of
    /// the newest record.
    fn append_in_new_unit<S: Storage>(
        &mut self,
        storage: &mut S,
        record: &Record,
    ) -> Result<(), AppendError> {
        let (next, spare) = match self.newest {
            Some((sequence, _)) => (sequence / self.places + 1, self.units.get() - 1),
            None => (0, self.units.get()),
        };
        let spare = at_least_one(spare);
        let epochs = at_least_one(self.round().get() / self.places);
        let failed = self.failed_units;
        for attempt in 0..2 * spare.get() {
            let epoch = (next + attempt % spare) % epochs;
            let unit = epoch % self.units;
            if attempt < spare.get() && failed & bit(unit) != 0 {
                continue;
            }
            self.failed_units &= !bit(unit);
            if self.append_in_erased(storage, record, unit, epoch * self.places.get())? {
                return Ok(());
            }
            self.failed_units |= bit(unit);
        }
        Err(AppendError)
    }

    fn append_in_erased<S: Storage>(
        &mut self,
        storage: &mut S,
        record: &Record,
        unit: u32,
        first: u32,
    ) -> Result<bool, AppendError> {
        let known = self.newest.map(|(sequence, _)| sequence);
        self.consider_unit(storage, unit);
        if self.newest.map(|(sequence, _)| sequence) != known {
            // It could not be read when the journal was opened, and `record` is based on less.
            return Err(AppendError);
        }
        let from = self.offset(unit, 0);
        self.used_up = true;
        let erased = storage.erase(Region::Journal, from, from.saturating_add(self.unit_size));
        Ok(erased.is_ok() && self.append_in_unit(storage, record, first))
    }

    /// Tries the blank places from `first` to the end of its unit.
    fn append_in_unit<S: Storage>(&mut self, storage: &mut S, record: &Record, first: u32) -> bool {
        let end = (first / self.places + 1) * self.places.get();
        let mut copies = if self.says(record) { self.copies } else { 0 };
        let fresh = if copies == 0 { 0 } else { self.fresh };
        for sequence in first..end {
            let (unit, place) = self.unit_and_place(sequence);
            let offset = self.offset(unit, place);
            if !self.blank(storage, offset) {
                continue;
            }
            let bytes = encode(record, sequence, self.map_id, self.failed_units);
            let written = self.program(storage, offset, &bytes);
            copies += u32::from(written);
            if !self.used_up {
                // One that fails says nothing of the next.
                self.used_up = written;
            } else if written {
                self.newest = Some((sequence, *record));
                self.copies = copies;
                self.fresh = fresh + 1;
                return true;
            }
        }
        false
    }

    fn blank<S: Storage>(&self, storage: &mut S, offset: u32) -> bool {
        let mut bytes = [0; RECORD_LEN];
        read_flash(storage, Region::Journal, offset, &mut bytes).is_ok()
            && bytes.iter().all(|byte| *byte == self.erased)
    }

    fn program<S: Storage>(&self, storage: &mut S, offset: u32, bytes: &[u8; RECORD_LEN]) -> bool {
        let mut back = [0; RECORD_LEN];
        storage.program(Region::Journal, offset, bytes).is_ok()
            && read_flash(storage, Region::Journal, offset, &mut back).is_ok()
            && back == *bytes
    }
}

//! `otadata` on flash.

use core::num::NonZeroU8;

use embedded_storage::nor_flash::NorFlash;

use super::{Mark, OtaData, OtaDataError, OtaState, RECORD_LEN, Record, Sector, Start, step};

/// Bytes of a sector; the partition is two of them.
pub const SECTOR: u32 = 4096;

/// The `otadata` partition of a flash.
#[derive(Debug)]
pub struct OtaStore<F> {
    flash: F,
    offset: u32,
    slots: NonZeroU8,
}

impl<F: NorFlash> OtaStore<F> {
    /// The partition at this offset, of a partition table with so many `ota_N`.
    ///
    /// # Errors
    /// [`OtaDataError::Partition`], also if the flash cannot write 32 bytes, or erase 4 KiB.
    pub fn new(flash: F, offset: u32, slots: NonZeroU8) -> Result<Self, OtaDataError> {
        let inside = offset
            .checked_add(2 * SECTOR)
            .is_some_and(|end| end as usize <= flash.capacity());
        let fits = RECORD_LEN.is_multiple_of(F::WRITE_SIZE)
            && (SECTOR as usize).is_multiple_of(F::ERASE_SIZE)
            && offset.is_multiple_of(SECTOR);
        if inside && fits {
            Ok(Self {
                flash,
                offset,
                slots,
            })
        } else {
            Err(OtaDataError::Partition)
        }
    }

    /// The flash again.
    pub fn release(self) -> F {
        self.flash
    }

    /// Reads both records. One that cannot be read counts as none.
    pub fn read(&mut self) -> OtaData {
        OtaData {
            first: self.record(Sector::First),
            second: self.record(Sector::Second),
            slots: self.slots,
        }
    }

    /// Call this first: it counts the start of an image that is not confirmed, and goes back to the
    /// former slot after `attempts` of them. `running` is the slot of the code that calls.
    ///
    /// Arm a watchdog before, and feed it only from a loop that works: what hangs never comes here
    /// again otherwise.
    ///
    /// # Errors
    /// See [`OtaDataError`]. Nothing was counted then.
    pub fn start(&mut self, running: u8, attempts: NonZeroU8) -> Result<Start, OtaDataError> {
        let data = self.read();
        let step = step(&data, running, attempts)?;
        if let Some((slot, state, mark)) = step.write {
            self.write(&data, slot, state, mark)?;
        }
        Ok(step.start)
    }

    /// Confirms the running image: the trial is over.
    ///
    /// # Errors
    /// See [`OtaDataError`].
    pub fn confirm(&mut self, running: u8) -> Result<(), OtaDataError> {
        let data = self.read();
        let confirmed = data.active().is_some_and(|(_, record)| {
            record.state == OtaState::Valid && data.slot_of(&record) == running
        });
        if confirmed {
            return Ok(());
        }
        let mark = Mark {
            attempts: 0,
            fallback: None,
        };
        self.write(&data, running, OtaState::Valid, mark)
    }

    /// Has the stock bootloader start this slot from now on, on trial. Verify its image before.
    ///
    /// # Errors
    /// See [`OtaDataError`].
    pub fn select(&mut self, slot: u8, running: u8) -> Result<(), OtaDataError> {
        let data = self.read();
        let mark = Mark {
            attempts: 0,
            fallback: Some(running),
        };
        self.write(&data, slot, OtaState::New, mark)
    }

    fn record(&mut self, sector: Sector) -> Option<Record> {
        let mut bytes = [0; RECORD_LEN];
        self.flash.read(self.at(sector), &mut bytes).ok()?;
        Record::decode(&bytes)
    }

    /// Writes a record, all of it at once, to the sector that is not in use; reads it back.
    fn write(
        &mut self,
        data: &OtaData,
        slot: u8,
        state: OtaState,
        mark: Mark,
    ) -> Result<(), OtaDataError> {
        let (sector, record) = data.next(slot, state, mark)?;
        let at = self.at(sector);
        self.flash
            .erase(at, at + SECTOR)
            .map_err(|_| OtaDataError::Flash)?;
        self.flash
            .write(at, &record.encode())
            .map_err(|_| OtaDataError::Flash)?;
        if self.record(sector) == Some(record) {
            Ok(())
        } else {
            Err(OtaDataError::Flash)
        }
    }

    const fn at(&self, sector: Sector) -> u32 {
        match sector {
            Sector::First => self.offset,
            Sector::Second => self.offset + SECTOR,
        }
    }
}

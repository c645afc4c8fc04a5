//! The sequences that program and erase, and what is refused in them.

use super::bits::{control, status};
use super::{FlashInterface, Lock, Operation};
use crate::exit::{Fault, Reset};
use crate::stm32::devices::cells::{BANK, PAGE, SIZE, WORD};
use crate::stm32::{FLASH_REGISTERS, FLASH_START};
use core::ops::Range;

/// Typical times of an STM32L476, in picoseconds.
const PROGRAM: u64 = 81_690_000;
const ERASE: u64 = 22_020_000_000;
const MASS_ERASE: u64 = 22_130_000_000;

impl FlashInterface {
    /// A store to the flash array.
    pub(crate) fn store(
        &mut self,
        offset: u32,
        value: u32,
        size: usize,
        now: u64,
    ) -> Result<(), Fault> {
        use status::{PGAERR, PGSERR, SIZERR};
        let address = FLASH_START + offset;
        let sequence = |error| Fault::FlashSequence { offset, error };
        if self.control & control::LOCK != 0 || self.control & control::PG == 0 {
            return self.mistake(PGSERR, Fault::XipStore { address });
        }
        if self.status & status::ERRORS != 0 {
            return self.mistake(PGSERR, sequence("PGSERR: an error before was not cleared"));
        }
        if size != 4 {
            return self.mistake(SIZERR, sequence("SIZERR: not a word"));
        }
        match self.latch.take() {
            None if offset.is_multiple_of(WORD) => {
                self.latch = Some((offset, value));
                Ok(())
            }
            Some((first, low)) if offset == first + 4 => {
                let bytes = u64::from(value) << 32 | u64::from(low);
                self.program(first, bytes.to_le_bytes(), now)
            }
            _ => self.mistake(
                PGAERR,
                sequence("PGAERR: not the halves of one double word"),
            ),
        }
    }

    fn program(&mut self, offset: u32, bytes: [u8; 8], now: u64) -> Result<(), Fault> {
        if self.is_protected(&(offset..offset + WORD)) {
            return self.mistake(status::WRPERR, Fault::Protected { offset });
        }
        let operation = if self.cells.is_blank(offset) {
            Operation::Program { offset, bytes }
        } else if bytes == [0; 8] && self.reports_mistakes {
            Operation::Wipe { offset }
        } else {
            return self.mistake(status::PROGERR, Fault::ProgrammedTwice { offset });
        };
        self.operation = Some((now + PROGRAM, operation));
        Ok(())
    }

    /// Whether option bytes protect a page in the range.
    fn is_protected(&self, range: &Range<u32>) -> bool {
        (range.start / PAGE..range.end.div_ceil(PAGE)).any(|page| {
            let (bank, page) = (page / (BANK / PAGE), page % (BANK / PAGE));
            self.options
                .protected(bank as usize)
                .any(|pages| pages.contains(&page))
        })
    }

    pub(super) fn unlock(&mut self, which: usize, key: u32, keys: [u32; 2], lock: u32) {
        self.locks[which] = match (self.locks[which], key) {
            (Lock::Closed, key) if key == keys[0] => Lock::Half,
            (Lock::Half, key) if key == keys[1] => {
                self.control &= !lock;
                Lock::Closed
            }
            _ => Lock::Jammed,
        };
    }

    /// A store to CR, which the locks let through.
    pub(super) fn control(&mut self, value: u32, now: u64) -> Result<Option<Reset>, Fault> {
        use control::{FSTPG, LOCK, LOCKS, OBL_LAUNCH, OPTLOCK, OPTSTRT, PG, STARTS, STRT};
        let options_open = self.control & OPTLOCK == 0;
        self.control = value & !(LOCKS | STARTS) | self.control & OPTLOCK | value & LOCKS;
        if value & LOCK != 0 {
            self.control |= OPTLOCK;
        }
        if value & PG == 0 {
            self.latch = None;
        }
        if value & FSTPG != 0 {
            let address = FLASH_REGISTERS + super::CR;
            return Err(Fault::NotModelled { address });
        }
        if value & STRT != 0 {
            self.start_erase(value, now)?;
        } else if value & OPTSTRT != 0 && options_open {
            self.begin(Operation::Options, ERASE, OPTSTRT, now);
        } else if value & OBL_LAUNCH != 0 && options_open {
            return Ok(Some(Reset::OptionBytes));
        }
        Ok(None)
    }

    fn start_erase(&mut self, value: u32, now: u64) -> Result<(), Fault> {
        use control::{BKER, MER1, MER2, PER, PG, STRT};
        let page = (value >> 3 & 0xFF) * PAGE + if value & BKER == 0 { 0 } else { BANK };
        let (range, time) = match value & (PG | PER | MER1 | MER2) {
            PER => (page..page + PAGE, ERASE),
            MER1 => (0..BANK, MASS_ERASE),
            MER2 => (BANK..SIZE, MASS_ERASE),
            both if both == MER1 | MER2 => (0..SIZE, MASS_ERASE),
            _ => {
                let error = "PGSERR: not one kind of erase";
                let fault = Fault::FlashSequence {
                    offset: page,
                    error,
                };
                return self.mistake(status::PGSERR, fault);
            }
        };
        let offset = range.start;
        if self.status & status::ERRORS != 0 {
            let error = "PGSERR: an error before was not cleared";
            let fault = Fault::FlashSequence { offset, error };
            return self.mistake(status::PGSERR, fault);
        }
        if self.is_protected(&range) {
            return self.mistake(status::WRPERR, Fault::Protected { offset });
        }
        self.begin(Operation::Erase(range), time, STRT, now);
        Ok(())
    }

    fn begin(&mut self, operation: Operation, time: u64, bit: u32, now: u64) {
        self.control |= bit;
        self.operation = Some((now + time, operation));
    }
}

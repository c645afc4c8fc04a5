//! The flash interface: keys, programming and erasing in two banks, error correction.
//!
//! An operation begins with a store and ends when its time has passed; that is when the cells
//! change, or are torn. The core that wants something of the bank meanwhile has to wait.

mod bits;
mod sequence;

use super::cache::DataCache;
use super::cells::{BANK, Cells, Correction, WORD};
use super::options::Options;
use crate::exit::{Fault, Reset, Stop};
use crate::stm32::FLASH_REGISTERS;
use bits::{control, ecc, status};
use core::hash::{Hash, Hasher};
use core::ops::Range;
use ota_sim::{Cut, Flash, FlashError, Tear};

const ACR: u32 = 0x00;
const KEYR: u32 = 0x08;
const OPTKEYR: u32 = 0x0C;
const SR: u32 = 0x10;
const CR: u32 = 0x14;
const ECCR: u32 = 0x18;
const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
const OPTION_KEYS: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];

/// How far a pair of keys has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lock {
    Closed,
    Half,
    /// A wrong key: closed until the next reset.
    Jammed,
}

#[derive(Debug, Clone, Hash)]
enum Operation {
    Program {
        offset: u32,
        bytes: [u8; 8],
    },
    /// Zeros over data.
    Wipe {
        offset: u32,
    },
    Erase(Range<u32>),
    Options,
}

#[derive(Debug, Clone)]
pub(crate) struct FlashInterface {
    cells: Cells,
    pub(crate) options: Options,
    pub(crate) cache: DataCache,
    access: u32,
    status: u32,
    control: u32,
    ecc: u32,
    locks: [Lock; 2],
    /// The first half of a double word, waiting for the second.
    latch: Option<(u32, u32)>,
    operation: Option<(u64, Operation)>,
    nmi: bool,
    /// Mistakes set their flags, as on silicon; otherwise they end the run.
    pub(crate) reports_mistakes: bool,
}

impl Hash for FlashInterface {
    /// Not the cells, nor the time that an operation takes.
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.cells.hash_corrections(hasher);
        self.cache.hash(hasher);
        let operation = self.operation.as_ref().map(|(_, operation)| operation);
        (self.access, self.status, self.control, self.ecc).hash(hasher);
        (self.locks, self.latch, operation, self.nmi).hash(hasher);
    }
}

impl FlashInterface {
    pub(crate) fn new(flash: Flash) -> Self {
        let mut interface = Self {
            cells: Cells::new(flash),
            options: Options::factory(),
            cache: DataCache::default(),
            access: 0,
            status: 0,
            control: 0,
            ecc: 0,
            locks: [Lock::Closed; 2],
            latch: None,
            operation: None,
            nmi: false,
            reports_mistakes: false,
        };
        interface.reset_registers();
        interface
    }

    fn reset_registers(&mut self) {
        self.access = 0x600;
        self.cache = DataCache::default();
        self.cache.control(self.access);
        self.status = 0;
        self.control = control::LOCKS;
        self.ecc = 0;
        self.locks = [Lock::Closed; 2];
        self.latch = None;
        self.nmi = false;
    }

    /// A reset of the chip. What was being programmed or erased is torn.
    pub(crate) fn reset(&mut self, cause: Option<Reset>) {
        if let Some((_, operation)) = self.operation.take() {
            self.tear(operation);
        }
        match cause {
            Some(Reset::OptionBytes) => self.options.load(),
            _ => self.options.reset(),
        }
        self.reset_registers();
    }

    /// For the cells a reset in the middle is a power cut. It takes the place of one that a
    /// test may have armed.
    fn tear(&mut self, operation: Operation) {
        let seed = self.cells.flash().operations();
        self.cells
            .edit(|flash| flash.arm(Cut::new(1, Tear::Random(seed))));
        let _ = self.perform(operation);
        self.cells.edit(Flash::power_up);
    }

    pub(crate) fn power_up(&mut self) {
        self.operation = None;
        self.options.load();
        self.reset_registers();
        self.cells.edit(Flash::power_up);
    }

    pub(crate) const fn cells(&self) -> &Cells {
        &self.cells
    }

    pub(crate) const fn cells_mut(&mut self) -> &mut Cells {
        &mut self.cells
    }

    pub(crate) const fn take_nmi(&mut self) -> bool {
        core::mem::replace(&mut self.nmi, false)
    }

    /// Whether it is idle, with nothing to tell.
    pub(crate) const fn is_undisturbed(&self) -> bool {
        self.operation.is_none() && self.latch.is_none() && !self.nmi
    }

    /// Whether the interrupt line is up.
    pub(crate) const fn line(&self) -> bool {
        use control::{EOPIE, ERRIE};
        self.status & status::EOP != 0 && self.control & EOPIE != 0
            || self.status & status::OPERR != 0 && self.control & ERRIE != 0
            || self.ecc & ecc::CORRECTED != 0 && self.ecc & ecc::INTERRUPT != 0
    }

    /// When the operation under way ends.
    pub(crate) fn busy_until(&self) -> Option<u64> {
        self.operation.as_ref().map(|(end, _)| *end)
    }

    /// Whether a read of the register at this address says that the flash is busy.
    pub(crate) const fn is_polled_at(&self, address: u32) -> bool {
        address == FLASH_REGISTERS + SR && self.operation.is_some()
    }

    /// What the register for errors holds.
    pub(crate) const fn errors(&self) -> u32 {
        self.ecc
    }

    /// Whether the register at this address is the one for errors.
    pub(crate) const fn tells_errors_at(address: u32) -> bool {
        address == FLASH_REGISTERS + ECCR
    }

    /// Until when a read has to wait.
    pub(crate) fn blocks(&self, offset: u32) -> Option<u64> {
        let bank = |at: u32| at / BANK;
        match self.operation.as_ref()? {
            (end, Operation::Program { offset: at, .. } | Operation::Wipe { offset: at }) => {
                (bank(*at) == bank(offset)).then_some(*end)
            }
            (end, Operation::Erase(range)) => {
                let banks = bank(range.start)..=bank(range.end - 1);
                banks.contains(&bank(offset)).then_some(*end)
            }
            (end, Operation::Options) => Some(*end),
        }
    }

    /// Ends the operation whose time has passed.
    pub(crate) fn run_until(&mut self, now: u64) -> Result<(), Stop> {
        if self.busy_until().is_none_or(|end| end > now) {
            return Ok(());
        }
        let Some((_, operation)) = self.operation.take() else {
            return Ok(());
        };
        self.control &= !control::STARTS;
        match self.perform(operation) {
            Ok(()) => {
                // Only those who want the interrupt see the flag.
                if self.control & control::EOPIE != 0 {
                    self.status |= status::EOP;
                }
                Ok(())
            }
            Err((_, FlashError::PowerCut)) => Err(Stop::PowerCut),
            // Nobody could know that the cells are bad.
            Err((
                _,
                FlashError::ProgramFailed
                | FlashError::EraseFailed
                | FlashError::Unreadable
                | FlashError::ReadFailed,
            )) => {
                self.raise(status::PROGERR);
                Ok(())
            }
            Err((offset, FlashError::Protected)) => Err(Fault::Protected { offset }.into()),
            Err((offset, FlashError::NotApproved)) => Err(Fault::NotApproved { offset }.into()),
            Err((offset, FlashError::ProgrammedTwice)) => {
                Ok(self.mistake(status::PROGERR, Fault::ProgrammedTwice { offset })?)
            }
            Err((offset, FlashError::NotAligned | FlashError::OutOfBounds)) => {
                Err(Fault::FlashRange { offset, len: 0 }.into())
            }
            Err((_, FlashError::File)) => Err(Fault::FlashFile.into()),
        }
    }

    fn perform(&mut self, operation: Operation) -> Result<(), (u32, FlashError)> {
        match operation {
            Operation::Program { offset, bytes } => {
                self.cache.program(offset);
                self.cells
                    .program(offset, bytes)
                    .map_err(|error| (offset, error))
            }
            Operation::Wipe { offset } => {
                self.cache.program(offset);
                self.cells.wipe(offset);
                Ok(())
            }
            Operation::Erase(range) => {
                self.cache.erase(&range);
                let offset = range.start;
                self.cells.erase(range).map_err(|error| (offset, error))
            }
            Operation::Options => {
                self.options.program();
                Ok(())
            }
        }
    }

    const fn raise(&mut self, flag: u32) {
        self.status |= flag;
        if self.control & control::ERRIE != 0 {
            self.status |= status::OPERR;
        }
        self.latch = None;
    }

    fn mistake(&mut self, flag: u32, fault: Fault) -> Result<(), Fault> {
        if !self.reports_mistakes {
            return Err(fault);
        }
        self.raise(flag);
        Ok(())
    }

    /// What reading a double word does besides: error correction. Whether there was any.
    pub(crate) fn correct(&mut self, offset: u32) -> bool {
        if self.cells.all_good() {
            return false;
        }
        let flag = match self.cells.correction(offset) {
            Correction::Good => return false,
            Correction::Corrected => ecc::CORRECTED,
            Correction::Failed => ecc::DETECTED,
        };
        // The address stays that of the first one until both flags are cleared.
        if self.ecc & (ecc::CORRECTED | ecc::DETECTED) == 0 {
            let bank = if offset < BANK { 0 } else { ecc::BANK2 };
            let word = offset % BANK / WORD * WORD;
            self.ecc = self.ecc & ecc::INTERRUPT | bank | word;
        }
        self.nmi |= flag == ecc::DETECTED && self.ecc & ecc::DETECTED == 0;
        self.ecc |= flag;
        true
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        let busy = self.operation.is_some();
        match offset {
            ACR => self.access,
            SR => self.status | if busy { status::BSY } else { 0 },
            CR => self.control,
            ECCR => self.ecc,
            _ => self.options.read(offset).unwrap_or(0),
        }
    }

    /// A store to a register; a reset, if it asks for one.
    pub(crate) fn write(
        &mut self,
        offset: u32,
        value: u32,
        now: u64,
    ) -> Result<Option<Reset>, Fault> {
        match offset {
            ACR => {
                self.access = value;
                self.cache.control(value);
            }
            KEYR => self.unlock(0, value, KEYS, control::LOCK),
            OPTKEYR if self.control & control::LOCK == 0 => {
                self.unlock(1, value, OPTION_KEYS, control::OPTLOCK);
            }
            SR => self.status &= !value,
            CR if self.control & control::LOCK == 0 => return self.control(value, now),
            ECCR => {
                self.ecc &= !(value & (ecc::CORRECTED | ecc::DETECTED) | ecc::INTERRUPT);
                self.ecc |= value & ecc::INTERRUPT;
                // Without a flag there is no address to tell.
                if self.ecc & (ecc::CORRECTED | ecc::DETECTED) == 0 {
                    self.ecc &= ecc::INTERRUPT;
                }
            }
            _ if self.control & control::OPTLOCK == 0 => {
                self.options.write(offset, value);
            }
            _ => {}
        }
        Ok(None)
    }
}

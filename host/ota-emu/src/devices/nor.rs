//! The flash chip: a W25Q16 with its commands, on top of the torn flash of `ota-sim`.

use crate::exit::{Fault, Stop};
use ota_sim::{Config, Flash, FlashError, OnViolation};
use std::sync::Arc;

/// Bytes that one program command takes at most, and never crosses.
pub(crate) const PAGE: u32 = 256;
/// The smallest unit of an erase.
pub(crate) const SECTOR: u32 = 4096;

/// How long things take, in nanoseconds: typical values of a W25Q16JV. A program takes this for its
/// first byte and for each other one, but no longer than for a whole page.
const FIRST_BYTE_NS: u64 = 30_000;
const BYTE_NS: u64 = 2_500;
const PROGRAM_NS: u64 = 400_000;
const SECTOR_NS: u64 = 45_000_000;
const BLOCK_NS: u64 = 150_000_000;
const STATUS_NS: u64 = 10_000_000;

/// The status register: quad mode is enabled, as the factory leaves it on this chip.
pub(crate) const QUAD: u16 = 1 << 9;
/// Any of these protects some cells; here all of them.
const PROTECTION: u16 = 0b111 << 2 | 1 << 14;

/// Manufacturer and family, as the chip on a Pico answers; the size follows, as a power of two.
const JEDEC_ID: [u8; 2] = [0xEF, 0x40];
const UNIQUE_ID: [u8; 8] = *b"ota-emu\0";

/// The chip. Commands arrive byte by byte between a select and a deselect.
#[derive(Debug, Clone)]
pub(crate) struct Nor {
    flash: Flash,
    /// What a read sees. The flash keeps its units apart; the core wants them in one piece.
    seen: Arc<Vec<u8>>,
    /// The bytes since the chip was selected.
    command: Vec<u8>,
    write_enabled: bool,
    /// Every byte is taken for an address until the mode is left.
    continuous: bool,
    busy_until: u64,
    /// Counts changes, for those who remember contents.
    generation: u64,
}

impl Nor {
    /// # Panics
    /// If the flash is not one whose bytes are programmed one by one and erased in sectors.
    pub(crate) fn new(mut flash: Flash) -> Self {
        let Config {
            size,
            write_size,
            erase_size,
            erased,
            ecc,
        } = *flash.config();
        assert!(
            (write_size, erase_size, erased, ecc) == (1, SECTOR, 0xFF, false),
            "the board's flash programs bytes and erases sectors of 4096: see ota_emu::rp2040::flash"
        );
        assert!(
            size.is_power_of_two() && size <= 16 << 20,
            "flash chips have 2^n bytes, at most 16 MiB, not {size}"
        );
        flash.on_violation(OnViolation::Record);
        let seen = Arc::new(flash.bytes().to_vec());
        Self {
            flash,
            seen,
            command: Vec::new(),
            write_enabled: false,
            continuous: false,
            busy_until: 0,
            generation: 0,
        }
    }

    pub(crate) const fn flash(&self) -> &Flash {
        &self.flash
    }

    /// All that a read sees.
    pub(crate) fn contents(&self) -> &[u8] {
        &self.seen
    }

    /// Lets `change` work on the flash from outside, as a test does.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        let result = change(&mut self.flash);
        self.flash.on_violation(OnViolation::Record);
        self.seen = Arc::new(self.flash.bytes().to_vec());
        self.generation += 1;
        result
    }

    pub(crate) fn power_up(&mut self) {
        self.edit(Flash::power_up);
        self.leave_continuous_read();
        self.write_enabled = false;
        self.busy_until = 0;
    }

    /// Both halves of the status register, which keeps its bits without power.
    pub(crate) fn status(&self) -> u16 {
        self.flash.status().unwrap_or(QUAD)
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) const fn busy(&self, now: u64) -> bool {
        now < self.busy_until
    }

    pub(crate) const fn busy_until(&self) -> u64 {
        self.busy_until
    }

    /// The contents from `offset` on; addresses wrap around at the end of the chip.
    pub(crate) fn read<const N: usize>(&self, offset: u32) -> [u8; N] {
        let at = offset as usize & (self.seen.len() - 1);
        match self.seen.get(at..at + N) {
            Some(bytes) => bytes.try_into().unwrap_or([0xFF; N]),
            None => core::array::from_fn(|i| self.seen[(at + i) & (self.seen.len() - 1)]),
        }
    }

    pub(crate) fn enter_continuous_read(&mut self) {
        self.continuous = true;
    }

    pub(crate) fn leave_continuous_read(&mut self) {
        self.continuous = false;
        self.command.clear();
    }

    pub(crate) const fn in_continuous_read(&self) -> bool {
        self.continuous
    }

    pub(crate) const fn is_selected(&self) -> bool {
        !self.command.is_empty()
    }

    /// Chip select goes low: a new command begins.
    pub(crate) fn select(&mut self) {
        self.command.clear();
    }

    /// One byte in each direction.
    pub(crate) fn exchange(&mut self, byte: u8, now: u64) -> u8 {
        let answer = self.answer(now);
        self.command.push(byte);
        answer
    }

    /// What the chip says while it takes the next byte.
    fn answer(&self, now: u64) -> u8 {
        let nth = self.command.len();
        let Some(&command) = self.command.first() else {
            return 0xFF;
        };
        let [status, more] = self.status().to_le_bytes();
        match (command, nth) {
            (0x03, 4..) => self.read_back(nth - 4),
            (0x0B, 5..) => self.read_back(nth - 5),
            (0x05, _) => status & !3 | u8::from(self.busy(now)) | u8::from(self.write_enabled) << 1,
            (0x35, _) => more,
            (0x9F, 1 | 2) => JEDEC_ID[nth - 1],
            (0x9F, 3) => self.seen.len().trailing_zeros().to_le_bytes()[0],
            (0x9F, _) => 0,
            (0x4B, 5..) => UNIQUE_ID[(nth - 5) % UNIQUE_ID.len()],
            _ => 0xFF,
        }
    }

    fn read_back(&self, nth: usize) -> u8 {
        let offset = self.address().wrapping_add(u32::try_from(nth).unwrap_or(0));
        let [byte] = self.read(offset);
        byte
    }

    /// The three bytes after the command.
    fn address(&self) -> u32 {
        self.command
            .iter()
            .skip(1)
            .take(3)
            .fold(0, |address, &byte| address << 8 | u32::from(byte))
    }

    /// Chip select goes high: what was asked for happens now.
    pub(crate) fn deselect(&mut self, now: u64) -> Result<(), Stop> {
        let bytes = core::mem::take(&mut self.command);
        let Some(&command) = bytes.first() else {
            return Ok(());
        };
        if self.continuous {
            return Err(Fault::CommandInContinuousRead { command }.into());
        }
        if self.busy(now) && command != 0x05 {
            return Err(Fault::CommandWhileBusy { command }.into());
        }
        self.command = bytes;
        let address = self.address();
        let bytes = core::mem::take(&mut self.command);
        match (command, bytes.len()) {
            (0x06, 1) => self.write_enabled = true,
            (0x04, 1) => self.write_enabled = false,
            (0x02, 5..) => self.program(address, &bytes[4..], now)?,
            (0x20, 4) => self.erase(address, SECTOR, SECTOR_NS, now)?,
            (0x52, 4) => self.erase(address, 8 * SECTOR, BLOCK_NS, now)?,
            (0xD8, 4) => self.erase(address, 16 * SECTOR, BLOCK_NS, now)?,
            (0x01, 2) => self.write_status(&[(0, bytes[1])], now)?,
            (0x01, 3) => self.write_status(&[(0, bytes[1]), (1, bytes[2])], now)?,
            (0x31, 2) => self.write_status(&[(1, bytes[1])], now)?,
            // Reads, and the third status register.
            (0x03 | 0x05 | 0x0B | 0x11 | 0x35 | 0x4B | 0x9F | 0xAB, _) => {}
            _ => return Err(Fault::UnknownCommand { command }.into()),
        }
        Ok(())
    }

    /// Programs up to a page; what goes past its end would come around at its start.
    fn program(&mut self, offset: u32, bytes: &[u8], now: u64) -> Result<(), Stop> {
        self.take_write_enable()?;
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if offset % PAGE + len > PAGE {
            return Err(Fault::FlashRange { offset, len }.into());
        }
        self.takes_changes(offset)?;
        let time = FIRST_BYTE_NS + BYTE_NS * u64::from(len - 1);
        self.busy_until = now + time.min(PROGRAM_NS);
        // 0xFF leaves cells as they are: drivers fill up pages with it.
        let Some(first) = bytes.iter().position(|&byte| byte != 0xFF) else {
            return Ok(());
        };
        let last = bytes
            .iter()
            .rposition(|&byte| byte != 0xFF)
            .unwrap_or(first);
        let offset = offset + u32::try_from(first).unwrap_or(0);
        let bytes = &bytes[first..=last];
        self.clears_only(offset, bytes)?;
        let done = self.flash.program(offset, bytes);
        self.refresh(offset, bytes.len());
        answer(offset, done)
    }

    /// Refuses a 1 where the cell holds a 0.
    fn clears_only(&self, offset: u32, bytes: &[u8]) -> Result<(), Stop> {
        for (offset, &new) in (offset..).zip(bytes) {
            let [old] = self.read(offset);
            if new != 0xFF && new & !old != 0 {
                return Err(Fault::ZeroToOne { offset }.into());
            }
        }
        Ok(())
    }

    fn erase(&mut self, address: u32, len: u32, time: u64, now: u64) -> Result<(), Stop> {
        self.take_write_enable()?;
        if !address.is_multiple_of(len) {
            let offset = address;
            return Err(Fault::FlashRange { offset, len }.into());
        }
        self.takes_changes(address)?;
        self.busy_until = now + time;
        let offset = address & (self.flash.config().size - 1);
        let done = self.flash.erase(offset, offset + len);
        self.refresh(offset, len as usize);
        answer(offset, done)
    }

    /// Writes halves of the status register, for good: slow, and a wear of its cells.
    fn write_status(&mut self, halves: &[(usize, u8)], now: u64) -> Result<(), Stop> {
        self.take_write_enable()?;
        self.busy_until = now + STATUS_NS;
        let mut status = self.status().to_le_bytes();
        for &(half, byte) in halves {
            status[half] = byte;
        }
        // What the factory has left, if nobody has written it yet: a cut may leave some of that.
        self.flash.set_status(self.status());
        let done = self.flash.write_status(u16::from_le_bytes(status));
        answer(0, done)
    }

    /// A chip that protects itself ignores programs and erases.
    fn takes_changes(&self, offset: u32) -> Result<(), Stop> {
        match self.status() & PROTECTION {
            0 => Ok(()),
            _ => Err(Fault::Protected { offset }.into()),
        }
    }

    fn take_write_enable(&mut self) -> Result<(), Stop> {
        if core::mem::take(&mut self.write_enabled) {
            Ok(())
        } else {
            Err(Fault::NotWriteEnabled.into())
        }
    }

    /// Brings what reads see up to date. After a cut there are no reads until the power is back.
    fn refresh(&mut self, offset: u32, len: usize) {
        self.generation += 1;
        let seen = Arc::make_mut(&mut self.seen);
        if let Some(part) = seen.get_mut(offset as usize..offset as usize + len) {
            // With the power off the flash refuses to be read; `power_up` reads all of it.
            let _ = self.flash.read(offset, part);
        }
    }
}

/// What an answer of the flash means for the run.
fn answer(offset: u32, done: Result<(), FlashError>) -> Result<(), Stop> {
    match done {
        // The chip has no way to say that cells did not take it: a read-back shows it.
        Ok(())
        | Err(
            FlashError::ProgramFailed
            | FlashError::EraseFailed
            | FlashError::Unreadable
            | FlashError::ReadFailed,
        ) => Ok(()),
        Err(FlashError::PowerCut) => Err(Stop::PowerCut),
        Err(FlashError::ProgrammedTwice) => Err(Fault::ProgrammedTwice { offset }.into()),
        Err(FlashError::Protected) => Err(Fault::Protected { offset }.into()),
        Err(FlashError::NotApproved) => Err(Fault::NotApproved { offset }.into()),
        Err(FlashError::NotAligned | FlashError::OutOfBounds) => {
            Err(Fault::FlashRange { offset, len: 0 }.into())
        }
        Err(FlashError::File) => Err(Fault::FlashFile.into()),
    }
}

//! The flash, through the mask ROM: for a second stage, which has no HAL.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use ota_bootloader::Area;

use super::protection::{answer, unlock};
use super::{mmu, rom};
use crate::ESP32C3_CHIP;
use crate::memory::{FLASH_DATA, PAGE};

/// Bytes of a line of the cache.
const LINE: u32 = 32;
/// Words that are programmed at a time; the ROM takes them from an aligned place only.
const WORDS: u32 = 64;
/// What the ROM has to know of a flash: sizes of block and page, and the bits of its status.
const BLOCK: u32 = 0x1_0000;
const FLASH_PAGE: u32 = 0x100;
const STATUS_BITS: u32 = 0xFFFF;

/// Why flash could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashError {
    /// Not all of it is inside the flash.
    OutOfBounds,
    /// Not whole words or sectors.
    Unaligned,
    /// What the ROM's function answered.
    Rom(i32),
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::Unaligned => NorFlashErrorKind::NotAligned,
            Self::Rom(_) => NorFlashErrorKind::Other,
        }
    }
}

/// The flash of the module. Read through the cache, which the application will run through as well;
/// erased and programmed by the mask ROM.
pub struct MaskRomFlash {
    size: u32,
    /// The chip does not protect itself, or not any more.
    unlocked: bool,
}

impl MaskRomFlash {
    /// Shows all of the flash, 8 MiB at most, in the window for data, from its beginning on.
    ///
    /// # Safety
    /// For a second stage, once: it has to run from RAM, alone, with interrupts disabled, and leave
    /// flash, MMU and cache to this driver.
    #[must_use]
    pub unsafe fn new(size: u32) -> Self {
        // SAFETY: the ROM has filled in what it has found. Without the true size it refuses all
        // above the 2 MiB that it assumes.
        unsafe {
            let id = rom::FLASH_CHIP.read().read();
            rom::spiflash_config_param(
                id,
                size,
                BLOCK,
                ESP32C3_CHIP.erase_size,
                FLASH_PAGE,
                STATUS_BITS,
            );
        }
        let size = size.min(FLASH_DATA.end - FLASH_DATA.start);
        let pages = (0..=u8::MAX).map(Some).take((size / PAGE) as usize);
        // SAFETY: nobody else uses the windows (the caller's promise), and this driver does not yet.
        unsafe { mmu::show(pages) };
        Self {
            size,
            unlocked: false,
        }
    }

    /// The first `len` bytes of an area of flash, as they are. They cannot be written meanwhile.
    #[must_use]
    pub fn bytes(&self, area: Area, len: u32) -> Option<&[u8]> {
        let len = len.min(area.size);
        let start = self
            .place(area.offset, area.offset.checked_add(len)?)
            .ok()?;
        // SAFETY: the window shows all of the flash, and does until this driver is gone; what
        // changes flash takes the driver mutably, and then makes the cache forget it.
        Some(unsafe { core::slice::from_raw_parts(start, len as usize) })
    }

    /// Where the window shows these bytes.
    fn place(&self, from: u32, end: u32) -> Result<*const u8, FlashError> {
        if from <= end && end <= self.size {
            Ok((FLASH_DATA.start + from) as *const u8)
        } else {
            Err(FlashError::OutOfBounds)
        }
    }

    /// Before the first change: most starts make none.
    fn unlock_once(&mut self) -> Result<(), FlashError> {
        if !self.unlocked {
            // SAFETY: nobody else uses the flash (the promise of `new`).
            unsafe { unlock()? };
            self.unlocked = true;
        }
        Ok(())
    }

    /// What was changed here is to be read from the flash, not from the cache.
    fn forget(&mut self, from: u32, end: u32) {
        let from = from & !(LINE - 1);
        let len = end.next_multiple_of(LINE) - from;
        // SAFETY: inside the window; the cache never holds anything that the flash does not.
        unsafe { rom::cache_invalidate_addr(FLASH_DATA.start + from, len) };
    }
}

impl ErrorType for MaskRomFlash {
    type Error = FlashError;
}

impl ReadNorFlash for MaskRomFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let from = self.place(offset, end(offset, bytes)?)?;
        // SAFETY: all of it is shown in the window, and `bytes` is elsewhere, in RAM.
        unsafe { from.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.size as usize
    }
}

impl NorFlash for MaskRomFlash {
    const WRITE_SIZE: usize = ESP32C3_CHIP.write_size as usize;
    const ERASE_SIZE: usize = ESP32C3_CHIP.erase_size as usize;

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let (words, rest) = bytes.as_chunks::<4>();
        if !offset.is_multiple_of(ESP32C3_CHIP.write_size) || !rest.is_empty() {
            return Err(FlashError::Unaligned);
        }
        let end = end(offset, bytes)?;
        self.place(offset, end)?;
        let mut result = self.unlock_once();
        for (to, words) in (offset..)
            .step_by(4 * WORDS as usize)
            .zip(words.chunks(WORDS as usize))
        {
            let mut aligned = [0; WORDS as usize];
            for (place, word) in aligned.iter_mut().zip(words) {
                *place = u32::from_le_bytes(*word);
            }
            let len = (end - to).min(4 * WORDS);
            // SAFETY: inside the flash, from an aligned copy; code and data are in RAM.
            result = result
                .and_then(|()| answer(unsafe { rom::spiflash_write(to, aligned.as_ptr(), len) }));
        }
        self.forget(offset, end);
        result
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let sector = ESP32C3_CHIP.erase_size;
        self.place(from, to)?;
        if !from.is_multiple_of(sector) || !to.is_multiple_of(sector) {
            return Err(FlashError::Unaligned);
        }
        let mut result = self.unlock_once();
        for sector in from / sector..to / sector {
            // SAFETY: inside the flash; code and data are in RAM.
            result = result.and_then(|()| answer(unsafe { rom::spiflash_erase_sector(sector) }));
        }
        self.forget(from, to);
        result
    }
}

/// Where these bytes end, if they begin here.
fn end(offset: u32, bytes: &[u8]) -> Result<u32, FlashError> {
    let len = u32::try_from(bytes.len()).ok();
    len.and_then(|len| offset.checked_add(len))
        .ok_or(FlashError::OutOfBounds)
}

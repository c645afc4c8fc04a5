//! The flash driver of embassy, made fit for torn words.

use embassy_stm32::flash::{
    Blocking, Error, FLASH_BASE, FLASH_SIZE, Flash, MAX_ERASE_SIZE, WRITE_SIZE,
};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use ota_bootloader::Chip;

use crate::{cache, ecc};

/// The flash of the chip that firmware is built for, as [`Stm32Flash`] drives it. Where sectors are
/// of different sizes (F4, F7), in units of the largest.
pub const CHIP: Chip = Chip {
    size: size(FLASH_SIZE),
    write_size: size(WRITE_SIZE),
    erase_size: size(MAX_ERASE_SIZE),
    erased: 0xFF,
};

const fn size(size: usize) -> u32 {
    assert!(size <= u32::MAX as usize);
    #[expect(clippy::cast_possible_truncation, reason = "asserted")]
    {
        size as u32
    }
}

/// Why flash could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashError {
    /// A word has more wrong bits than its ECC can mend: torn by a power cut, or rotten.
    Ecc,
    /// What the controller or the driver says.
    Controller(Error),
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Ecc => NorFlashErrorKind::Other,
            Self::Controller(error) => error.kind(),
        }
    }
}

/// The internal flash.
///
/// As `embassy_stm32::flash::Flash`, and besides: a word that cannot be read is an error, not a
/// fault ([`on_nmi`](crate::on_nmi) has to be called by the NMI's handler); the caches forget what
/// was erased or programmed, so that what is read back is what is there.
pub struct Stm32Flash<'d>(Flash<'d, Blocking>);

impl<'d> Stm32Flash<'d> {
    /// Takes the driver over.
    #[must_use]
    pub const fn new(flash: Flash<'d, Blocking>) -> Self {
        Self(flash)
    }
}

impl ErrorType for Stm32Flash<'_> {
    type Error = FlashError;
}

impl ReadNorFlash for Stm32Flash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if offset.checked_add(length).is_none_or(|end| end > CHIP.size) {
            return Err(FlashError::Controller(Error::Size));
        }
        let torn = ecc::watched(|| {
            let start = (FLASH_BASE as *const u8).wrapping_add(offset as usize);
            for (index, byte) in bytes.iter_mut().enumerate() {
                // SAFETY: inside the flash, which is always mapped; volatile, because it changes
                // without the compiler's knowledge.
                *byte = unsafe { start.wrapping_add(index).read_volatile() };
            }
        });
        if torn { Err(FlashError::Ecc) } else { Ok(()) }
    }

    fn capacity(&self) -> usize {
        FLASH_SIZE
    }
}

impl NorFlash for Stm32Flash<'_> {
    const WRITE_SIZE: usize = WRITE_SIZE;
    const ERASE_SIZE: usize = MAX_ERASE_SIZE;

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let result = self.0.blocking_write(offset, bytes);
        cache::forget();
        result.map_err(FlashError::Controller)
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let result = self.0.blocking_erase(from, to);
        cache::forget();
        result.map_err(FlashError::Controller)
    }
}

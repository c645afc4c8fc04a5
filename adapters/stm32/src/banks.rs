//! Two banks of flash that can change places: which one the processor sees in front.

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// A flash of two banks. Its driver reads and programs where the processor sees it.
pub trait TwoBanks: NorFlash {
    /// Size of one bank, in bytes: a power of two.
    const BANK_SIZE: u32;

    /// Whether the second bank is in front of the first.
    fn swapped(&self) -> bool;

    /// Erases pages as the chip counts them, bank 1 first, whichever is in front.
    ///
    /// # Errors
    /// As those of [`NorFlash::erase`].
    fn erase_pages(&mut self, from: u32, to: u32) -> Result<(), Self::Error>;
}

/// A flash of two banks, by the chip's own offsets: bank 1 first, whichever is in front.
///
/// This is what a [`FlashMap`](ota_bootloader::FlashMap) means, so that journal and slots stay where
/// they are. Of the same flash, `F` is the driver that sees it as the processor does.
pub struct DualBank<F>(F);

impl<F: TwoBanks> DualBank<F> {
    /// Takes the driver over.
    #[must_use]
    pub const fn new(flash: F) -> Self {
        Self(flash)
    }

    /// Where the processor sees this offset.
    fn seen(&self, offset: u32) -> u32 {
        if self.0.swapped() {
            offset ^ F::BANK_SIZE
        } else {
            offset
        }
    }
}

/// How much of this many bytes lies in the bank that they begin in.
fn in_first_bank(offset: u32, length: usize, bank: u32) -> usize {
    let rest = bank - offset % bank;
    usize::try_from(rest).map_or(length, |rest| rest.min(length))
}

impl<F: TwoBanks> ErrorType for DualBank<F> {
    type Error = F::Error;
}

impl<F: TwoBanks> ReadNorFlash for DualBank<F> {
    const READ_SIZE: usize = F::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        let (first, second) = bytes.split_at_mut(in_first_bank(offset, bytes.len(), F::BANK_SIZE));
        let seen = self.seen(offset);
        self.0.read(seen, first)?;
        if second.is_empty() {
            return Ok(());
        }
        let seen = self.seen(F::BANK_SIZE);
        self.0.read(seen, second)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<F: TwoBanks> NorFlash for DualBank<F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), F::Error> {
        let (first, second) = bytes.split_at(in_first_bank(offset, bytes.len(), F::BANK_SIZE));
        let seen = self.seen(offset);
        self.0.write(seen, first)?;
        if second.is_empty() {
            return Ok(());
        }
        let seen = self.seen(F::BANK_SIZE);
        self.0.write(seen, second)
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), F::Error> {
        self.0.erase_pages(from, to)
    }
}

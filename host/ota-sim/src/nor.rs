//! The `embedded-storage` view, whose sizes are constants of the type.

use crate::error::FlashError;
use crate::flash::Flash;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// A [`Flash`] as a [`NorFlash`] with `WRITE_SIZE = WRITE` and `ERASE_SIZE = ERASE`.
///
/// ```
/// use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
/// use ota_sim::{Config, Flash, Nor};
///
/// let mut flash = Flash::new(Config::new(16384, 8, 4096));
/// let mut nor: Nor<'_, 8, 4096> = flash.nor();
/// nor.write(0, b"8 bytes.")?;
/// let mut read = [0; 8];
/// nor.read(0, &mut read)?;
/// assert_eq!(&read, b"8 bytes.");
/// # Ok::<(), ota_sim::FlashError>(())
/// ```
#[derive(Debug)]
pub struct Nor<'a, const WRITE: usize, const ERASE: usize>(&'a mut Flash);

impl<'a, const WRITE: usize, const ERASE: usize> Nor<'a, WRITE, ERASE> {
    /// Lends the flash to a view.
    ///
    /// # Panics
    /// If the sizes of the type are not those of the flash.
    #[must_use]
    pub fn new(flash: &'a mut Flash) -> Self {
        let config = flash.config();
        let sizes = (config.write_size as usize, config.erase_size as usize);
        assert_eq!(
            (WRITE, ERASE),
            sizes,
            "the view's write and erase sizes are not the flash's"
        );
        Self(flash)
    }

    /// The flash behind the view.
    pub fn flash(&mut self) -> &mut Flash {
        self.0
    }
}

impl<const WRITE: usize, const ERASE: usize> ErrorType for Nor<'_, WRITE, ERASE> {
    type Error = FlashError;
}

impl<const WRITE: usize, const ERASE: usize> ReadNorFlash for Nor<'_, WRITE, ERASE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.config().size as usize
    }
}

impl<const WRITE: usize, const ERASE: usize> NorFlash for Nor<'_, WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.0.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.0.program(offset, bytes)
    }
}

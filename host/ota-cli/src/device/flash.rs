//! The simulated flash behind the traits of the devices' code.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use ota_bootloader::{FlashMap, OneFlash};
use ota_sim::{Config, Flash, FlashError, OnViolation};

use crate::map::{Map, Span};

/// From this write size on, flash corrects errors, and a torn word cannot be read: STM32's double
/// words and everything wider.
const ECC_FROM: u32 = 8;

/// Opens the file: a power-up.
pub(super) fn open(path: &Path, map: &Map) -> Result<Flash> {
    let config = Config {
        size: map.flash.size,
        write_size: map.flash.write_size,
        erase_size: map.flash.erase_size,
        erased: map.flash.erased,
        ecc: map.flash.write_size >= ECC_FROM,
    };
    let mut flash =
        Flash::open_file(path, config).with_context(|| format!("cannot use {}", path.display()))?;
    let fixed = [Some(map.regions.bootloader), map.regions.settings];
    for Span { offset, size } in fixed.into_iter().flatten() {
        flash.protect(offset..offset + size);
    }
    flash.on_violation(OnViolation::Record);
    Ok(flash)
}

/// What tells everybody that the power is gone, while somebody else holds the flash.
#[derive(Debug, Clone, Default)]
pub(super) struct Power(Rc<Cell<bool>>);

impl Power {
    pub(super) fn is_off(&self) -> bool {
        self.0.get()
    }

    fn watch<T>(&self, result: Result<T, FlashError>) -> Result<T, FlashError> {
        if matches!(result, Err(FlashError::PowerCut)) {
            self.0.set(true);
        }
        result
    }
}

/// The flash, whatever its geometry: the model itself refuses what is not aligned.
pub(super) struct Chip<'a> {
    flash: &'a mut Flash,
    power: Power,
}

/// Puts the map on the flash.
pub(super) fn storage<'a>(
    flash: &'a mut Flash,
    power: &Power,
    map: FlashMap,
) -> Result<OneFlash<Chip<'a>>> {
    let chip = Chip {
        flash,
        power: power.clone(),
    };
    Ok(OneFlash::new(chip, map)?)
}

impl ErrorType for Chip<'_> {
    type Error = FlashError;
}

impl ReadNorFlash for Chip<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.power.watch(self.flash.read(offset, bytes))
    }

    fn capacity(&self) -> usize {
        self.flash.config().size as usize
    }
}

impl NorFlash for Chip<'_> {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 1;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.power.watch(self.flash.erase(from, to))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.power.watch(self.flash.program(offset, bytes))
    }
}

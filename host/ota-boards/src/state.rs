//! What a flash says about updates, read by the code that runs on the device.

use anyhow::{Context as _, Result, bail};
use embedded_storage::nor_flash::NorFlash;
use ota_bootloader::{OneFlash, OpenError, Product, Record, Region, Updater};
use ota_image::{ENVELOPE_LEN, Envelope, SoftwareCrypto};
use ota_sim::Flash;

use crate::example::Example;

/// The state of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The newest record of its journal.
    pub record: Record,
    /// The version of the active image, if its boot signature is good.
    pub version: Option<String>,
}

impl State {
    /// Reads the contents of a flash; a copy of it, because reading may tidy up.
    ///
    /// # Errors
    /// If it is not the flash of this product.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        Self::of(Example::Rp2040, copy(bytes))
    }

    /// Reads a flash; a copy of it, because reading may tidy up.
    ///
    /// # Errors
    /// If it is not the flash of this example's product.
    pub fn of(example: Example, mut flash: Flash) -> Result<Self> {
        let product = example.product();
        let record = match example {
            Example::Rp2040 => record(product, flash.nor::<1, 4096>()),
            Example::Stm32 => record(product, flash.nor::<8, 2048>()),
            Example::Esp32c3 => record(product, flash.nor::<4, 4096>()),
        }?;
        let mut envelope = [0; ENVELOPE_LEN];
        let at = product.map.area(Region::Bank(record.active)).offset;
        flash.read(at, &mut envelope)?;
        let verified = Envelope::parse(&envelope).ok().and_then(|envelope| {
            envelope
                .verify_boot(&mut SoftwareCrypto, &example.boot_keys(), 0)
                .ok()
        });
        Ok(Self {
            record,
            version: verified.map(|manifest| manifest.version.to_string()),
        })
    }
}

fn copy(bytes: &[u8]) -> Flash {
    let mut flash = ota_emu::rp2040::flash();
    flash.load(0, bytes);
    flash
}

fn record(product: &Product, flash: impl NorFlash) -> Result<Record> {
    let storage = OneFlash::new(flash, product.map)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("not the flash of this product")?;
    match Updater::open(product, storage, SoftwareCrypto) {
        Ok(updater) => Ok(updater.record()),
        Err(OpenError::NotProvisioned) => Ok(Record::unknown()),
        Err(error) => bail!("{error}"),
    }
}

//! What a flash says about updates, read by the code that runs on the device.

use anyhow::{Context as _, Result, bail};
use embedded_storage::nor_flash::NorFlash;
use ota_bootloader::{Index, OneFlash, OpenError, Product, Record, Region, Strategy, Updater};
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
    /// Reads a flash; a copy of it, because reading may tidy up.
    ///
    /// # Errors
    /// If it is not the flash of this example's product.
    pub fn read(example: Example, mut flash: Flash) -> Result<Self> {
        let product = example.product();
        let record = record(example, &mut flash)?.unwrap_or(Record::unknown());
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

/// The newest record of the journal, if there is one. Reading may tidy up.
///
/// # Errors
/// If it is not the flash of this example's product.
pub fn record(example: Example, flash: &mut Flash) -> Result<Option<Record>> {
    let product = example.product();
    match example {
        Example::Rp2040 | Example::Esp32c3 => newest(product, flash.nor::<1, 4096>()),
        Example::Stm32 | Example::Stm32Ethernet | Example::Stm32DualBank => {
            newest(product, flash.nor::<8, 2048>())
        }
    }
}

fn newest(product: &Product, flash: impl NorFlash) -> Result<Option<Record>> {
    let storage = OneFlash::new(flash, product.map)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("not the flash of this product")?;
    match Updater::open(product, storage, SoftwareCrypto) {
        Ok(updater) => Ok(Some(updater.record())),
        Err(OpenError::NotProvisioned) => Ok(None),
        Err(error) => bail!("{error}"),
    }
}

/// Where in the flash the image begins that is executed: the active one, or the one on trial.
#[must_use]
pub fn running_at(product: &Product, record: &Record) -> u32 {
    let layout = product.map.layout();
    match layout.strategy {
        Strategy::Swap => layout.slots[0].offset,
        Strategy::Ab => slot(product, record.active),
    }
}

/// Where in the flash an image is staged.
#[must_use]
pub fn staged_at(product: &Product, record: &Record) -> u32 {
    let layout = product.map.layout();
    match layout.strategy {
        // The first step is the hole that a swap begins with.
        Strategy::Swap => layout.slots[1].offset + product.map.step(),
        Strategy::Ab => slot(product, record.active.other()),
    }
}

/// Where in the flash the former image is, behind an update.
#[must_use]
pub fn former_at(product: &Product, record: &Record) -> u32 {
    let layout = product.map.layout();
    match layout.strategy {
        Strategy::Swap => layout.slots[1].offset,
        Strategy::Ab => slot(product, record.active.other()),
    }
}

fn slot(product: &Product, index: Index) -> u32 {
    product.map.area(Region::Slot(index)).offset
}

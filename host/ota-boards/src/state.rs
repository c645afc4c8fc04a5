//! What a flash says about updates, read by the code that runs on the device.

use anyhow::{Context as _, Result, bail};
use ota_bootloader::{OneFlash, OpenError, Record, Region, Updater};
use ota_image::{ENVELOPE_LEN, Envelope, SoftwareCrypto};
use ota_sim::Flash;
use rp2040_product::{BOOT, PRODUCT};

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
        let mut flash = copy(bytes);
        let record = record(&mut flash)?;
        let mut envelope = [0; ENVELOPE_LEN];
        let at = PRODUCT.map.area(Region::Bank(record.active)).offset;
        flash.read(at, &mut envelope)?;
        let verified = Envelope::parse(&envelope)
            .ok()
            .and_then(|envelope| envelope.verify_boot(&mut SoftwareCrypto, &BOOT, 0).ok());
        Ok(Self {
            record,
            version: verified.map(|manifest| manifest.version.to_string()),
        })
    }
}

fn copy(bytes: &[u8]) -> Flash {
    let mut flash = ota_emu::flash();
    flash.load(0, bytes);
    flash
}

fn record(flash: &mut Flash) -> Result<Record> {
    let storage = OneFlash::new(flash.nor::<1, 4096>(), PRODUCT.map)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("not the flash of this product")?;
    match Updater::open(&PRODUCT, storage, SoftwareCrypto) {
        Ok(updater) => Ok(updater.record()),
        Err(OpenError::NotProvisioned) => Ok(Record::unknown()),
        Err(error) => bail!("{error}"),
    }
}

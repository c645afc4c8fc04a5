//! The releases of a story, and the board at its beginning.

use anyhow::{Context as _, Result, bail};
use ota_bootloader::{OneFlash, Record, Region, Updater};
use ota_cli::package::Package;
use ota_emu::rp2040::Board;
use ota_image::SoftwareCrypto;
use ota_sim::Flash;
use rp2040_product::PRODUCT;

use super::Story;
use crate::example::Example;
use crate::firmware::Behaviour;
use crate::release::release;
use crate::rp2040::{self, Shop};

/// The order of the new release.
pub const SEQUENCE: u64 = 110;
/// What stands in the settings region: not the firmware's business, and still there at the end.
const SETTINGS: &[u8] = b"name=thermometer 7; offset=-3";

/// What a story begins with.
pub struct Stage {
    /// Which story.
    pub story: Story,
    /// The release that is installed.
    pub old: Package,
    /// The one that is offered.
    pub new: Package,
    /// The board, never switched on.
    pub board: Board,
}

impl Stage {
    /// Builds and signs both releases. Bootloader and settings may not be touched any more: the
    /// flash refuses it.
    ///
    /// # Errors
    /// If firmware does not build, or does not fit.
    pub fn set(story: Story) -> Result<Self> {
        let old = release(Example::Rp2040, "1.0.0", Behaviour::Healthy, 100)?;
        let behaviour = match story {
            Story::Good => Behaviour::Healthy,
            Story::Bad => Behaviour::Crash,
        };
        let new = release(Example::Rp2040, "1.1.0", behaviour, SEQUENCE)?;
        let mut board = rp2040::board(&old, "1.0.0")?;
        let regions = Example::Rp2040.map()?.regions;
        let settings = regions.settings.context("the map has no settings")?;
        board.edit_flash(|flash| {
            flash.load(settings.offset, SETTINGS);
            for area in [regions.bootloader, settings] {
                flash.protect(area.offset..area.offset + area.size);
            }
        });
        Ok(Self {
            story,
            old,
            new,
            board,
        })
    }

    /// A server that offers the new release.
    ///
    /// # Errors
    /// If there can be none.
    pub fn open_shop(&self) -> Result<Shop> {
        let shop = Shop::open()?;
        shop.publish(self.new.as_bytes())?;
        Ok(shop)
    }

    /// Which of the two images is in slot 0, byte for byte.
    ///
    /// # Errors
    /// If none of them is.
    pub fn image_in(&self, flash: &Flash) -> Result<Image> {
        let slot = PRODUCT.map.area(Region::Slot(ota_bootloader::Index::Zero));
        let held = flash.bytes().get(slot.offset as usize..).unwrap_or(&[]);
        for (package, image) in [(&self.old, Image::Old), (&self.new, Image::New)] {
            if held.starts_with(package.payload()?) {
                return Ok(image);
            }
        }
        bail!("what is in slot 0 is neither of the signed images")
    }
}

/// One of the two images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    /// The one that was installed.
    Old,
    /// The one that was offered.
    New,
}

/// The newest record of the journal, read by the bootloader's own code from a copy.
///
/// # Errors
/// If there is none.
pub fn record(flash: &Flash) -> Result<Record> {
    let mut flash = flash.clone();
    let storage = OneFlash::new(flash.nor::<1, 4096>(), PRODUCT.map)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    match Updater::open(&PRODUCT, storage, SoftwareCrypto) {
        Ok(updater) => Ok(updater.record()),
        Err(error) => Err(anyhow::anyhow!("no record: {error}")),
    }
}

/// Bytes that the server was asked for since this was last called.
#[must_use]
pub fn asked(shop: &Shop) -> u64 {
    shop.heard().iter().map(|request| request.bytes).sum()
}

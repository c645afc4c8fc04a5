//! The releases of a story, and the board at its beginning.

use anyhow::{Context as _, Result, bail};
use ota_bootloader::Record;
use ota_cli::package::Package;
use ota_emu::Board;
use ota_sim::Flash;

use super::Story;
use crate::bench::{self, Bench};
use crate::calls;
use crate::firmware::{self, Behaviour};
use crate::release::release;
use crate::server::Shop;
use crate::state;

/// The order of the new release.
pub const SEQUENCE: u64 = 110;
/// What stands in the settings region: not the firmware's business, and still there at the end.
const SETTINGS: &[u8] = b"name=thermometer 7; offset=-3";

/// What a story begins with.
pub struct Stage<B: Bench> {
    /// Which story.
    pub story: Story,
    /// The release that is installed.
    pub old: Package,
    /// The one that is offered.
    pub new: Package,
    /// The board, never switched on.
    pub board: Board<B::Chip>,
    /// A server that offers the new release.
    pub shop: Shop<B>,
}

impl<B: Bench> Stage<B> {
    /// Builds and signs both releases. Bootloader and settings may not be touched any more: the
    /// flash refuses it.
    ///
    /// # Errors
    /// If firmware does not build, or does not fit.
    pub fn set(story: Story) -> Result<Self> {
        let old = release(B::EXAMPLE, "1.0.0", Behaviour::Healthy, 100)?;
        let behaviour = match story {
            Story::Good => Behaviour::Healthy,
            Story::Bad => Behaviour::Crash,
        };
        let new = release(B::EXAMPLE, "1.1.0", behaviour, SEQUENCE)?;
        let mut board = bench::board::<B>(&old, "1.0.0")?;
        let elf = firmware::app(B::EXAMPLE, "1.1.0", behaviour)?;
        calls::share::<B>(&mut board, &elf)?;
        let regions = B::EXAMPLE.map()?.regions;
        let settings = regions.settings.context("the map has no settings")?;
        board.edit_flash(|flash| {
            flash.load(settings.offset, SETTINGS);
            for area in [regions.bootloader, settings] {
                flash.protect(area.offset..area.offset + area.size);
            }
        });
        let shop = Shop::open()?;
        shop.publish(new.as_bytes())?;
        Ok(Self {
            story,
            old,
            new,
            board,
            shop,
        })
    }

    /// Which of the two images is in the slot that is executed, byte for byte.
    ///
    /// # Errors
    /// If none of them is.
    pub fn image_in(&self, flash: &Flash, record: &Record) -> Result<Image> {
        let start = state::running_at(B::EXAMPLE.product(), record);
        let held = flash.bytes().get(start as usize..).unwrap_or(&[]);
        for (package, image) in [(&self.old, Image::Old), (&self.new, Image::New)] {
            if held.starts_with(package.payload()?) {
                return Ok(image);
            }
        }
        bail!("what is in the slot is neither of the signed images")
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
pub fn record<B: Bench>(flash: &Flash) -> Result<Record> {
    let record = state::record(B::EXAMPLE, &mut flash.clone())?;
    record.context("there is no record")
}

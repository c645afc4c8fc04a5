//! An example on the board that it is made for, whichever that is.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use ota_cli::flash::FlashImage;
use ota_cli::package::Package;
use ota_emu::{Board, Calls, Chip, Exit};
use ota_esp32c3::memory::Loader;
use ota_sim::Flash;

use crate::calls;
use crate::example::Example;
use crate::firmware::{self, Behaviour};
use crate::server::Link;
use crate::state::State;

/// One of the examples, its board, and how that reaches its server.
pub trait Bench: Sized + 'static {
    /// The chip on the board.
    type Chip: Chip + Send + Sync;
    /// What leads from the board to a server.
    type Link: Link;
    /// The example.
    const EXAMPLE: Example;
    /// What the board is called, with its article.
    const BOARD: &'static str;
    /// How a new board gets its first firmware.
    const FACTORY: &'static str;
    /// Flash operations of the example's update in which stories have the power cut: one in the
    /// first window of its download, and two in later ones.
    const IN_DOWNLOAD: [u64; 3];
    /// One in its swap, counted from where that begins; none if nothing is swapped.
    const IN_SWAP: Option<u64>;

    /// A blank flash of the board.
    fn blank() -> Flash;

    /// A flash that was written as the README of the example says: from its beginning on, if
    /// nothing else is said here.
    ///
    /// # Errors
    /// If the image is not for this chip.
    fn write(image: &FlashImage) -> Result<Flash> {
        let mut flash = Self::blank();
        flash.load(0, image.as_bytes());
        Ok(flash)
    }

    /// Calls that boards of this kind share, in this process.
    fn calls() -> &'static Arc<Calls<Self::Chip>>;

    /// Plugs a board in.
    fn connect(link: &Self::Link, board: &mut Board<Self::Chip>);
}

/// A new board: bootloader and release written to its flash as `ota image` puts them together. The
/// logs of this version of the application are decoded.
///
/// # Errors
/// If firmware does not build, or does not fit.
pub fn board<B: Bench>(package: &Package, version: &str) -> Result<Board<B::Chip>> {
    let map = B::EXAMPLE.map()?;
    let elf = firmware::bootloader(B::EXAMPLE)?;
    let bootloader = B::EXAMPLE.native(elf.clone(), Loader::MaskRom)?;
    let image = FlashImage::build(&map, package, Some(&bootloader))?;
    let mut board = Board::new(B::write(&image)?);
    calls::share::<B>(&mut board, &elf)?;
    knows::<B>(&mut board, version, Behaviour::Healthy)?;
    calls::check::<B>()?;
    Ok(board)
}

/// Lets the board's logs be read while this application runs.
///
/// # Errors
/// If it does not build.
pub fn knows<B: Bench>(
    board: &mut Board<B::Chip>,
    version: &str,
    behaviour: Behaviour,
) -> Result<()> {
    let elf = firmware::app(B::EXAMPLE, version, behaviour)?;
    calls::share::<B>(board, &elf)?;
    board.load_defmt(&elf)
}

/// Runs through resets until `text` is logged.
///
/// # Errors
/// If it is not within `limit` instructions: with everything that was.
pub fn until<C: Chip>(board: &mut Board<C>, text: &str, limit: u64) -> Result<()> {
    match board.run_until(text, limit) {
        Exit::Seen => Ok(()),
        exit => Err(anyhow!(
            "{text:?} was not logged, the run ended with {exit:?}:\n{}",
            log(board)
        )),
    }
}

/// Everything that was logged, a line each.
#[must_use]
pub fn log<C: Chip>(board: &Board<C>) -> String {
    let lines = board.logs().iter().map(|line| format!("{line}\n"));
    lines.collect()
}

/// What the board's flash says about updates.
///
/// # Errors
/// None, as long as it is this product's.
pub fn state<B: Bench>(board: &Board<B::Chip>) -> Result<State> {
    State::read(B::EXAMPLE, board.flash().clone())
}

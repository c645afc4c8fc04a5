//! A NUCLEO-L476RG with the example firmware, and a server at the other end of its serial line.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow};
use ota_cli::files::{self, Access, Existing};
use ota_cli::flash::FlashImage;
use ota_cli::input::Firmware;
use ota_cli::package::Package;
use ota_cli::server::serial::{self, Request};
use ota_emu::Exit;
use ota_emu::stm32::{self, Board};
use tempfile::TempDir;

use crate::example::Example;
use crate::firmware::{self, Behaviour};
use crate::state::State;

/// A folder of releases, served by `ota serve --serial` in this process.
pub struct Cable {
    folder: TempDir,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Cable {
    /// With nothing to serve yet.
    ///
    /// # Errors
    /// If no folder can be made.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        Ok(Self {
            folder,
            heard: Arc::default(),
        })
    }

    /// Puts a release where the application looks for one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn publish(&self, package: &[u8]) -> Result<()> {
        let path = self.folder.path().join("app.ota");
        files::write(&path, package, Access::Everyone, Existing::Replace)
    }

    /// The requests since this was last called.
    #[must_use]
    pub fn heard(&self) -> Vec<Request> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *heard)
    }

    /// Plugs a board in. The server ends with the board.
    pub fn plug_in(&self, board: &mut Board) -> JoinHandle<Result<()>> {
        let line = board.attach_serial();
        let folder: PathBuf = self.folder.path().into();
        let ears = Arc::clone(&self.heard);
        let observer = move |request: &Request| {
            let mut heard = ears.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(request.clone());
        };
        std::thread::spawn(move || serial::serve(line, &folder, &AtomicBool::new(false), observer))
    }
}

/// A new board: bootloader and release written to its flash as `ota image` puts them together. The
/// logs of this version of the application are decoded.
///
/// # Errors
/// If firmware does not build, or does not fit.
pub fn board(package: &Package, version: &str) -> Result<Board> {
    let map = Example::Stm32.map()?;
    let bootloader = Firmware::parse(firmware::bootloader(Example::Stm32)?)?;
    let bootloader = bootloader.at(map.flash.base)?;
    let image = FlashImage::build(&map, package, Some(&bootloader.bytes))?;
    let mut flash = stm32::flash();
    flash.load(0, image.as_bytes());
    let mut board = Board::new(flash);
    knows(&mut board, version, Behaviour::Healthy)?;
    Ok(board)
}

/// Lets the board's logs be read while this application runs.
///
/// # Errors
/// If it does not build.
pub fn knows(board: &mut Board, version: &str, behaviour: Behaviour) -> Result<()> {
    board.load_defmt(&firmware::app(Example::Stm32, version, behaviour)?)
}

/// Runs through resets until `text` is logged.
///
/// # Errors
/// If it is not within `limit` instructions: with everything that was.
pub fn until(board: &mut Board, text: &str, limit: u64) -> Result<()> {
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
pub fn log(board: &Board) -> String {
    let lines = board.logs().iter().map(|line| format!("{line}\n"));
    lines.collect()
}

/// What the board's flash says about updates.
///
/// # Errors
/// None, as long as it is this product's.
pub fn state(board: &Board) -> Result<State> {
    State::of(Example::Stm32, board.flash().clone())
}

//! A W5500-EVB-Pico with the example firmware, and the server that it looks for updates on.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use ota_cli::files::{self, Access, Existing};
use ota_cli::flash::FlashImage;
use ota_cli::input::Firmware;
use ota_cli::output::Format;
use ota_cli::package::Package;
use ota_cli::server::{Request, Server};
use ota_emu::rp2040::Board;
use ota_emu::{Exit, Forwards};
use tempfile::TempDir;

use crate::example::Example;
use crate::firmware::{self, Behaviour};
use crate::state::State;
use crate::uf2;

/// The port that the application asks, on the host of its network.
const PORT: u16 = 8000;

/// A server for releases, in this process, that boards reach as `10.0.2.2:8000`.
pub struct Shop {
    folder: TempDir,
    server: Server,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Shop {
    /// Opens it, with nothing in it.
    ///
    /// # Errors
    /// If no port of the loopback interface can be listened on.
    pub fn open() -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let observer = Arc::new(move |request: &Request| {
            let mut heard = ears.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(request.clone());
        });
        let server = Server::start(folder.path(), ([127, 0, 0, 1], 0).into(), observer)?;
        Ok(Self {
            folder,
            server,
            heard,
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

    /// The parts of the release that were asked for since requests were last heard, each once
    /// for each request.
    ///
    /// # Errors
    /// If a request was for something else.
    pub fn asked(&self) -> Result<Vec<Range<u32>>> {
        let part = |request: Request| {
            let range = request.range.as_deref();
            let numbers = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
            let (first, last) = numbers.with_context(|| format!("{request:?}: not a range"))?;
            Ok(first.parse()?..last.parse::<u32>()? + 1)
        };
        self.heard().into_iter().map(part).collect()
    }

    /// Where ports of the boards' network lead.
    #[must_use]
    pub fn forwards(&self) -> Forwards {
        Forwards::from([(PORT, self.server.address().port())])
    }

    /// Plugs a board in.
    pub fn plug_in(&self, board: &mut Board) {
        board.attach_network(self.forwards());
    }
}

/// A new board: bootloader and release written to its flash by the UF2 file that `ota image`
/// makes of them. The logs of this version of the application are decoded.
///
/// # Errors
/// If firmware does not build, or does not fit.
pub fn board(package: &Package, version: &str) -> Result<Board> {
    let bootloader = Firmware::parse(firmware::bootloader(Example::Rp2040)?)?;
    let map = Example::Rp2040.map()?;
    let bootloader = bootloader.at(map.flash.base)?;
    let image = FlashImage::build(&map, package, Some(&bootloader.bytes))?;
    let mut flash = ota_emu::rp2040::flash();
    uf2::copy(&Format::Uf2.encode(&image)?, map.flash.base, &mut flash)?;
    let mut board = Board::new(flash);
    knows(&mut board, version, Behaviour::Healthy)?;
    Ok(board)
}

/// Lets the board's logs be read while this application runs.
///
/// # Errors
/// If it does not build.
pub fn knows(board: &mut Board, version: &str, behaviour: Behaviour) -> Result<()> {
    board.load_defmt(&firmware::app(Example::Rp2040, version, behaviour)?)
}

/// Runs through resets until `text` is logged.
///
/// # Errors
/// If it is not within `limit` instructions: with everything that was.
pub fn until(board: &mut Board, text: &str, limit: u64) -> Result<()> {
    match board.run_until(text, limit) {
        Exit::Seen => Ok(()),
        exit => Err(anyhow::anyhow!(
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
    State::read(board.flash().bytes())
}

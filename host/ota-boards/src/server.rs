//! The server that boards look for updates on, and what leads to it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use ota_cli::files::{self, Access, Existing};
use ota_cli::server::{self, serial};
use ota_emu::{Board, Forwards, SerialLine};
use tempfile::TempDir;

use crate::bench::Bench;

/// The port that applications ask, on the host of their network.
const PORT: u16 = 8000;

/// A request for a part of the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What was asked for; none: something else.
    pub part: Option<Range<u32>>,
    /// The bytes that were sent.
    pub bytes: u64,
}

/// Who hears of each request.
#[derive(Debug, Clone, Default)]
pub struct Ears(Arc<Mutex<Vec<Request>>>);

impl Ears {
    fn hear(&self, request: Request) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(request);
    }

    fn take(&self) -> Vec<Request> {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *heard)
    }
}

/// What leads from boards to a server in this process.
pub trait Link: Sized + Send + Sync {
    /// Serves a folder.
    ///
    /// # Errors
    /// If there can be no such server.
    fn open(folder: &Path, ears: Ears) -> Result<Self>;
}

/// A folder of releases, served as `ota serve` does, to the boards of one kind.
pub struct Shop<B: Bench> {
    folder: Arc<TempDir>,
    ears: Ears,
    link: B::Link,
}

impl<B: Bench> Shop<B> {
    /// Opens it, with nothing in it.
    ///
    /// # Errors
    /// If there can be no folder or no server.
    pub fn open() -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        Self::over(Arc::new(folder))
    }

    /// Another one over the same folder, with ears of its own.
    ///
    /// # Errors
    /// If there can be no server.
    pub fn open_another(&self) -> Result<Self> {
        Self::over(Arc::clone(&self.folder))
    }

    fn over(folder: Arc<TempDir>) -> Result<Self> {
        let ears = Ears::default();
        Ok(Self {
            link: Link::open(folder.path(), ears.clone())?,
            folder,
            ears,
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

    /// Plugs a board in.
    pub fn plug_in(&self, board: &mut Board<B::Chip>) {
        B::connect(&self.link, board);
    }

    /// The parts of the release that were asked for since requests were last heard; those that
    /// follow each other as one.
    ///
    /// # Errors
    /// If a request was for something else.
    pub fn asked(&self) -> Result<Vec<Range<u32>>> {
        let mut asked: Vec<Range<u32>> = Vec::new();
        for request in self.ears.take() {
            let part = request.part.context("it was not asked for a part")?;
            match asked.last_mut().filter(|last| last.end == part.start) {
                Some(last) => last.end = part.end,
                None => asked.push(part),
            }
        }
        Ok(asked)
    }

    /// Bytes that were sent since requests were last heard.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.ears.take().iter().map(|request| request.bytes).sum()
    }
}

/// A port of the loopback interface, that boards with Ethernet reach as `10.0.2.2:8000`.
pub struct Http(server::Server);

impl Link for Http {
    fn open(folder: &Path, ears: Ears) -> Result<Self> {
        let observer = Arc::new(move |request: &server::Request| {
            ears.hear(Request {
                part: request.range.as_deref().and_then(part),
                bytes: request.bytes,
            });
        });
        let any = ([127, 0, 0, 1], 0).into();
        Ok(Self(server::Server::start(folder, any, observer)?))
    }
}

impl Http {
    /// Where ports of the boards' network lead.
    #[must_use]
    pub fn forwards(&self) -> Forwards {
        Forwards::from([(PORT, self.0.address().port())])
    }
}

/// What a `Range` header says.
fn part(range: &str) -> Option<Range<u32>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<u32>().ok()? + 1)
}

/// A serial line to each board, with `ota serve --serial` at its end.
pub struct Cable {
    folder: PathBuf,
    ears: Ears,
}

impl Link for Cable {
    fn open(folder: &Path, ears: Ears) -> Result<Self> {
        let folder = folder.to_owned();
        Ok(Self { folder, ears })
    }
}

impl Cable {
    /// Serves the end of a line, until the board is gone.
    pub fn serve(&self, line: SerialLine) {
        let (folder, ears) = (self.folder.clone(), self.ears.clone());
        let observer = move |request: &serial::Request| {
            let bytes = request.answer.unwrap_or(0);
            let length = u32::try_from(bytes).unwrap_or(u32::MAX);
            ears.hear(Request {
                part: Some(request.offset..request.offset.saturating_add(length)),
                bytes: bytes as u64,
            });
        };
        // It ends with the line; a folder that is gone then is no loss.
        std::thread::spawn(move || serial::serve(line, &folder, &AtomicBool::new(false), observer));
    }
}

//! The same folder at the end of a cable: `ota-serial` on a port.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use hyper::StatusCode;
use ota_serial::{Deframer, MAX_REQUEST, Problem, Shelf};
use serialport::{ClearBuffer, SerialPort};
use sha2::{Digest as _, Sha256};

use super::resolve;

/// How long a read waits; how soon a server notices that it is to stop.
const TIMEOUT: Duration = Duration::from_millis(100);
/// The most that one answer carries, in bytes.
const BLOCK: usize = 4096;

/// What was asked for and answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The name of the file.
    pub name: String,
    /// The first byte.
    pub offset: u32,
    /// How many bytes are sent; or why none.
    pub answer: Result<usize, Problem>,
}

/// Opens a port for [`serve`].
///
/// # Errors
/// If there is no such port, or somebody else has it.
pub fn open(path: &str, baud: u32) -> Result<Box<dyn SerialPort>> {
    let port = serialport::new(path, baud).timeout(TIMEOUT).open();
    let port = port.with_context(|| format!("cannot open {path}"))?;
    // Requests that nobody answered in time are not answered now.
    port.clear(ClearBuffer::Input)
        .with_context(|| format!("cannot clear {path}"))?;
    Ok(port)
}

/// Answers requests until `stop` is set, or the line ends. Reads of the line should time out now
/// and then: `stop` is looked at when they do.
///
/// # Errors
/// If the folder is not there, or the line fails: the device was unplugged, say.
pub fn serve(
    mut line: impl Read + Write,
    root: &Path,
    stop: &AtomicBool,
    observer: impl FnMut(&Request),
) -> Result<()> {
    let root = root
        .canonicalize()
        .with_context(|| format!("cannot serve {}", root.display()))?;
    let mut folder = Folder { root, observer };
    let mut deframer = Deframer::new();
    let mut message = [0; MAX_REQUEST + ota_serial::FRAME_OVERHEAD];
    let mut some = [0; 256];
    while !stop.load(Ordering::Relaxed) {
        let count = match line.read(&mut some) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if is_passing(&error) => continue,
            Err(error) => return Err(error).context("cannot read from the serial line"),
        };
        for byte in &some[..count] {
            if let Some(length) = deframer.push(*byte, &mut message) {
                answer(&mut line, &message[..length], &mut folder)
                    .context("cannot write to the serial line")?;
            }
        }
    }
    Ok(())
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted
    )
}

fn answer(line: &mut impl Write, message: &[u8], shelf: &mut impl Shelf) -> io::Result<()> {
    let mut block = [0; BLOCK];
    let mut out = [0; ota_serial::frame_length(ota_serial::DATA_OVERHEAD + BLOCK)];
    let length = ota_serial::respond(message, shelf, &mut block, &mut out)
        .map_err(|_| io::Error::other("an answer has no room"))?;
    line.write_all(&out[..length])?;
    line.flush()
}

/// The files of a folder, and who hears of each request.
struct Folder<O> {
    root: PathBuf,
    observer: O,
}

impl<O: FnMut(&Request)> Folder<O> {
    fn tell<T>(&mut self, name: &str, offset: u32, length: usize, result: Result<T, Problem>) {
        (self.observer)(&Request {
            name: name.to_owned(),
            offset,
            answer: result.map(|_| length),
        });
    }

    fn open(&self, name: &str) -> Result<File, Problem> {
        resolve::open(&self.root, name).map_err(|status| match status {
            StatusCode::INTERNAL_SERVER_ERROR => Problem::Unavailable,
            _ => Problem::NotFound,
        })
    }

    fn look_up(&self, name: &str) -> Result<ota_serial::File, Problem> {
        let file = self.open(name)?;
        describe(&file).map_err(|_| Problem::Unavailable)
    }

    fn fill(&self, name: &str, offset: u32, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = self
            .open(name)
            .map_err(|_| io::Error::from(ErrorKind::NotFound))?;
        file.seek(SeekFrom::Start(offset.into()))?;
        file.read_exact(buffer)
    }
}

impl<O: FnMut(&Request)> Shelf for Folder<O> {
    fn find(&mut self, name: &str) -> Result<ota_serial::File, Problem> {
        self.look_up(name)
            .inspect_err(|problem| self.tell(name, 0, 0, Err::<(), _>(*problem)))
    }

    fn read(&mut self, name: &str, offset: u32, buffer: &mut [u8]) -> Result<(), Problem> {
        let result = self
            .fill(name, offset, buffer)
            .map_err(|_| Problem::Unavailable);
        self.tell(name, offset, buffer.len(), result);
        result
    }
}

/// The tag is made of length and time of change: replacing the file changes it.
fn describe(file: &File) -> Result<ota_serial::File> {
    let metadata = file.metadata()?;
    let length = u32::try_from(metadata.len()).context("no package is that long")?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
    let mut digest = Sha256::new();
    digest.update(length.to_le_bytes());
    digest.update(changed.to_le_bytes());
    #[cfg(unix)]
    digest.update(std::os::unix::fs::MetadataExt::ino(&metadata).to_le_bytes());
    let digest = digest.finalize();
    let tag = digest
        .first_chunk()
        .map_or(1, |tag| u64::from_le_bytes(*tag));
    Ok(ota_serial::File {
        tag: tag.max(1),
        length,
    })
}

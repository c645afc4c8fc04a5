//! A flash that lives in a file, so that killing the process is a power cut too.

use crate::config::Config;
use crate::error::FlashError;
use crate::flash::Flash;
use crate::power::Moving;
use crate::unit::cell;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The first line of the file beside the flash.
const CELLS_HEADER: &str = "ota-sim cells 1";

/// The open file, and the path of the one beside it that remembers torn cells.
#[derive(Debug)]
pub(crate) struct Backing {
    file: File,
    cells: PathBuf,
}

impl Flash {
    /// A flash whose contents are the file at `path`, byte for byte; a missing file becomes a
    /// blank flash. Opening is a power-up.
    ///
    /// Every program and erase is in the file (that is, with the operating system) before the
    /// call returns: a killed process leaves at worst the operation in flight half done. What
    /// the bytes cannot tell of words torn by a cut stands in a second file, `PATH.cells`, as
    /// long as there are any. Words that were programmed with the erased value count as erased
    /// after opening; counters, ranges, guards and armed cuts are not kept. One process at a time.
    ///
    /// # Errors
    /// If a file cannot be read or written, or its length or contents do not fit `config`.
    ///
    /// # Panics
    /// If the sizes in `config` do not fit each other.
    pub fn open_file(path: impl AsRef<Path>, config: Config) -> io::Result<Self> {
        let mut flash = Self::new(config);
        let path = path.as_ref();
        if !path.try_exists()? {
            replace(path, flash.bytes())?;
        }
        let bytes = fs::read(path)?;
        if bytes.len() != config.size as usize {
            let (have, want) = (bytes.len(), config.size);
            return Err(invalid(format!(
                "the flash file has {have} bytes, not {want}"
            )));
        }
        flash.load(0, &bytes);
        let cells = beside(path, ".cells");
        if cells.try_exists()? {
            flash
                .parse_cells(&fs::read_to_string(&cells)?)
                .ok_or_else(|| {
                    invalid(format!("{} does not describe this flash", cells.display()))
                })?;
        }
        let file = OpenOptions::new().write(true).open(path)?;
        flash.backing = Some(Backing { file, cells });
        flash.power_up();
        Ok(flash)
    }

    /// Brings the file up to date with a changed range.
    pub(crate) fn persist(&mut self, offset: u32, len: usize) -> Result<(), FlashError> {
        let pieces = self.pieces(offset, len);
        let Some(backing) = &mut self.backing else {
            return Ok(());
        };
        let write = || {
            backing.file.seek(SeekFrom::Start(u64::from(offset)))?;
            for piece in pieces {
                let unit = &self.units[piece.unit];
                backing
                    .file
                    .write_all(&unit.data[piece.at..][..piece.len])?;
            }
            Ok(())
        };
        write().map_err(|_: io::Error| FlashError::File)
    }

    /// The same for a range that a cut has torn.
    pub(crate) fn persist_torn(&mut self, offset: u32, len: usize) -> Result<(), FlashError> {
        self.persist(offset, len)?;
        self.persist_cells()
    }

    /// The same after a power-up.
    pub(crate) fn persist_moved(&mut self) -> Result<(), FlashError> {
        if self.backing.is_none() {
            return Ok(());
        }
        for index in 0..self.units.len() {
            if self.units[index].faulty {
                let at = u32::try_from(index).map_err(|_| FlashError::File)?;
                let size = self.config.erase_size;
                self.persist(at * size, size as usize)?;
            }
        }
        self.persist_cells()
    }

    /// Brings the file beside it up to date; no file if there is nothing to remember.
    pub(crate) fn persist_cells(&mut self) -> Result<(), FlashError> {
        let Some(backing) = &self.backing else {
            return Ok(());
        };
        let any = self.units.iter().any(|unit| unit.faulty);
        let done = if any {
            replace(&backing.cells, self.format_cells().as_bytes())
        } else {
            fs::remove_file(&backing.cells).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
        };
        done.map_err(|_| FlashError::File)
    }

    fn format_cells(&self) -> String {
        let mut text = format!("{CELLS_HEADER}\n");
        for (index, unit) in self
            .units
            .iter()
            .enumerate()
            .filter(|(_, unit)| unit.faulty)
        {
            let _ = writeln!(text, "unit {index} {}", hex(&unit.cells));
        }
        for Moving {
            offset,
            age,
            seed,
            later,
        } in &self.power.moving
        {
            let _ = writeln!(text, "moving {offset} {age} {seed} {}", hex(later));
        }
        text
    }

    fn parse_cells(&mut self, text: &str) -> Option<()> {
        let mut lines = text.lines();
        (lines.next()? == CELLS_HEADER).then_some(())?;
        lines.try_for_each(|line| {
            let mut fields = line.split(' ');
            match fields.next()? {
                "unit" => self.parse_unit(fields.next()?, fields.next()?),
                "moving" => {
                    let offset: u32 = fields.next()?.parse().ok()?;
                    let age = fields.next()?.parse().ok()?;
                    let seed = fields.next()?.parse().ok()?;
                    let later: Arc<[u8]> = unhex(fields.next()?)?.into();
                    let end = (offset as usize).checked_add(later.len())?;
                    (end <= self.config.size as usize).then_some(())?;
                    self.power.moving.push(Moving {
                        offset,
                        age,
                        seed,
                        later,
                    });
                    Some(())
                }
                _ => None,
            }
        })
    }

    fn parse_unit(&mut self, index: &str, flags: &str) -> Option<()> {
        let unit = Arc::make_mut(self.units.get_mut(index.parse::<usize>().ok()?)?);
        let flags = unhex(flags)?;
        (flags.len() == unit.cells.len()).then_some(())?;
        for (index, flags) in flags.into_iter().enumerate() {
            // The bytes are the newer truth about what was programmed.
            unit.mark(index, unit.cells[index] & cell::PROGRAMMED | flags);
        }
        Some(())
    }
}

/// Writes a whole file so that there is never half of one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    fs::write(&new, bytes)?;
    fs::rename(new, path)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16)?.try_into().ok())
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

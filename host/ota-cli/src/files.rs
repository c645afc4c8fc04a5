//! Files are read as far as an input can be long, and written whole or not at all.
//!
//! A file appears under its name only when all of it is on the disk: it is written beside it,
//! under a name that begins with a dot (which `ota serve` does not serve), and renamed. Where the
//! name is a link, what it leads to is written in this way, and the link stays.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tempfile::NamedTempFile;

/// The largest file that the tool reads: no firmware image comes near it.
const MAX_INPUT: u64 = 256 * 1024 * 1024;
/// The largest text file.
const MAX_TEXT: u64 = 1024 * 1024;
/// As many links in a row as the system itself follows.
const MAX_LINKS: u32 = 40;

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever the process's umask lets read it.
    Everyone,
    /// The owner alone (mode 0600).
    Owner,
}

/// What is to happen when the file is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced, in one step.
    Replace,
    /// It is left alone, and the write is an error.
    Keep,
}

/// Reads a file of at most 256 MiB, or as much from a pipe.
///
/// # Errors
/// If it cannot be read, is neither file nor pipe, or is larger.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    read_at_most(MAX_INPUT, path, "any firmware image")
}

/// Reads a text file of at most 1 MiB.
///
/// # Errors
/// As [`read`], and if it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read_at_most(MAX_TEXT, path, "any key, map or setting")?)
        .ok()
        .with_context(|| format!("{} is not a text file", path.display()))
}

/// What the length says is not believed: that of a pipe is 0, and a file may grow.
fn read_at_most(most: u64, path: &Path, what: &str) -> Result<Vec<u8>> {
    let file = File::open(path).with_context(|| cannot("read", path))?;
    let metadata = file.metadata().with_context(|| cannot("read", path))?;
    ensure!(
        !metadata.is_dir(),
        "{}: it is a folder",
        cannot("read", path)
    );
    ensure!(
        metadata.is_file() || is_pipe(&metadata),
        "{} is no file",
        path.display()
    );
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .with_context(|| cannot("read", path))?;
    ensure!(
        bytes.len() as u64 <= most,
        "{} has more than {most} bytes: more than {what}",
        path.display()
    );
    Ok(bytes)
}

/// Writes `bytes` to `path`: afterwards there is either the whole file or what was there before,
/// also if the power fails.
///
/// # Errors
/// If the folder cannot be written to, if something else than a file is there, or if a file exists
/// and is to be kept.
pub fn write(path: &Path, bytes: &[u8], access: Access, existing: Existing) -> Result<()> {
    put(path, bytes, access, existing).with_context(|| cannot("write", path))
}

fn put(path: &Path, bytes: &[u8], access: Access, existing: Existing) -> Result<()> {
    let target = match existing {
        Existing::Replace => replaceable(path)?,
        // A link that somebody left there is not followed: it is there already.
        Existing::Keep => path.to_owned(),
    };
    let folder = folder_of(&target);
    let mut file = beside(folder, access)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Replace => file.persist(&target),
        // Made so that of two writers at the same moment one is refused.
        Existing::Keep => file.persist_noclobber(&target),
    }
    .map_err(|refused| refused.error)?;
    Ok(sync_folder(folder)?)
}

/// Replaces a file that one process writes again and again: as [`write`], but it is not made sure that
/// it outlasts the power, and a process that is killed leaves at most one file beside it.
///
/// # Errors
/// If it cannot be written, or if something else than a file is there.
pub(crate) fn write_often(path: &Path, bytes: &[u8]) -> Result<()> {
    let replace = || -> Result<()> {
        let target = replaceable(path)?;
        let new = target.with_extension("new");
        std::fs::write(&new, bytes)?;
        Ok(std::fs::rename(&new, &target)?)
    };
    replace().with_context(|| cannot("write", path))
}

/// Makes what was renamed to or in a folder outlast the power.
///
/// # Errors
/// If the disk fails.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        // Elsewhere a folder is no file that can be synced.
        return Ok(());
    }
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        // It may be written to but not read, or is gone again: then there is nothing to sync.
        Err(_) => Ok(()),
    }
}

/// The folder that a path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Whether somebody else than its owner can read a file. Only where files have modes.
#[must_use]
pub fn others_can_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = std::fs::metadata(path);
        metadata
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o044 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// What a path leads to: a file, or nothing yet.
fn replaceable(path: &Path) -> Result<PathBuf> {
    let target = through_links(path)?;
    // Where nothing is known of it, writing says why.
    let is_other = std::fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file());
    ensure!(!is_other, "it is no file");
    Ok(target)
}

fn through_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let is_link = std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
        if !is_link {
            return Ok(path);
        }
        path = folder_of(&path).join(std::fs::read_link(&path)?);
    }
    Err(io::Error::other("too many links"))
}

/// A temporary file in a folder, so that it can be renamed to another in it.
fn beside(folder: &Path, access: Access) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ota-").suffix(".part");
    if let Some(permissions) = permissions(access) {
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no mode")]
fn permissions(access: Access) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(Permissions::from_mode(match access {
        Access::Everyone => 0o666,
        Access::Owner => 0o600,
    }))
}

#[cfg(not(unix))]
fn permissions(_: Access) -> Option<Permissions> {
    None
}

#[cfg(unix)]
fn is_pipe(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

fn cannot(what: &str, path: &Path) -> String {
    format!("cannot {what} {}", path.display())
}

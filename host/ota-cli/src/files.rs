//! Files are written whole or not at all.
//!
//! A file appears under its name only when all of it is on the disk: it is written beside it,
//! under a name that begins with a dot (which `ota serve` does not serve), and renamed.

use std::fs::Permissions;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

/// The largest file that the tool reads: no firmware image, key or map comes near it.
const MAX_INPUT: u64 = 256 * 1024 * 1024;

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

/// Reads a file of at most 256 MiB.
///
/// # Errors
/// If it cannot be read, is no regular file, or is larger.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path)
        .with_context(|| cannot("read", path))?
        .len();
    if size > MAX_INPUT {
        bail!(
            "{} has {size} bytes: more than any firmware image",
            path.display()
        );
    }
    std::fs::read(path).with_context(|| cannot("read", path))
}

/// Reads a text file.
///
/// # Errors
/// As [`read`], and if it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?)
        .ok()
        .with_context(|| format!("{} is not a text file", path.display()))
}

/// Writes `bytes` to `path`: afterwards there is either the whole file or what was there before.
///
/// # Errors
/// If the folder cannot be written to, or if the file exists and is to be kept.
pub fn write(path: &Path, bytes: &[u8], access: Access, existing: Existing) -> Result<()> {
    let mut file = beside(path, access).with_context(|| cannot("write", path))?;
    file.write_all(bytes)
        .with_context(|| cannot("write", path))?;
    file.as_file()
        .sync_all()
        .with_context(|| cannot("write", path))?;
    let kept = match existing {
        Existing::Replace => file.persist(path).map(drop).map_err(|e| e.error),
        // Made so that of two writers at the same moment one is refused.
        Existing::Keep => file.persist_noclobber(path).map(drop).map_err(|e| e.error),
    };
    kept.with_context(|| cannot("write", path))
}

/// A temporary file in the folder of `path`, so that it can be renamed to it.
fn beside(path: &Path, access: Access) -> std::io::Result<NamedTempFile> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
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

fn cannot(what: &str, path: &Path) -> String {
    format!("cannot {what} {}", path.display())
}

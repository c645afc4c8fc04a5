//! A virtual device: a folder with the contents of a flash and what was built into the firmware.
//!
//! What runs on it is the devices' own code: the bootloader, the updater and the download, against
//! the harsh flash of `ota-sim` and a real HTTP server. Every program and erase reaches the file
//! before the next begins, so killing the process is a power cut.

mod app;
mod behave;
mod event;
mod flash;
mod log;
mod net;
mod options;
mod run;
mod settings;
mod status;
mod traffic;
mod watch;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use ota_bootloader::Product;
use ota_sim::Flash;

pub use behave::{Behave, Behaviour, parse_cut};
pub use event::{Event, Phase};
pub use options::{Client, End, Options};
pub use run::run;
pub use settings::{Keys, Settings};
pub use status::{FailedRelease, Status};
pub use traffic::Traffic;

use crate::files::{self, Access, Existing};
use crate::flash::FlashImage;
use crate::keys::Anchors;
use crate::map::Map;
use crate::package::Package;

const FLASH: &str = "flash.bin";
const SETTINGS: &str = "device.toml";
const TRAFFIC: &str = "traffic.json";
const LOCK: &str = "lock";
/// All that a device's folder may hold: nothing else is ever removed.
const FILES: [&str; 7] = [
    FLASH,
    "flash.bin.cells",
    "flash.bin.cells.new",
    "traffic.new",
    SETTINGS,
    TRAFFIC,
    LOCK,
];

/// A virtual device.
#[derive(Debug)]
pub struct Device {
    folder: PathBuf,
    settings: Settings,
    product: Product,
    anchors: Anchors,
}

/// As long as it lives, no other process runs the device.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Device {
    /// Makes a device as a factory does: the package, which must be good for it, in the active
    /// slot. The folder appears whole or not at all; one that exists is replaced only if `replace`
    /// says so and it holds nothing but a device.
    ///
    /// # Errors
    /// If the package is not one that the device would take, or the folder cannot be written.
    pub fn create(
        folder: &Path,
        settings: &Settings,
        package: &Package,
        replace: bool,
    ) -> Result<Self> {
        settings.check(package)?;
        let image = FlashImage::build(&settings.map, package, None)?;
        if folder.exists() && !is_empty(folder) {
            ensure!(
                replace,
                "{} exists: choose another name, or --force",
                folder.display()
            );
            check_replaceable(folder)?;
        }
        let cannot = || format!("cannot write {}", folder.display());
        let parent = files::folder_of(folder);
        let new = tempfile::Builder::new()
            .prefix(".ota-")
            .tempdir_in(parent)
            .with_context(cannot)?;
        let write = |name: &str, bytes: &[u8]| {
            let path = new.path().join(name);
            files::write(&path, bytes, Access::Everyone, Existing::Keep)
        };
        write(FLASH, image.as_bytes())?;
        write(SETTINGS, settings.to_toml()?.as_bytes())?;
        make_public(new.path()).with_context(cannot)?;
        if folder.exists() {
            clear(folder).with_context(cannot)?;
        }
        fs::rename(new.path(), folder).with_context(cannot)?;
        files::sync_folder(parent).with_context(cannot)?;
        // It has another name now: there is nothing to remove.
        let _ = new.keep();
        Self::open(folder)
    }

    /// Opens a device's folder.
    ///
    /// # Errors
    /// If it is none.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(SETTINGS);
        ensure!(
            path.is_file(),
            "{} is no device: make one with `ota device new`",
            folder.display()
        );
        let settings = Settings::parse(&files::read_text(&path)?)
            .with_context(|| path.display().to_string())?;
        Ok(Self {
            product: settings.product()?,
            anchors: settings.anchors()?,
            folder: folder.to_owned(),
            settings,
        })
    }

    /// Keeps other processes from running the device.
    ///
    /// # Errors
    /// If one does already.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.folder.join(LOCK);
        let cannot = || format!("cannot write {}", path.display());
        let file = File::create(&path).with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                bail!("{} is running in another process", self.folder.display())
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
        }
    }

    /// Powers the flash up.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn power_up(&self) -> Result<Flash> {
        flash::open(&self.folder.join(FLASH), &self.settings.map)
    }

    /// The flash as it would be after the next power-up: a copy, so that looking changes nothing.
    fn snapshot(&self) -> Result<Flash> {
        let copy = tempfile::tempdir().context("no temporary folder")?;
        for name in [FLASH, "flash.bin.cells"] {
            let from = self.folder.join(name);
            if from.exists() {
                fs::copy(&from, copy.path().join(name))
                    .with_context(|| format!("cannot read {}", from.display()))?;
            }
        }
        flash::open(&copy.path().join(FLASH), &self.settings.map)
    }

    /// What the device is in.
    ///
    /// # Errors
    /// If its files cannot be read.
    pub fn status(&self) -> Result<Status> {
        let mut flash = self.snapshot()?;
        Status::read(self, &mut flash)
    }

    /// The contents of the flash, from its first byte.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn flash_bytes(&self) -> Result<Vec<u8>> {
        files::read(&self.folder.join(FLASH))
    }

    /// What was asked of servers so far.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn traffic(&self) -> Result<Traffic> {
        Traffic::load(&self.folder.join(TRAFFIC))
    }

    fn save_traffic(&self, traffic: &Traffic) -> Result<()> {
        traffic.save(&self.folder.join(TRAFFIC))
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.settings.map
    }

    /// What was built into its firmware.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

fn is_empty(folder: &Path) -> bool {
    folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_none())
}

/// `--force` replaces devices, and nothing else.
fn check_replaceable(folder: &Path) -> Result<()> {
    let entries = folder
        .read_dir()
        .with_context(|| format!("cannot replace {}", folder.display()))?;
    for entry in entries {
        let name = entry?.file_name();
        ensure!(
            FILES.iter().any(|known| name == *known),
            "{} holds {}, which is no part of a device: it is not replaced",
            folder.display(),
            name.display()
        );
    }
    Device::open(folder)?.lock().map(drop)
}

fn clear(folder: &Path) -> std::io::Result<()> {
    for name in FILES {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(folder)
}

/// Temporary folders are for their owner alone; this one is to stay.
#[cfg(unix)]
fn make_public(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no mode")]
fn make_public(_: &Path) -> std::io::Result<()> {
    Ok(())
}

//! Builds the example firmware: with its own profile, lock file and settings, and no flags of ours.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};

const TARGET: &str = "thumbv6m-none-eabi";
pub(crate) const APP: &str = "rp2040-app";
pub(crate) const BOOTLOADER: &str = "rp2040-bootloader";
/// What an environment may hold that would make it another firmware: settings of the example, and
/// cargo's own. Variables that begin with one of [`NOT_OURS_EITHER`] are others.
const NOT_OURS: [&str; 11] = [
    "APP_BEHAVE",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CHECK_INTERVAL_S",
    "DEFMT_LOG",
    "FIRMWARE_VERSION",
    "HEALTH_WINDOW_S",
    "OTA_ADDRESS",
    "OTA_GATEWAY",
    "OTA_URL",
    "RUSTFLAGS",
];
const NOT_OURS_EITHER: [&str; 3] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"];

/// How an application is to behave: see `examples/rp2040/app`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// As it should.
    Healthy,
    /// Panics at its start.
    Crash,
    /// Stops at its start.
    Hang,
    /// Never reaches its server.
    Offline,
}

impl Behaviour {
    const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Offline => "offline",
        }
    }
}

/// The ELF file of the bootloader.
///
/// # Errors
/// If cargo does not build it.
pub fn bootloader() -> Result<Vec<u8>> {
    static BUILT: OnceLock<Mutex<Option<Vec<u8>>>> = OnceLock::new();
    let built = BUILT.get_or_init(Mutex::default);
    let mut built = built.lock().unwrap_or_else(PoisonError::into_inner);
    if built.is_none() {
        *built = Some(build("bootloader", BOOTLOADER, &[])?);
    }
    Ok(built.clone().unwrap_or_default())
}

/// What the example's README calls variables of the build.
pub(crate) const fn settings(version: &str, behaviour: Behaviour) -> [(&str, &str); 2] {
    [
        ("FIRMWARE_VERSION", version),
        ("APP_BEHAVE", behaviour.name()),
    ]
}

/// The ELF file of the application in this version, that behaves like this. Built once in a
/// process.
///
/// # Errors
/// If cargo does not build it.
pub fn app(version: &str, behaviour: Behaviour) -> Result<Vec<u8>> {
    type Built = Mutex<HashMap<(String, Behaviour), Vec<u8>>>;
    static BUILT: OnceLock<Built> = OnceLock::new();
    let built = BUILT.get_or_init(Mutex::default);
    let mut built = built.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (version.to_owned(), behaviour);
    if let Some(elf) = built.get(&key) {
        return Ok(elf.clone());
    }
    let elf = build("app", APP, &settings(version, behaviour))?;
    built.insert(key, elf.clone());
    Ok(elf)
}

/// One after another, also of several processes: all builds have the same name.
fn build(folder: &str, name: &str, settings: &[(&str, &str)]) -> Result<Vec<u8>> {
    let _lock = lock()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = command(cargo, settings)
        .args(["build", "--release", "--quiet", "--locked"])
        .current_dir(crate::root().join("examples/rp2040").join(folder))
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "examples/rp2040/{folder} does not build (is the target there? rustup target add \
             {TARGET}):\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    built(name)
}

/// What was built last under this name.
pub(crate) fn built(name: &str) -> Result<Vec<u8>> {
    let elf = target_folder().join(TARGET).join("release").join(name);
    fs::read(&elf).with_context(|| format!("cannot read {}", elf.display()))
}

/// Nobody else builds until it is dropped.
pub(crate) fn lock() -> Result<File> {
    let target = target_folder();
    fs::create_dir_all(&target).with_context(|| format!("cannot write {}", target.display()))?;
    let lock = File::create(target.join("lock")).context("cannot make a lock file")?;
    lock.lock().context("cannot lock the build")?;
    Ok(lock)
}

/// Where the firmware is built, apart from what a person builds.
fn target_folder() -> PathBuf {
    crate::root().join("target/boards")
}

/// A command whose environment has these settings for the build, and no others.
pub(crate) fn command(program: impl AsRef<OsStr>, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        let begins = |start: &&str| name.starts_with(start);
        if NOT_OURS.contains(&&*name) || NOT_OURS_EITHER.iter().any(begins) {
            command.env_remove(&variable);
        }
    }
    command
        .env("CARGO_TARGET_DIR", target_folder())
        .envs(settings.iter().copied());
    command
}

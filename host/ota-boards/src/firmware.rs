//! Builds the example firmware: with its own profile, lock file and settings, and no flags of ours.

use std::collections::hash_map::{Entry, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::hash::Hash;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};

use crate::example::Example;

/// The parts of an example: folders, and ends of names.
pub(crate) const APP: &str = "app";
pub(crate) const BOOTLOADER: &str = "bootloader";
/// What an environment may hold that would make it another firmware: settings of the example, and
/// cargo's own. Variables that begin with one of [`NOT_OURS_EITHER`] are others.
const NOT_OURS: [&str; 13] = [
    "APP_BEHAVE",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CHECK_INTERVAL_S",
    "DEFMT_LOG",
    "FIRMWARE_VERSION",
    "HEALTH_WINDOW_S",
    "OTA_ADDRESS",
    "OTA_BAUD",
    "OTA_FILE",
    "OTA_GATEWAY",
    "OTA_URL",
    "RUSTFLAGS",
];
const NOT_OURS_EITHER: [&str; 3] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"];

/// How an application is to behave: see the README of any in `examples`.
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

/// What was built in this process.
type Built<K> = OnceLock<Mutex<HashMap<K, Vec<u8>>>>;

/// The ELF file of the bootloader. Built once in a process.
///
/// # Errors
/// If cargo does not build it.
pub fn bootloader(example: Example) -> Result<Vec<u8>> {
    static BUILT: Built<Example> = OnceLock::new();
    once(&BUILT, example, || build(example, BOOTLOADER, &[]))
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
pub fn app(example: Example, version: &str, behaviour: Behaviour) -> Result<Vec<u8>> {
    static BUILT: Built<(Example, String, Behaviour)> = OnceLock::new();
    once(&BUILT, (example, version.to_owned(), behaviour), || {
        build(example, APP, &settings(version, behaviour))
    })
}

fn once<K: Eq + Hash>(
    built: &'static Built<K>,
    key: K,
    build: impl FnOnce() -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let built = built.get_or_init(Mutex::default);
    let mut built = built.lock().unwrap_or_else(PoisonError::into_inner);
    match built.entry(key) {
        Entry::Occupied(entry) => Ok(entry.get().clone()),
        Entry::Vacant(entry) => Ok(entry.insert(build()?).clone()),
    }
}

/// One after another, also of several processes: all builds have the same name.
fn build(example: Example, part: &str, settings: &[(&str, &str)]) -> Result<Vec<u8>> {
    let _lock = lock()?;
    ota_targets::ensure(&[example.target()], &crate::root())?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = command(cargo, settings)
        .args(["build", "--release", "--quiet", "--locked"])
        .args(
            example
                .feature(part)
                .map(|name| format!("--features={name}")),
        )
        .current_dir(example.folder().join(part))
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "examples/{}/{part} does not build:\n{}",
            example.name(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    built(example, part)
}

/// What was built last of this part.
pub(crate) fn built(example: Example, part: &str) -> Result<Vec<u8>> {
    let folder = target_folder().join(example.target()).join("release");
    let elf = folder.join(format!("{}-{part}", example.name()));
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

/// Where the firmware is built, apart from what a person builds; `.ci/run` builds it there, too.
fn target_folder() -> PathBuf {
    crate::root().join("target/firmware")
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

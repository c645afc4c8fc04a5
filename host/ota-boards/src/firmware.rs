//! Builds the example firmware: with its own profile, lock file and settings, and no flags of ours.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};

const TARGET: &str = "thumbv6m-none-eabi";
/// What an environment may hold that would make it another firmware.
const NOT_OURS: [&str; 11] = [
    "APP_BEHAVE",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CHECK_INTERVAL_S",
    "DEFMT_LOG",
    "FIRMWARE_VERSION",
    "HEALTH_WINDOW_S",
    "OTA_ADDRESS",
    "OTA_GATEWAY",
    "OTA_URL",
    "RUSTFLAGS",
];

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
        *built = Some(build("bootloader", "rp2040-bootloader", &[])?);
    }
    Ok(built.clone().unwrap_or_default())
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
    let settings = [
        ("FIRMWARE_VERSION", version),
        ("APP_BEHAVE", behaviour.name()),
    ];
    let elf = build("app", "rp2040-app", &settings)?;
    built.insert(key, elf.clone());
    Ok(elf)
}

/// One after another, also of several processes: all builds have the same name.
fn build(folder: &str, name: &str, settings: &[(&str, &str)]) -> Result<Vec<u8>> {
    let root = crate::root();
    let target = root.join("target/boards");
    fs::create_dir_all(&target).with_context(|| format!("cannot write {}", target.display()))?;
    let lock = File::create(target.join("lock")).context("cannot make a lock file")?;
    lock.lock().context("cannot lock the build")?;

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--quiet", "--locked"])
        .current_dir(root.join("examples/rp2040").join(folder))
        .env("CARGO_TARGET_DIR", &target);
    for variable in NOT_OURS {
        command.env_remove(variable);
    }
    let output = command
        .envs(settings.iter().copied())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "examples/rp2040/{folder} does not build (is the target there? rustup target add \
             {TARGET}):\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let elf = target.join(TARGET).join("release").join(name);
    fs::read(&elf).with_context(|| format!("cannot read {}", elf.display()))
}

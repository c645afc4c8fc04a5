//! The firmware of the story: built from the repository, for a real chip.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use ota_targets::RP2040;

use crate::files;
use crate::input::Firmware;

const APP: &str = "examples/rp2040/blink";
/// In place of the code that a real application has and a blinking LED has not.
const BALLAST_KIB: &str = "96";

/// Builds the example in this version, and reads the ELF.
pub(super) fn build(version: &str) -> Result<Firmware> {
    let root = root()?;
    let app = root.join(APP);
    ota_targets::ensure(&[RP2040], &root)?;
    let target_dir = root.join("target/demo");
    let output = Command::new(tool("CARGO", "cargo"))
        .args([
            "build",
            "--release",
            "--quiet",
            "--locked",
            "--target",
            RP2040,
        ])
        .current_dir(&app)
        .env("FIRMWARE_VERSION", version)
        .env("FIRMWARE_BALLAST_KIB", BALLAST_KIB)
        .env("CARGO_TARGET_DIR", &target_dir)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.lines().find(|line| line.starts_with("error"));
        bail!(
            "{APP} does not build: {}",
            reason.unwrap_or("see `cargo build --release` there")
        );
    }
    let elf = target_dir.join(RP2040).join("release/rp2040-blink");
    let bytes = files::read(&elf)?;
    ensure!(
        bytes.starts_with(&object::elf::ELFMAG),
        "{} is no ELF",
        elf.display()
    );
    Firmware::parse(bytes)
}

/// The repository: where cargo says that this package is, or above the current folder.
pub(super) fn root() -> Result<PathBuf> {
    let here = std::env::current_dir().context("there is no current folder")?;
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let starts = package.iter().chain([&here]);
    let mut folders = starts.flat_map(|start| start.ancestors());
    folders
        .find(|folder| folder.join(APP).join("Cargo.toml").is_file())
        .map(Path::to_owned)
        .with_context(|| format!("{APP} is not here: the demo builds it, run it in the repository"))
}

pub(super) fn tool(variable: &str, name: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| name.into())
}

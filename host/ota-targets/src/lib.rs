#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The target of firmware for the RP2040.
pub const RP2040: &str = "thumbv6m-none-eabi";
/// The target of firmware for the STM32L4 and G4.
pub const STM32: &str = "thumbv7em-none-eabihf";
/// The target of firmware for the ESP32-C3.
pub const ESP32C3: &str = "riscv32imc-unknown-none-elf";

/// What has to be done before firmware for some targets can be built.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'t> {
    /// Nothing.
    Build,
    /// These have to be installed.
    Install(Vec<&'t str>),
    /// These are missing, and there is nobody to install them.
    Stuck(Vec<&'t str>),
}

/// Decides it, from which targets are there, and whether rustup is. Rustup is asked for only if
/// something is missing: other installations of Rust do as well.
pub fn next_step<'t>(
    targets: &[&'t str],
    is_there: impl Fn(&str) -> bool,
    has_rustup: impl FnOnce() -> bool,
) -> Step<'t> {
    let missing: Vec<_> = targets
        .iter()
        .copied()
        .filter(|target| !is_there(target))
        .collect();
    match missing {
        missing if missing.is_empty() => Step::Build,
        missing if has_rustup() => Step::Install(missing),
        missing => Step::Stuck(missing),
    }
}

/// Why firmware cannot be built: what is missing, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is no rustup that could install the targets.
    Rustup(String),
    /// Rustup did not install them, and said why.
    Install(String),
    /// Rustup installed them for another Rust than the one in use.
    OtherRust(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the firmware needs ")?;
        match self {
            Self::Rustup(targets) => write!(
                f,
                "Rust's {targets}, and there is no rustup to install it: get rustup from \
                 https://rustup.rs, or the target from where your Rust comes from"
            ),
            Self::Install(targets) => write!(
                f,
                "Rust's {targets}, and rustup did not install it: see what it says, then \
                 `rustup target add {targets}`"
            ),
            Self::OtherRust(targets) => write!(
                f,
                "Rust's {targets}; rustup has installed it, but the rustc in use does not have it: \
                 put rustup's first in PATH"
            ),
        }
    }
}

impl std::error::Error for Missing {}

/// Makes sure that firmware for these targets can be built in a folder: what is missing is installed by
/// rustup, into the toolchain that is in use there, and that is said on standard error.
///
/// # Errors
/// If it is missing afterwards.
pub fn ensure(targets: &[&str], folder: &Path) -> Result<(), Missing> {
    let is_there = |target: &str| has(target, folder);
    let missing = match next_step(targets, is_there, || rustup(folder, &["--version"], true)) {
        Step::Build => return Ok(()),
        Step::Stuck(missing) => return Err(Missing::Rustup(missing.join(" "))),
        Step::Install(missing) => missing,
    };
    let names = missing.join(" ");
    // If nobody reads it, so be it.
    let _ = writeln!(
        std::io::stderr(),
        "the firmware needs a target of Rust that is not installed: rustup target add {names}"
    );
    if !rustup(folder, &[&["target", "add"], &missing[..]].concat(), false) {
        return Err(Missing::Install(names));
    }
    if missing.iter().all(|target| has(target, folder)) {
        Ok(())
    } else {
        Err(Missing::OtherRust(names))
    }
}

/// Whether the rustc in use has the standard library of a target. (If there is none, cargo will say so.)
fn has(target: &str, folder: &Path) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(folder)
        .stderr(Stdio::null())
        .output();
    output.is_ok_and(|output| {
        let libraries = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(libraries.trim()).is_dir()
    })
}

fn rustup(folder: &Path, arguments: &[&str], quiet: bool) -> bool {
    let mut command = Command::new("rustup");
    command.args(arguments).current_dir(folder);
    if quiet {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_needs_no_rustup() {
        let step = next_step(&[RP2040, STM32], |_| true, || panic!("asked for rustup"));
        assert_eq!(step, Step::Build);
        let step = next_step(&[], |_| false, || panic!("asked for rustup"));
        assert_eq!(step, Step::Build);
    }

    #[test]
    fn what_is_missing_is_installed_and_nothing_else() {
        let step = next_step(&[RP2040, STM32, ESP32C3], |target| target == STM32, || true);
        assert_eq!(step, Step::Install(vec![RP2040, ESP32C3]));
    }

    #[test]
    fn without_rustup_nothing_can_be_installed() {
        let step = next_step(&[RP2040, STM32], |target| target == RP2040, || false);
        assert_eq!(step, Step::Stuck(vec![STM32]));
    }

    #[test]
    fn targets_are_those_of_the_toolchain_file() {
        let file = include_str!("../../../rust-toolchain.toml");
        for target in [RP2040, STM32, ESP32C3] {
            assert!(file.contains(&format!("\"{target}\"")), "{target}");
        }
    }
}

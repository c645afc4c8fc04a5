//! The story on a board in software: told by the crate that has the boards.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use super::firmware::{root, tool};

/// A board that there is in software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Board {
    /// An ESP32-C3
    Esp32c3,
    /// A W5500-EVB-Pico
    Rp2040,
    /// A NUCLEO-L476RG
    Stm32,
}

/// Builds and runs the program that tells it. The boards need the tool's library, so the tool
/// cannot contain them; and the repository has to be here for the firmware anyway.
pub(super) fn run(board: Board) -> Result<ExitCode> {
    let (name, target) = match board {
        Board::Esp32c3 => ("esp32c3", ota_targets::ESP32C3),
        Board::Rp2040 => ("rp2040", ota_targets::RP2040),
        Board::Stm32 => ("stm32", ota_targets::STM32),
    };
    let root = root()?;
    // That program would notice it, too, but takes minutes to be built.
    ota_targets::ensure(&[target], &root)?;
    let status = Command::new(tool("CARGO", "cargo"))
        .args(["run", "--quiet", "--locked", "--package", "ota-boards"])
        .args(["--bin", "demo", "--", name])
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

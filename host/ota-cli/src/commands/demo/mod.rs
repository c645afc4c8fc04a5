//! `ota demo`

mod board;
mod checks;
mod firmware;
mod link;
mod making;
mod story;
mod world;

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  ota demo                   on a virtual device, under a minute
  ota demo --board rp2040    on a board in software, with the firmware of examples/rp2040 (or stm32, esp32c3)
  cargo demo                 the same, after building the tool

It builds firmware, so it needs the repository. What it needs of Rust is installed by rustup.

On the virtual device everything is real but the flash and the link: the keys, the packages, the
server, the client, the bootloader. On the board, bootloader and application are firmware, byte for
byte what runs on a W5500-EVB-Pico, and everything around them is in software: the chip, its flash,
the network. What is ticked was checked; the exit status is 1, with what differed, if anything
does.";

/// The whole story: a release from its keys to its rollback
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Tell it on a board in software, with the example firmware
    #[arg(long)]
    board: Option<board::Board>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    if let Some(board) = args.board {
        return board::run(board);
    }
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut screen = Screen::new();
    story::tell(&mut screen, folder.path())?;
    Ok(ExitCode::SUCCESS)
}

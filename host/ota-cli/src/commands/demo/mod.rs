//! `ota demo`

mod checks;
mod firmware;
mod link;
mod making;
mod screen;
mod story;
mod world;

use anyhow::{Context as _, Result};

use screen::Screen;

const EXAMPLES: &str = "\
Examples:
  ota demo        build, tell, check
  cargo demo      the same, after building the tool

Builds examples/rp2040/blink in three versions, so it needs the repository and the target
thumbv6m-none-eabi. Everything is real but the flash and the link: the firmware, the keys, the
packages, the server, the client, the bootloader. What is ticked was checked; the exit status is 1,
with what differed, if anything does.";

/// The whole story, in under a minute: a release from its keys to its rollback
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Result<()> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut screen = Screen::new();
    story::tell(&mut screen, folder.path())
}

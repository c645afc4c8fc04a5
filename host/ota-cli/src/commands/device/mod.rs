//! `ota device`

mod create;
mod report;
mod run;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use report::Report;
pub(crate) use report::{bar, line};

const EXAMPLES: &str = "\
Examples:
  ota device new dev --map rp2040 --app app-1.0.0.ota --release release.pub --boot boot.pub
  ota device run dev --url http://127.0.0.1:8080/app.ota
  ota device show dev

A device is a folder: flash.bin, which every program and erase reaches at once, and device.toml,
what was built into its firmware. Killing a run is a power cut; so is --cut, which tears.";

/// A virtual device: the real bootloader and client on a simulated flash
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(create::Args),
    Run(run::Args),
    Show(show::Args),
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::New(args) => create::run(args)?,
        Command::Run(args) => return run::run(args),
        Command::Show(args) => show::run(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

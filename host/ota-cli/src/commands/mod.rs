//! The command line.

mod demo;
pub(crate) mod device;
mod image;
mod inspect;
mod keygen;
mod pack;
mod reading;
mod serve;
mod sign;
mod verify;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Parser, Subcommand};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
The way of a release:
  ota keygen --role release --out release      one key says what may be distributed,
  ota keygen --role boot --out boot            another what may run
  ota pack app.elf --version 1.4.2 --counter 7 --vendor acme --class sensor -o app-1.4.2.ota
  ota sign app-1.4.2.ota --key release.key     best on two machines, by two people
  ota sign app-1.4.2.ota --key boot.key
  ota verify app-1.4.2.ota --release release.pub --boot boot.pub
  ota image --map rp2040 --app app-1.4.2.ota --bootloader boot.bin -o factory.uf2
  ota serve releases

A device to try it on:
  ota device new dev --map rp2040 --app app-1.0.0.ota --release release.pub --boot boot.pub
  ota device run dev --url http://127.0.0.1:8080/app-1.4.2.ota

Exit status: 0 done; 1 refused or failed, with the reason on one line; 2 wrong usage;
99 for a device whose power was cut.";

/// Keys, packages, factory images, a server and virtual devices for over-the-air updates
#[derive(Debug, Parser)]
#[command(name = "ota", version, styles = STYLES, after_help = EXAMPLES)]
#[command(max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keygen(keygen::Args),
    Pack(pack::Args),
    Sign(sign::Args),
    Inspect(inspect::Args),
    Verify(verify::Args),
    Image(image::Args),
    Serve(serve::Args),
    Device(device::Args),
    Demo(demo::Args),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// The reason why it was not done; [`one_line`] writes it for people.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Device(args) => return device::run(&args),
            Command::Demo(args) => return demo::run(&args),
            Command::Keygen(args) => keygen::run(&args)?,
            Command::Pack(args) => pack::run(&args)?,
            Command::Sign(args) => sign::run(&args)?,
            Command::Inspect(args) => inspect::run(&args)?,
            Command::Verify(args) => verify::run(&args)?,
            Command::Image(args) => image::run(&args)?,
            Command::Serve(args) => serve::run(&args)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// An error and its causes on one line, without control characters.
#[must_use]
pub fn one_line(error: &anyhow::Error) -> String {
    let words = format!("{error:#}").replace(char::is_control, " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Prints to standard output. A reader that has seen enough (`ota inspect x | head -1`) is no
/// error.
fn print(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot print")
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error; if nobody reads it, so be it.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says what somebody should know who got what was asked for.
fn warn(path: &Path, remarks: &[String]) {
    for remark in remarks {
        note(&format!("warning: {}: {remark}", path.display()));
    }
}

/// Prints a value as JSON, for programs.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

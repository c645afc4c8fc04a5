//! The `ota` tool: see `ota --help`.

use std::process::ExitCode;

use clap::Parser as _;
use ota_cli::commands::{Cli, note, one_line};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(status) => status,
        Err(error) => {
            note(&format!("error: {}", one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

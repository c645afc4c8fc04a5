//! `ota demo --board rp2040`

use std::process::ExitCode;

use ota_cli::commands::{note, one_line};
use ota_cli::screen::Screen;

fn main() -> ExitCode {
    match ota_boards::demo::tell(&mut Screen::new()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {}", one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

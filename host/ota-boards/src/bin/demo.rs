//! `ota demo --board BOARD`

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use ota_boards::demo::tell;
use ota_boards::esp32c3::Esp32c3;
use ota_boards::rp2040::Rp2040;
use ota_boards::stm32::Stm32;
use ota_cli::commands::{note, one_line};
use ota_cli::screen::Screen;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {}", one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let board = std::env::args().nth(1).context("say which board")?;
    let screen = &mut Screen::new();
    match &*board {
        "esp32c3" => tell::<Esp32c3>(screen),
        "rp2040" => tell::<Rp2040>(screen),
        "stm32" => tell::<Stm32>(screen),
        _ => bail!("there is no board {board}"),
    }
}

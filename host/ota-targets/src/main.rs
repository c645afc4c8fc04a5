//! `cargo demo`: looks for what the demo needs before it has anything built.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use ota_targets::{ESP32C3, RP2040, STM32};

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Err(missing) = ota_targets::ensure(&needed(&arguments), Path::new(ROOT)) {
        eprintln!("error: {missing}");
        return ExitCode::FAILURE;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--package", "ota-cli", "--", "demo"])
        .args(arguments)
        .current_dir(ROOT)
        .status();
    match status {
        // Killed by a signal, it has none.
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("error: cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The targets of the firmware that the demo will build. None if it will build none: what is wrong with
/// the arguments, or what they may be, is the tool's to say.
fn needed(arguments: &[OsString]) -> Vec<&'static str> {
    let arguments: Vec<_> = arguments.iter().map(|one| one.to_string_lossy()).collect();
    let board = match &arguments.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..] {
        [] => "rp2040",
        ["--board", board] => board,
        [one] => one.strip_prefix("--board=").unwrap_or_default(),
        _ => "",
    };
    match board {
        "rp2040" => vec![RP2040],
        "stm32" => vec![STM32],
        "esp32c3" => vec![ESP32C3],
        _ => vec![],
    }
}

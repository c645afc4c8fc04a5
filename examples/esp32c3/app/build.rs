//! Hands the linker its scripts, and turns the settings in the environment into constants.

use std::fmt::Display;
use std::str::FromStr;
use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // esp-hal's: from the beginning of the window, where the bootloader shows the slot.
    for argument in ["-Tlinkall.x", "-Tdefmt.x"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    fs::write(out.join("settings.rs"), settings()).expect("the settings can be written");
}

fn settings() -> String {
    let file: String = setting("OTA_FILE", "app.ota");
    let baud: u32 = setting("OTA_BAUD", "115200");
    format!(
        "pub(crate) const FILE: &str = {file:?};
pub(crate) const BAUD: u32 = {baud};
"
    )
}

/// A setting from the environment, or its default; empty is as good as absent.
fn setting<T: FromStr<Err: Display>>(name: &str, default: &str) -> T {
    println!("cargo::rerun-if-env-changed={name}");
    let given = env::var(name).unwrap_or_default();
    parse(name, if given.is_empty() { default } else { &given })
}

fn parse<T: FromStr<Err: Display>>(name: &str, text: &str) -> T {
    match text.parse() {
        Ok(value) => value,
        Err(error) => panic!("{name}: {text:?}: {error}"),
    }
}

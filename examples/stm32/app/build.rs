//! Hands the memory map to the linker, and turns the settings in the environment into constants.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let has = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let board = if has("NUCLEO_G474RE") {
        "nucleo-g474re"
    } else if has("DUAL_BANK") {
        "nucleo-l476rg-dual-bank"
    } else {
        "nucleo-l476rg"
    };
    // A `memory.x` in this folder would be found before any other.
    let memory = format!("memory/{board}.x");
    fs::copy(&memory, out.join("memory.x")).expect("the memory map can be copied");
    println!("cargo::rerun-if-changed={memory}");
    println!("cargo::rustc-link-search={}", out.display());
    for argument in ["--nmagic", "-Tlink.x", "-Tdefmt.x"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    fs::write(out.join("settings.rs"), settings()).expect("the settings can be written");
}

fn settings() -> String {
    let version: String = setting("FIRMWARE_VERSION", env!("CARGO_PKG_VERSION"));
    let interval: u32 = setting("CHECK_INTERVAL_S", "60");
    let window: u32 = setting("HEALTH_WINDOW_S", "120");
    let behaviour: String = setting("APP_BEHAVE", "healthy");

    let behaviour = match behaviour.as_str() {
        "healthy" => "Healthy",
        "crash" => "Crash",
        "hang" => "Hang",
        "offline" => "Offline",
        other => panic!("APP_BEHAVE: {other:?} is none of healthy, crash, hang, offline"),
    };
    let server = match env::var_os("CARGO_FEATURE_ETHERNET") {
        None => serial(),
        Some(_) => ethernet(),
    };
    format!(
        "pub(crate) const VERSION: &str = {version:?};
{server}pub(crate) const CHECK_INTERVAL: Duration = Duration::from_secs({interval});
pub(crate) const HEALTH_WINDOW: Duration = Duration::from_secs({window});
pub(crate) const BEHAVIOUR: Behaviour = Behaviour::{behaviour};
"
    )
}

fn serial() -> String {
    let file: String = setting("OTA_FILE", "app.ota");
    let baud: u32 = setting("OTA_BAUD", "115200");
    format!("pub(crate) const FILE: &str = {file:?};\npub(crate) const BAUD: u32 = {baud};\n")
}

fn ethernet() -> String {
    let url: String = setting("OTA_URL", "http://10.0.2.2:8000/app.ota");
    let address: String = setting("OTA_ADDRESS", "10.0.2.15/24");
    let gateway: Ipv4Addr = setting("OTA_GATEWAY", "10.0.2.2");
    let (host, bits) = address
        .split_once('/')
        .expect("OTA_ADDRESS: an address and its prefix, as in 10.0.2.15/24");
    let host: Ipv4Addr = parse("OTA_ADDRESS", host);
    let bits: u8 = parse("OTA_ADDRESS", bits);
    assert!(bits <= 32, "OTA_ADDRESS: the prefix has at most 32 bits");
    format!(
        "use core::net::Ipv4Addr;
pub(crate) const URL: &str = {url:?};
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::from_bits({});
pub(crate) const PREFIX_BITS: u8 = {bits};
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::from_bits({});
",
        host.to_bits(),
        gateway.to_bits(),
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

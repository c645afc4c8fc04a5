#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bench;
pub mod calls;
pub mod cuts;
pub mod demo;
pub mod esp32c3;
pub mod example;
pub mod firmware;
pub mod readme;
pub mod release;
pub mod rp2040;
pub mod server;
pub mod state;
pub mod stm32;
mod uf2;

use std::path::PathBuf;

/// The root of the repository.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

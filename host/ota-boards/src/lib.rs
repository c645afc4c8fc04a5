//! The firmware of `examples/rp2040`, byte for byte, on the board of `ota-emu`.
//!
//! - [`firmware`]: builds bootloader and application as their READMEs say
//! - [`release`]: packs and signs them with the test keys
//! - [`rp2040`]: a board with its flash written, its network, and a server behind it
//! - [`state`]: what a flash says about updates, read by the bootloader's own code
//!
//! Nothing but cargo and the target `thumbv6m-none-eabi` is needed.
#![forbid(unsafe_code)]

pub mod firmware;
pub mod release;
pub mod rp2040;
pub mod state;

use std::path::PathBuf;

/// The root of the repository.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

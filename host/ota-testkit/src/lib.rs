//! Releases, keys and simulated devices for the tests of this workspace. Not published.
//!
//! Everything here goes through the real crates: real signatures, the real bootloader and
//! updater, the harsh flash of `ota-sim`. [`Rig`] is one device; [`Release`] makes packages.

mod chips;
mod crypto;
mod geometry;
mod journal;
mod release;
mod rig;

pub use chips::{AnyError, AnyNor, Chips};
pub use crypto::RememberingCrypto;
pub use geometry::{External, Geometry, Holds};
pub use release::{
    BOOT_SEED, CLASS, OTHER_SEED, RELEASE_SEED, Release, VENDOR, public_key, random_image,
};
pub use rig::{Build, LOAD_ADDRESS, Rig, Stop, anchors, boot_keys};

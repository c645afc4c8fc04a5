//! The promises of the crates, tried on the real code. A part of each runs in `cargo test`, the
//! whole by `cargo xtask prove`.
#![forbid(unsafe_code)]

pub mod faults;
pub mod states;
pub mod sweep;

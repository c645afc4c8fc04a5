//! What is fuzzed. Each module has one function `check`: it takes any bytes, does with them what
//! hostile or broken surroundings could, and panics if a promise does not hold.
//!
//! `fuzz_targets` hands them to libFuzzer, `tests/seeds.rs` replays what is kept in `seeds`.

pub mod boot;
pub mod download;
pub mod ed25519;
pub mod envelope;
pub mod esp_image;
pub mod http;
mod input;
mod keyed;
pub mod life;
pub mod otadata;
mod record;
mod releases;
pub mod seeds;
pub mod table;

/// Checks one input.
pub type Check = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Check); 9] = [
    ("envelope", envelope::check),
    ("table", table::check),
    ("boot", boot::check),
    ("http", http::check),
    ("download", download::check),
    ("life", life::check),
    ("ed25519", ed25519::check),
    ("esp_image", esp_image::check),
    ("otadata", otadata::check),
];

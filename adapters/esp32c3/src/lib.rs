#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(not(target_arch = "riscv32"), forbid(unsafe_code))]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::unreachable
    )
)]

pub mod image;
mod map;
pub mod memory;
pub mod otadata;
mod remember;

#[cfg(target_arch = "riscv32")]
mod chip;

#[cfg(target_arch = "riscv32")]
pub use chip::{
    ChipHasher, FlashError, HashCrypto, MaskRomFlash, clock, console, reset, reset_cause, start,
    unlock, watchdog, woke_from_deep_sleep,
};
pub use map::{ESP32C3, ESP32C3_CHIP, ESP32C3_LOAD_ADDRESS};
pub use remember::Remember;

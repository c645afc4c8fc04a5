#![doc = include_str!("../README.md")]
#![no_std]

use embassy_time::Duration;

mod map;
#[cfg(target_arch = "arm")]
mod start;

pub use map::{CHIP, FLASH_SIZE, LOAD_ADDRESS, PICO};
#[cfg(target_arch = "arm")]
pub use start::{jump, reset, reset_cause, stop_core_1};

/// How long the watchdog waits: close to the longest that it can, 8.3 seconds. A signature check
/// takes 0.4 seconds at 125 MHz, an erase at most 0.4.
pub const WATCHDOG_TIMEOUT: Duration = Duration::from_secs(8);

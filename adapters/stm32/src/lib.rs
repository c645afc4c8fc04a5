#![doc = include_str!("../README.md")]
#![no_std]

mod banks;
mod map;
mod sectors;
pub use banks::{DualBank, TwoBanks};
pub use map::{
    F407, F407_LOAD_ADDRESS, F429, F429_LOAD_ADDRESS, G474, G474_LOAD_ADDRESS, L476, L476_CHIP,
    L476_DUAL_BANK, L476_DUAL_BANK_LOAD_ADDRESS, L476_LOAD_ADDRESS,
};
pub use sectors::{F407_SECTORS, F429_SECTORS, Run, SectorError, SectorFlash, SectorMap};

#[cfg(target_arch = "arm")]
mod cache;
#[cfg(target_arch = "arm")]
mod ecc;
#[cfg(target_arch = "arm")]
mod flash;
#[cfg(all(target_arch = "arm", feature = "hash"))]
mod hash;
#[cfg(all(
    target_arch = "arm",
    any(feature = "l4", feature = "g4", feature = "wb")
))]
mod protect;
#[cfg(target_arch = "arm")]
mod start;
#[cfg(all(target_arch = "arm", feature = "l4"))]
mod swap;

#[cfg(target_arch = "arm")]
pub use ecc::on_nmi;
#[cfg(target_arch = "arm")]
pub use flash::{CHIP, FlashError, Stm32Flash};
#[cfg(all(target_arch = "arm", feature = "hash"))]
pub use hash::{ChipHasher, HashCrypto};
#[cfg(all(
    target_arch = "arm",
    any(feature = "l4", feature = "g4", feature = "wb")
))]
pub use protect::{is_protected, protect};
#[cfg(target_arch = "arm")]
pub use start::{jump, reset, reset_cause};
#[cfg(all(target_arch = "arm", feature = "l4"))]
pub use swap::{start_in_bank, swapped};

#[cfg(all(
    target_arch = "arm",
    not(any(
        feature = "f4",
        feature = "l4",
        feature = "g0",
        feature = "g4",
        feature = "h5",
        feature = "h7",
        feature = "u5",
        feature = "wb"
    ))
))]
compile_error!(
    "ota-stm32: enable the feature of the chip's family: f4, g0, g4, h5, h7, l4, u5 or wb"
);

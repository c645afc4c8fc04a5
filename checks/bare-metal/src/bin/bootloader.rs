//! A bootloader without a chip: journal, states, swap, boot decision, Ed25519 and SHA-256. What is
//! missing of a real one is start-up code, clocks and the flash driver.
#![no_std]
#![no_main]

use bare_metal::{ChipFlash, MAP, PRODUCT, reset};
use ota_bootloader::{Bootloader, Decision, OneFlash, ResetCause};
use ota_image::{BootKeys, PublicKey};
use ota_small_crypto::SmallCrypto;

static KEYS: [PublicKey; 1] = [PublicKey::Ed25519([1; 32])];

unsafe extern "C" {
    fn chip_number() -> u32;
    fn chip_show(number: u32);
}

/// Where it begins.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    // SAFETY: is not run. So for all calls here.
    let cause = match unsafe { chip_number() } {
        0 => ResetCause::Power,
        1 => ResetCause::Watchdog,
        2 => ResetCause::Software,
        _ => ResetCause::Unknown,
    };
    let (Ok(keys), Ok(storage)) = (BootKeys::new(&KEYS), OneFlash::new(ChipFlash, MAP)) else {
        reset()
    };
    let shown = match Bootloader::new(&PRODUCT, keys, storage, SmallCrypto).boot(cause) {
        Decision::Boot(start) => start.load_address | u32::from(start.trial),
        Decision::Recovery(recovery) => u32::from(recovery.code()),
    };
    // SAFETY: see above.
    unsafe { chip_show(shown) };
    reset()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    reset()
}

//! The bootloader of the example product: decides with `ota-bootloader` what runs, and jumps there.
#![no_std]
#![no_main]

mod clock;
mod memory;
mod recovery;
mod watchdog;

use core::panic::PanicInfo;

use cortex_m_rt::{entry, exception};
use embassy_stm32::flash::Flash;
use embassy_stm32::peripherals::FLASH;
use ota_bootloader::{Bootloader, Decision, Fed, OneFlash, ResetCause, Start};
use ota_small_crypto::SmallCrypto;
use ota_stm32::Stm32Flash;
use recovery::Problem;
use stm32_product::{BOOT, PRODUCT};

#[entry]
fn main() -> ! {
    let cause = ota_stm32::reset_cause();
    watchdog::start();
    clock::raise();
    match decide(cause) {
        Ok(Decision::Boot(start)) => {
            clock::lower();
            watchdog::feed();
            leave(start)
        }
        Ok(Decision::Recovery(reason)) => recovery::wait(reason.into()),
        Err(problem) => recovery::wait(problem),
    }
}

fn leave(start: Start) -> ! {
    // SAFETY: the image at this address was verified; the map says that it runs there. Nothing else
    // goes on here: no DMA, no interrupt.
    #[cfg(not(feature = "dual-bank"))]
    unsafe {
        ota_stm32::jump(start.load_address)
    }
    // SAFETY: the same, with the bank of this slot in front.
    #[cfg(feature = "dual-bank")]
    unsafe {
        ota_stm32::start_in_bank(start.slot, start.load_address)
    }
}

fn decide(cause: ResetCause) -> Result<Decision, Problem> {
    // SAFETY: called once, and nobody else has a driver. The HAL is not initialized, which this
    // driver does not need: the flash interface has its clock from the start.
    let flash = Flash::new_blocking(unsafe { FLASH::steal() });
    let storage =
        OneFlash::new(Stm32Flash::new(flash), PRODUCT.map).map_err(|_| Problem::OtherFlash)?;
    // Fed between erases and between blocks of a hash, not by a timer: a hang still ends.
    let storage = Fed::new(storage, watchdog::feed);
    Ok(Bootloader::new(&PRODUCT, BOOT, storage, SmallCrypto).boot(cause))
}

/// A torn word was read: the flash driver tells whoever read it.
#[exception]
// SAFETY: touches the flag of the flash interface alone, or resets.
unsafe fn NonMaskableInt() {
    if !ota_stm32::on_nmi() {
        ota_stm32::reset()
    }
}

/// There is nobody to tell, and nothing but another start that could help.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    ota_stm32::reset()
}

//! The bootloader of the example product: decides with `ota-bootloader` what runs, and jumps there.
#![no_std]
#![no_main]

mod recovery;

use core::panic::PanicInfo;

use cortex_m_rt::entry;
use embassy_rp::Peri;
use embassy_rp::flash::{Blocking, Flash};
use embassy_rp::peripherals::FLASH;
use embassy_rp::watchdog::Watchdog;
use ota_bootloader::{Bootloader, Decision, Fed, OneFlash, ResetCause};
use ota_rp2040::{FLASH_SIZE, WATCHDOG_TIMEOUT};
use ota_small_crypto::SmallCrypto;
use recovery::Problem;
use rp2040_product::{BOOT, PRODUCT};

#[entry]
fn main() -> ! {
    ota_rp2040::stop_core_1();
    // At 125 MHz: at the 6.5 MHz of a cold start, a signature would take five seconds.
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    let mut watchdog = Watchdog::new(chip.WATCHDOG);
    let cause = ota_rp2040::reset_cause(&mut watchdog);
    watchdog.start(WATCHDOG_TIMEOUT);
    match decide(chip.FLASH, &mut watchdog, cause) {
        Ok(Decision::Boot(start)) => {
            if start.trial {
                // It goes on: firmware on trial that hangs comes back here.
                watchdog.feed(WATCHDOG_TIMEOUT);
            } else {
                watchdog.stop();
            }
            // SAFETY: the image at this address was verified; the map says that it runs there.
            // Nothing else goes on here: one core, no DMA, no interrupt.
            unsafe { ota_rp2040::jump(start.load_address) }
        }
        Ok(Decision::Recovery(reason)) => {
            recovery::wait(chip.PIN_25, &mut watchdog, reason.into());
        }
        Err(problem) => recovery::wait(chip.PIN_25, &mut watchdog, problem),
    }
}

fn decide(
    flash: Peri<'static, FLASH>,
    watchdog: &mut Watchdog,
    cause: ResetCause,
) -> Result<Decision, Problem> {
    let flash = Flash::<_, Blocking, FLASH_SIZE>::new_blocking(flash);
    let storage = OneFlash::new(flash, PRODUCT.map).map_err(|_| Problem::OtherFlash)?;
    // Fed between erases and between blocks of a hash, not by a timer: a hang still ends.
    let storage = Fed::new(storage, || watchdog.feed(WATCHDOG_TIMEOUT));
    Ok(Bootloader::new(&PRODUCT, BOOT, storage, SmallCrypto).boot(cause))
}

/// There is nobody to tell, and nothing but another start that could help.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    ota_rp2040::reset()
}

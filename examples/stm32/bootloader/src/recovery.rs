//! Nothing can be booted: says so, by the LED, and tries again later.

use cortex_m::asm::delay;
use embassy_stm32::pac::gpio::vals::Moder;
use embassy_stm32::pac::{GPIOA, RCC};
use ota_bootloader::Recovery;

use crate::{clock, watchdog};

/// Why nothing can be booted. The LED flashes as often as the number says.
#[derive(Clone, Copy)]
pub(crate) enum Problem {
    /// No image is whole and signed.
    NoImage = 2,
    /// The flash is not the one in the map.
    OtherFlash = 4,
}

impl From<Recovery> for Problem {
    fn from(reason: Recovery) -> Self {
        match reason {
            Recovery::NoImage(_) => Self::NoImage,
        }
    }
}

/// Times that the code is shown before a reset: about a minute.
const ROUNDS: u32 = 20;
/// A quarter of a second.
const QUARTER_SECOND: u32 = clock::RAISED / 4;
/// The green LED of a NUCLEO is on PA5.
const LED: usize = 5;

/// Flashes, pauses, and so on; then a reset, because what was wrong may have passed.
pub(crate) fn wait(problem: Problem) -> ! {
    RCC.ahb2enr().modify(|w| w.set_gpioaen(true));
    GPIOA.moder().modify(|w| w.set_moder(LED, Moder::OUTPUT));
    for _ in 0..ROUNDS {
        for _ in 0..problem as u32 {
            GPIOA.bsrr().write(|w| w.set_bs(LED, true));
            delay(QUARTER_SECOND);
            GPIOA.bsrr().write(|w| w.set_br(LED, true));
            delay(QUARTER_SECOND);
        }
        watchdog::feed();
        delay(6 * QUARTER_SECOND);
    }
    ota_stm32::reset()
}

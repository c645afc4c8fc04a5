//! Nothing can be booted: says so, by the LED, and tries again later.

use cortex_m::asm::delay;
use embassy_rp::Peri;
use embassy_rp::gpio::{Level, Output};
use embassy_rp::peripherals::PIN_25;
use embassy_rp::watchdog::Watchdog;
use ota_bootloader::Recovery;
use ota_rp2040::WATCHDOG_TIMEOUT;

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
/// A quarter of a second at 125 MHz.
const QUARTER_SECOND: u32 = 125_000_000 / 4;

/// Flashes, pauses, and so on; then a reset, because what was wrong may have passed. Holding
/// BOOTSEL at a reset is the way to write another image by USB.
pub(crate) fn wait(led: Peri<'static, PIN_25>, watchdog: &mut Watchdog, problem: Problem) -> ! {
    let mut led = Output::new(led, Level::Low);
    for _ in 0..ROUNDS {
        for _ in 0..problem as u32 {
            led.set_high();
            delay(QUARTER_SECOND);
            led.set_low();
            delay(QUARTER_SECOND);
        }
        watchdog.feed(WATCHDOG_TIMEOUT);
        delay(6 * QUARTER_SECOND);
    }
    ota_rp2040::reset()
}

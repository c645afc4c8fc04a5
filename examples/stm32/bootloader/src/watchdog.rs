//! The independent watchdog. Once started it cannot be stopped: the application feeds it, too.

use embassy_stm32::pac::IWDG;
use embassy_stm32::pac::iwdg::vals::{Key, Pr};
use stm32_product::WATCHDOG_TIMEOUT_US;

/// One count is 64 cycles of its oscillator of 32 kHz, which is 2 ms.
const COUNT_US: u32 = 2_000;
const RELOAD: u16 = {
    let counts = WATCHDOG_TIMEOUT_US / COUNT_US;
    assert!(counts > 0 && counts <= 0x1000, "2 ms to 8 s");
    #[expect(clippy::cast_possible_truncation, reason = "asserted")]
    {
        (counts - 1) as u16
    }
};

/// Starts it.
pub(crate) fn start() {
    // Started first: its settings take effect with its own clock, which runs from then on.
    IWDG.kr().write(|w| w.set_key(Key::START));
    IWDG.kr().write(|w| w.set_key(Key::ENABLE));
    IWDG.pr().write(|w| w.set_pr(Pr::DIVIDE_BY64));
    IWDG.rlr().write(|w| w.set_rl(RELOAD));
    while IWDG.sr().read().0 != 0 {}
    feed();
}

/// From here it has its full time again.
pub(crate) fn feed() {
    IWDG.kr().write(|w| w.set_key(Key::RESET));
}

//! The board: its clock, its flash, its watchdog.

use embassy_stm32::flash::Flash;
use embassy_stm32::peripherals::{FLASH, IWDG};
use embassy_stm32::rcc::{Pll, PllMul, PllPreDiv, PllRDiv, PllSource, Sysclk};
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_stm32::{Config, Peri};
#[cfg(feature = "dual-bank")]
use ota_stm32::DualBank;
use ota_stm32::Stm32Flash;
use stm32_product::WATCHDOG_TIMEOUT_US;

/// The watchdog, which the bootloader has started.
pub(crate) type Watchdog = IndependentWatchdog<'static, IWDG>;

/// The flash, by the chip's own offsets.
#[cfg(not(feature = "dual-bank"))]
pub(crate) type BoardFlash = Stm32Flash<'static>;
/// The flash, by the chip's own offsets, whichever bank is in front.
#[cfg(feature = "dual-bank")]
pub(crate) type BoardFlash = DualBank<Stm32Flash<'static>>;

/// 80 MHz from the internal oscillator of 16 MHz: as fast as an L476 goes.
pub(crate) fn full_speed() -> Config {
    let mut config = Config::default();
    config.rcc.hsi = true;
    #[cfg(feature = "nucleo-l476rg")]
    let (prediv, mul) = (PllPreDiv::DIV1, PllMul::MUL10);
    #[cfg(feature = "nucleo-g474re")]
    let (prediv, mul) = (PllPreDiv::DIV2, PllMul::MUL20);
    config.rcc.pll = Some(Pll {
        source: PllSource::HSI,
        prediv,
        mul,
        divp: None,
        divq: None,
        divr: Some(PllRDiv::DIV2),
    });
    config.rcc.sys = Sysclk::PLL1_R;
    config
}

/// Takes the flash over.
pub(crate) fn flash(flash: Peri<'static, FLASH>) -> BoardFlash {
    let flash = Stm32Flash::new(Flash::new_blocking(flash));
    #[cfg(feature = "dual-bank")]
    let flash = DualBank::new(flash);
    flash
}

/// Takes the watchdog over from the bootloader; without one, starts it.
pub(crate) fn watchdog(iwdg: Peri<'static, IWDG>) -> Watchdog {
    let mut watchdog = IndependentWatchdog::new(iwdg, WATCHDOG_TIMEOUT_US);
    watchdog.unleash();
    watchdog
}

/// The chip's own number, in short: what tells the devices of a fleet apart.
pub(crate) fn number() -> u32 {
    let id = embassy_stm32::uid::uid();
    let words = id
        .as_chunks()
        .0
        .iter()
        .map(|word| u32::from_le_bytes(*word));
    words.fold(0, |all, word| all ^ word)
}

//! The board: its clock, its flash, its watchdog, and the serial line to its debugger.

use embassy_stm32::flash::Flash;
use embassy_stm32::peripherals::{FLASH, IWDG, PA2, PA3, USART2};
use embassy_stm32::rcc::{Pll, PllMul, PllPreDiv, PllRDiv, PllSource, Sysclk};
use embassy_stm32::usart::{self, BufferedInterruptHandler, BufferedUart};
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_stm32::{Config, Peri, bind_interrupts};
#[cfg(feature = "dual-bank")]
use ota_stm32::DualBank;
use ota_stm32::Stm32Flash;
use static_cell::StaticCell;
use stm32_product::WATCHDOG_TIMEOUT_US;

use crate::settings;
use crate::update::BLOCK;

/// The watchdog, which the bootloader has started.
pub(crate) type Watchdog = IndependentWatchdog<'static, IWDG>;

/// The flash, by the chip's own offsets.
#[cfg(not(feature = "dual-bank"))]
pub(crate) type BoardFlash = Stm32Flash<'static>;
/// The flash, by the chip's own offsets, whichever bank is in front.
#[cfg(feature = "dual-bank")]
pub(crate) type BoardFlash = DualBank<Stm32Flash<'static>>;

bind_interrupts!(struct Interrupts {
    USART2 => BufferedInterruptHandler<USART2>;
});

/// What is sent at once: a request.
const SEND: usize = 128;
/// What comes while nobody reads: a block, and once more as much for noise.
const RECEIVE: usize = 2 * BLOCK;

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

/// The line to the debugger, which a computer sees as a serial port on USB.
pub(crate) fn line(
    usart: Peri<'static, USART2>,
    receive: Peri<'static, PA3>,
    send: Peri<'static, PA2>,
) -> BufferedUart<'static> {
    static SENT: StaticCell<[u8; SEND]> = StaticCell::new();
    static RECEIVED: StaticCell<[u8; RECEIVE]> = StaticCell::new();
    let mut config = usart::Config::default();
    config.baudrate = settings::BAUD;
    let buffers = (SENT.init([0; SEND]), RECEIVED.init([0; RECEIVE]));
    match BufferedUart::new(
        usart, receive, send, buffers.0, buffers.1, Interrupts, config,
    ) {
        Ok(line) => line,
        Err(_) => panic!("no such speed: OTA_BAUD"),
    }
}

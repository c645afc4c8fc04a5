//! An application that keeps itself up to date: blinks, faster while its button is held, and looks
//! for a newer release from time to time. A new one proves itself before it stays.
#![no_std]
#![no_main]

mod board;
#[cfg(feature = "ethernet")]
mod ethernet;
mod failing;
mod health;
#[cfg(not(feature = "ethernet"))]
mod serial;
mod settings;
mod update;

use core::convert::Infallible;

use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_futures::select::{Either, select};
use embassy_stm32::gpio::{Input, Level, Output, Pull, Speed};
use embassy_time::{Duration, Instant, Timer};

use board::Watchdog;
#[cfg(feature = "ethernet")]
use ethernet::Link;
#[cfg(not(feature = "ethernet"))]
use serial::Link;
use update::Device;

defmt::timestamp!("{=u64:us}", Instant::now().as_micros());

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let chip = embassy_stm32::init(board::full_speed());
    defmt::info!("version {=str}", settings::VERSION);
    failing::at_start();
    let mut watchdog = board::watchdog(chip.IWDG);

    let flash = board::flash(chip.FLASH);
    #[cfg(not(feature = "ethernet"))]
    let (pins, led) = {
        let pins = serial::Pins {
            usart: chip.USART2,
            receive: chip.PA3,
            send: chip.PA2,
        };
        (pins, chip.PA5)
    };
    // The board's own LED is on the clock of SPI1: one of yours, on D8.
    #[cfg(feature = "ethernet")]
    let (pins, led) = {
        let pins = ethernet::Pins {
            spi: chip.SPI1,
            clock: chip.PA5,
            mosi: chip.PA7,
            miso: chip.PA6,
            select: chip.PB6,
            reset: chip.PC7,
            interrupt: chip.PA10,
            line: chip.EXTI10,
        };
        (pins, chip.PA9)
    };
    let link = Link::start(spawner, pins).await;
    let button = Input::new(chip.PC13, Pull::None);
    let mut device = Device::new(flash, link);

    if device.on_trial() {
        health::prove(&mut device, &mut watchdog, &button).await;
    }
    let led = Output::new(led, Level::Low, Speed::Low);
    match select(work(led, button, &mut watchdog), device.keep_up_to_date()).await {
        Either::First(never) | Either::Second(never) => match never {},
    }
}

/// The main loop. It blinks, in place of what an application is for, and feeds the watchdog: from
/// here and never from an interrupt, so that nothing is fed when the executor stands still.
async fn work(
    mut led: Output<'static>,
    button: Input<'static>,
    watchdog: &mut Watchdog,
) -> Infallible {
    loop {
        led.toggle();
        watchdog.pet();
        let pause = if button.is_low() { 100 } else { 500 };
        Timer::after(Duration::from_millis(pause)).await;
    }
}

//! The application, apart from its way to the server: blinks, faster while its button is held, and
//! keeps itself up to date.

use core::convert::Infallible;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer};
use esp_hal::gpio::{Input, Output};
use esp_hal::rtc_cntl::Rtc;

use crate::update::{Device, Link};
use crate::watchdog::Watchdog;
use crate::{failing, health, settings};

/// At the very start, behind `esp_hal::init`: says the version, and has the watchdog running again.
#[must_use]
pub fn begin(rtc: Rtc<'static>) -> Watchdog {
    let watchdog = Watchdog::start(rtc);
    defmt::info!("version {=str}", settings::VERSION);
    failing::at_start();
    watchdog
}

/// Proves itself, if it is on trial; then works, for ever.
pub async fn run<L: Link>(
    mut device: Device<L>,
    mut watchdog: Watchdog,
    led: Output<'static>,
    button: Input<'static>,
) -> Infallible {
    if device.on_trial() {
        health::prove(&mut device, &mut watchdog, &button).await;
    }
    let work = work(led, button, &mut watchdog);
    match select(work, device.keep_up_to_date()).await {
        Either::First(never) | Either::Second(never) => never,
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
        watchdog.feed();
        let pause = if button.is_low() { 100 } else { 500 };
        Timer::after(Duration::from_millis(pause)).await;
    }
}

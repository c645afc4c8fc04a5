//! The trial: a new release proves that it works before it stays.

use core::cell::RefCell;

use embassy_futures::select::select;
use embassy_net::Stack;
use embassy_rp::adc::{Adc, Blocking, Channel};
use embassy_rp::watchdog::Watchdog;
use embassy_time::{Duration, Instant, Timer};
use ota_bootloader::{HealthWindow, Verdict};
use ota_rp2040::WATCHDOG_TIMEOUT;

use crate::settings;
use crate::update::Device;

const LINK: &str = "link";
const SERVER: &str = "server";
const READING: &str = "reading";

/// What a temperature can be, in the ADC's counts: -40 to 125 degrees, generously. (At 27 degrees
/// the sensor gives 706 mV of 3300, and 1.721 mV less for each degree.)
const PLAUSIBLE: core::ops::RangeInclusive<u16> = 600..=1100;

/// The temperature sensor of the chip.
pub(crate) struct Thermometer {
    adc: Adc<'static, Blocking>,
    channel: Channel<'static>,
}

impl Thermometer {
    /// On this channel.
    pub(crate) const fn new(adc: Adc<'static, Blocking>, channel: Channel<'static>) -> Self {
        Self { adc, channel }
    }

    /// A reading, if it makes sense.
    fn read(&mut self) -> Option<u16> {
        let counts = self.adc.blocking_read(&mut self.channel).ok()?;
        PLAUSIBLE.contains(&counts).then_some(counts)
    }
}

/// Confirms this release when the link is up, the server was reached and a first reading was taken,
/// all inside the window. Does not return otherwise: gives this start up, and resets.
pub(crate) async fn prove(
    device: &mut Device,
    watchdog: &mut Watchdog,
    stack: Stack<'static>,
    mut thermometer: Thermometer,
) {
    defmt::info!("on trial");
    // The clock counts from the start of the chip, and so does the window.
    let length = u32::try_from(settings::HEALTH_WINDOW.as_millis()).unwrap_or(u32::MAX);
    let window = RefCell::new(HealthWindow::open([LINK, SERVER, READING], 0, length));
    let pass = |check| window.borrow_mut().pass(check, now());
    let server = async {
        device.reach_server().await;
        pass(SERVER);
        core::future::pending::<()>().await;
    };
    let watch = async {
        loop {
            if stack.is_link_up() {
                pass(LINK);
            }
            if thermometer.read().is_some() {
                pass(READING);
            }
            let verdict = window.borrow().verdict(now());
            match verdict {
                Verdict::Healthy => return None,
                Verdict::Unhealthy(missing) => return Some(missing),
                Verdict::Waiting(_) => watchdog.feed(WATCHDOG_TIMEOUT),
            }
            Timer::after(Duration::from_millis(100)).await;
        }
    };
    let missing = match select(watch, server).await {
        embassy_futures::select::Either::First(missing) => missing,
        embassy_futures::select::Either::Second(()) => None,
    };
    match missing {
        None => device.confirm(),
        Some(check) => device.give_up(check),
    }
}

fn now() -> u64 {
    Instant::now().as_millis()
}

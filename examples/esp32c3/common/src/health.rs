//! The trial: a new release proves that it works before it stays.

use core::cell::RefCell;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer};
use esp_hal::gpio::Input;
use ota_bootloader::{HealthWindow, Verdict};

use crate::settings;
use crate::update::{Device, Link};
use crate::watchdog::Watchdog;

const SERVER: &str = "server";
const READING: &str = "reading";

/// Confirms this release when the server was reached and the button was read at rest, both inside
/// the window. Does not return otherwise: gives this start up, and resets.
pub(crate) async fn prove<L: Link>(
    device: &mut Device<L>,
    watchdog: &mut Watchdog,
    button: &Input<'static>,
) {
    defmt::info!("on trial");
    // The clock counts from the start of the chip, and so does the window.
    let length = u32::try_from(settings::HEALTH_WINDOW.as_millis()).unwrap_or(u32::MAX);
    let window = RefCell::new(HealthWindow::open([SERVER, READING], 0, length));
    let pass = |check| window.borrow_mut().pass(check, now());
    let server = async {
        device.reach_server().await;
        pass(SERVER);
        core::future::pending::<()>().await;
    };
    let watch = async {
        loop {
            // The button pulls its pin low: one that is stuck there is a broken board.
            if button.is_high() {
                pass(READING);
            }
            let verdict = window.borrow().verdict(now());
            match verdict {
                Verdict::Healthy => return None,
                Verdict::Unhealthy(missing) => return Some(missing),
                Verdict::Waiting(_) => watchdog.feed(),
            }
            Timer::after(Duration::from_millis(100)).await;
        }
    };
    let missing = match select(watch, server).await {
        Either::First(missing) => missing,
        Either::Second(()) => None,
    };
    match missing {
        None => device.confirm(),
        Some(check) => device.give_up(check),
    }
}

fn now() -> u64 {
    Instant::now().as_millis()
}

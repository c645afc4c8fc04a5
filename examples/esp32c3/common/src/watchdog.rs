//! The watchdog of the RTC, which the bootloader has started.

use embassy_time::Duration;
use esp_hal::rtc_cntl::{Rtc, Rwdt, RwdtStage};
use esp32c3_product::WATCHDOG_TIMEOUT_MS;

/// The watchdog, running.
pub struct Watchdog(Rwdt);

impl Watchdog {
    /// Goes on with it. `esp_hal::init` stops it, so this comes next.
    #[must_use]
    pub fn start(rtc: Rtc<'static>) -> Self {
        let mut watchdog = rtc.rwdt;
        let timeout = Duration::from_millis(u64::from(WATCHDOG_TIMEOUT_MS));
        let timeout = esp_hal::time::Duration::from_micros(timeout.as_micros());
        watchdog.set_timeout(RwdtStage::Stage0, timeout);
        watchdog.enable();
        watchdog.feed();
        Self(watchdog)
    }

    /// From here it has its full time again.
    pub fn feed(&mut self) {
        self.0.feed();
    }
}

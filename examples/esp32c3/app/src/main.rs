//! An application that keeps itself up to date: blinks, faster while its button is held, and looks
//! for a newer release over its serial line from time to time. A new one proves itself before it stays.
#![no_std]
#![no_main]

mod line;
mod settings;

use embassy_executor::Spawner;
use esp_hal::clock::CpuClock;
use esp_hal::gpio::{Input, InputConfig, Level, Output, OutputConfig, Pull};
use esp_hal::rtc_cntl::Rtc;
use esp_hal::timer::systimer::SystemTimer;
use esp_storage::FlashStorage;
use esp32c3_common::Device;

#[esp_rtos::main]
async fn main(_spawner: Spawner) {
    let chip = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    let watchdog = esp32c3_common::begin(Rtc::new(chip.RTC_TIMER));
    let timer = SystemTimer::new(chip.SYSTIMER);
    esp_rtos::start(timer.alarm0, chip.FROM_CPU_INTR0);

    let line = line::open(chip.UART0, chip.GPIO20, chip.GPIO21);
    let device = Device::new(FlashStorage::new(chip.FLASH), line);
    let led = Output::new(chip.GPIO7, Level::Low, OutputConfig::default());
    let button = Input::new(chip.GPIO9, InputConfig::default().with_pull(Pull::Up));
    match esp32c3_common::run(device, watchdog, led, button).await {}
}

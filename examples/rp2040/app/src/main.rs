//! An application that keeps itself up to date: blinks, measures its temperature, and looks for a
//! newer release from time to time. A new one proves itself before it stays.
#![no_std]
#![no_main]

mod failing;
mod health;
mod network;
mod settings;
mod update;

use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_futures::select::{Either, select};
use embassy_rp::adc::{self, Adc};
use embassy_rp::flash::{self, Flash};
use embassy_rp::gpio::{Level, Output};
use embassy_rp::watchdog::Watchdog;
use embassy_time::{Duration, Instant, Timer};
use ota_rp2040::{FLASH_SIZE, WATCHDOG_TIMEOUT};

use health::Thermometer;
use network::Pins;
use update::Device;

defmt::timestamp!("{=u64:us}", Instant::now().as_micros());

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    defmt::info!("version {=str}", settings::VERSION);
    failing::at_start();
    let mut watchdog = Watchdog::new(chip.WATCHDOG);
    watchdog.start(WATCHDOG_TIMEOUT);

    let mut flash = Flash::<_, flash::Blocking, FLASH_SIZE>::new_blocking(chip.FLASH);
    let mac = network::mac_address(&mut flash);
    let pins = Pins {
        spi: chip.SPI0,
        clock: chip.PIN_18,
        mosi: chip.PIN_19,
        miso: chip.PIN_16,
        select: chip.PIN_17,
        reset: chip.PIN_20,
        interrupt: chip.PIN_21,
        transmit: chip.DMA_CH0,
        receive: chip.DMA_CH1,
    };
    let stack = network::start(spawner, pins, mac).await;
    let thermometer = Thermometer::new(
        Adc::new_blocking(chip.ADC, adc::Config::default()),
        adc::Channel::new_temp_sensor(chip.ADC_TEMP_SENSOR),
    );
    let mut device = Device::new(flash, stack, mac);

    if device.on_trial() {
        health::prove(&mut device, &mut watchdog, stack, thermometer).await;
    }
    let led = Output::new(chip.PIN_25, Level::Low);
    match select(work(led, &mut watchdog), device.keep_up_to_date()).await {
        Either::First(never) | Either::Second(never) => match never {},
    }
}

/// The main loop. It blinks, in place of what an application is for, and feeds the watchdog: from
/// here and never from an interrupt, so that nothing is fed when the executor stands still.
async fn work(mut led: Output<'static>, watchdog: &mut Watchdog) -> core::convert::Infallible {
    loop {
        led.toggle();
        watchdog.feed(WATCHDOG_TIMEOUT);
        Timer::after(Duration::from_millis(500)).await;
    }
}

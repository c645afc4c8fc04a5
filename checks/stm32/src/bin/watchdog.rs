//! Says why it was reset; feeds and logs the watchdog for a while, and then hangs.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_stm32::pac;
use embassy_stm32::usart::{Config, UartTx};
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_time::Timer;
use {defmt_rtt as _, panic_halt as _};

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let p = embassy_stm32::init(stm32_check::full_speed());
    let cause = pac::RCC.csr().read();
    pac::RCC.csr().modify(|w| w.set_rmvf(true));
    let mut uart = UartTx::new_blocking(p.USART2, p.PA2, Config::default()).expect("a baud rate");
    let line: &[u8] = match (cause.iwdgrstf(), cause.sftrstf(), cause.borrstf()) {
        (true, _, _) => b"watchdog\n",
        (_, true, _) => b"software\n",
        (_, _, true) => b"power\n",
        _ => b"pin\n",
    };
    let _ = uart.blocking_write(line);
    if cause.iwdgrstf() {
        cortex_m::peripheral::SCB::sys_reset();
    }
    let mut watchdog = IndependentWatchdog::new(p.IWDG, 500_000);
    watchdog.unleash();
    for count in 1..=10 {
        Timer::after_millis(400).await;
        watchdog.pet();
        defmt::info!("fed {} times", count);
    }
    let _ = uart.blocking_write(b"hanging\n");
    loop {
        cortex_m::asm::nop();
    }
}

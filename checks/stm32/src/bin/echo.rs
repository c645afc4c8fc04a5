//! Sends back what it receives, in capitals, and says "tick" each second, from two tasks.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_futures::select::{Either, select};
use embassy_stm32::usart::{BufferedInterruptHandler, BufferedUart, Config};
use embassy_stm32::{bind_interrupts, peripherals};
use embassy_time::{Duration, Ticker};
use embedded_io_async::{Read, Write};
use panic_halt as _;

bind_interrupts!(struct Irqs {
    USART2 => BufferedInterruptHandler<peripherals::USART2>;
});

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let p = embassy_stm32::init(stm32_check::full_speed());
    let (mut send, mut receive) = ([0; 64], [0; 64]);
    let uart = BufferedUart::new(
        p.USART2,
        p.PA3,
        p.PA2,
        &mut send,
        &mut receive,
        Irqs,
        Config::default(),
    );
    let (mut send, mut receive) = uart.expect("a valid baud rate").split();
    let mut ticker = Ticker::every(Duration::from_secs(1));
    let mut some = [0; 16];
    loop {
        match select(receive.read(&mut some), ticker.next()).await {
            Either::First(Ok(count)) => {
                some[..count].make_ascii_uppercase();
                send.write_all(&some[..count]).await.expect("it is sent");
            }
            Either::First(Err(_)) => send.write_all(b"lost\n").await.expect("it is sent"),
            Either::Second(()) => send.write_all(b"tick\n").await.expect("it is sent"),
        }
    }
}

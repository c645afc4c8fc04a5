//! The serial line to the server: UART 0, which most boards show to a computer on USB.

use embassy_time::Delay;
use esp_hal::Async;
use esp_hal::peripherals::{GPIO20, GPIO21, UART0};
use esp_hal::uart::{Config, RxConfig, Uart};
use esp32c3_common::Link;
use ota_serial::{DATA_OVERHEAD, FRAME_OVERHEAD, SerialSource};

use crate::settings;

/// What is asked for at once: 1 KiB of a package, and what is around it.
const BLOCK: usize = 1024 + DATA_OVERHEAD + FRAME_OVERHEAD;
/// The receiver holds 128 bytes: at half of them the processor is called.
const CALL_AT: u16 = 64;

/// The line, and room for a block.
pub(crate) struct Line {
    uart: Uart<'static, Async>,
    block: [u8; BLOCK],
}

/// As fast as `OTA_BAUD` says.
pub(crate) fn open(uart: UART0<'static>, receive: GPIO20<'static>, send: GPIO21<'static>) -> Line {
    let receiver = RxConfig::default().with_fifo_full_threshold(CALL_AT);
    let config = Config::default()
        .with_baudrate(settings::BAUD)
        .with_rx(receiver);
    let Ok(uart) = Uart::new(uart, config) else {
        panic!("no such speed: OTA_BAUD");
    };
    Line {
        uart: uart.with_rx(receive).with_tx(send).into_async(),
        block: [0; BLOCK],
    }
}

impl Link for Line {
    type Source<'s> = SerialSource<'s, &'s mut Uart<'static, Async>, Delay>;

    fn source(&mut self) -> Self::Source<'_> {
        match SerialSource::new(&mut self.uart, Delay, settings::FILE, &mut self.block) {
            Ok(source) => source,
            Err(_) => panic!("no name of a file: OTA_FILE"),
        }
    }
}

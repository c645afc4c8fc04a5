//! The way to the server: the serial line to the board's debugger.

use embassy_executor::Spawner;
use embassy_stm32::peripherals::{PA2, PA3, USART2};
use embassy_stm32::usart::{BufferedInterruptHandler, BufferedUart, Config};
use embassy_stm32::{Peri, bind_interrupts};
use embassy_time::Delay;
use ota_client::Source;
use ota_serial::{DATA_OVERHEAD, FRAME_OVERHEAD, SerialSource};
use static_cell::StaticCell;

use crate::settings;

bind_interrupts!(struct Interrupts {
    USART2 => BufferedInterruptHandler<USART2>;
});

/// What is asked for at once: 1 KiB of a package, and what is around it.
const BLOCK: usize = 1024 + DATA_OVERHEAD + FRAME_OVERHEAD;
/// What is sent at once: a request.
const SEND: usize = 128;
/// What comes while nobody reads: a block, and once more as much for noise.
const RECEIVE: usize = 2 * BLOCK;

/// What the debugger is wired to.
pub(crate) struct Pins {
    pub(crate) usart: Peri<'static, USART2>,
    pub(crate) receive: Peri<'static, PA3>,
    pub(crate) send: Peri<'static, PA2>,
}

/// The line, which a computer sees as a serial port on USB.
pub(crate) struct Link {
    line: BufferedUart<'static>,
    block: [u8; BLOCK],
}

impl Link {
    /// On these pins. It needs no task.
    pub(crate) async fn start(_: Spawner, pins: Pins) -> Self {
        let Pins {
            usart,
            receive,
            send,
        } = pins;
        static SENT: StaticCell<[u8; SEND]> = StaticCell::new();
        static RECEIVED: StaticCell<[u8; RECEIVE]> = StaticCell::new();
        let mut config = Config::default();
        config.baudrate = settings::BAUD;
        let buffers = (SENT.init([0; SEND]), RECEIVED.init([0; RECEIVE]));
        match BufferedUart::new(
            usart, receive, send, buffers.0, buffers.1, Interrupts, config,
        ) {
            Ok(line) => Self {
                line,
                block: [0; BLOCK],
            },
            Err(_) => panic!("no such speed: OTA_BAUD"),
        }
    }

    /// The releases at its other end.
    pub(crate) fn source(&mut self) -> impl Source {
        match SerialSource::new(&mut self.line, Delay, settings::FILE, &mut self.block) {
            Ok(source) => source,
            Err(_) => panic!("no name of a file: OTA_FILE"),
        }
    }
}

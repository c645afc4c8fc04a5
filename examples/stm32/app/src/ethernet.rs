//! The way to the server: a W5500 on SPI1, on the pins of an Arduino shield, and HTTP.

use embassy_embedded_hal::adapter::BlockingAsync;
use embassy_executor::Spawner;
use embassy_net::dns::DnsSocket;
use embassy_net::tcp::client::{TcpClient, TcpClientState};
use embassy_net::{Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_wiznet::{Runner, State, chip::W5500};
use embassy_stm32::exti::{self, ExtiInput};
use embassy_stm32::gpio::{Level, Output, Pull, Speed};
use embassy_stm32::mode::{Async, Blocking};
use embassy_stm32::peripherals::{EXTI10, PA5, PA6, PA7, PA10, PB6, PC7, SPI1};
use embassy_stm32::spi::{self, Spi, mode::Master};
use embassy_stm32::time::Hertz;
use embassy_stm32::{Peri, bind_interrupts, interrupt};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use ota_client::Source;
use ota_http::{HttpSource, Tcp, Url};
use static_cell::StaticCell;

use crate::{board, settings};

/// What the network chip is wired to: D10 to D13, D2 and D9 of the Arduino headers.
pub(crate) struct Pins {
    pub(crate) spi: Peri<'static, SPI1>,
    pub(crate) clock: Peri<'static, PA5>,
    pub(crate) mosi: Peri<'static, PA7>,
    pub(crate) miso: Peri<'static, PA6>,
    pub(crate) select: Peri<'static, PB6>,
    pub(crate) reset: Peri<'static, PC7>,
    pub(crate) interrupt: Peri<'static, PA10>,
    pub(crate) line: Peri<'static, EXTI10>,
}

bind_interrupts!(struct Interrupts {
    EXTI15_10 => exti::InterruptHandler<interrupt::typelevel::EXTI15_10>;
});

/// Without DMA: at 20 MHz the largest frame takes less than a millisecond.
type Bus = BlockingAsync<Spi<'static, Blocking, Master>>;
type Device = ExclusiveDevice<Bus, Output<'static>, Delay>;
type Chip = Runner<'static, W5500, Device, ExtiInput<'static, Async>, Output<'static>>;
type Driver = embassy_net_wiznet::Device<'static>;

/// Sockets: one for HTTP, one for DNS.
const SOCKETS: usize = 2;
/// One connection at a time, and room for a few segments.
type Connections = TcpClientState<1, 1024, 8192>;
type Client = TcpClient<'static, 1, 1024, 8192>;

/// The network.
pub(crate) struct Link {
    tcp: Client,
    dns: DnsSocket<'static>,
    head: [u8; 1024],
}

impl Link {
    /// Starts chip and stack, which run on their own from here on.
    pub(crate) async fn start(spawner: Spawner, pins: Pins) -> Self {
        static CONNECTIONS: StaticCell<Connections> = StaticCell::new();
        let stack = stack(spawner, pins).await;
        Self {
            tcp: TcpClient::new(stack, CONNECTIONS.init(Connections::new())),
            dns: DnsSocket::new(stack),
            head: [0; 1024],
        }
    }

    /// The releases on the server.
    pub(crate) fn source(&mut self) -> impl Source {
        let url = match Url::parse(settings::URL) {
            Ok(url) => url,
            Err(error) => panic!("{}: {error}", settings::URL),
        };
        let Some(connect) = Tcp::new(&self.tcp, &self.dns, &url) else {
            panic!("{}: this example has no TLS", settings::URL);
        };
        HttpSource::new(connect, url, &mut self.head)
    }
}

async fn stack(spawner: Spawner, pins: Pins) -> Stack<'static> {
    static STATE: StaticCell<State<4, 4>> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();

    let mut config = spi::Config::default();
    config.frequency = Hertz(20_000_000);
    let spi = Spi::new_blocking(pins.spi, pins.clock, pins.mosi, pins.miso, config);
    let select = Output::new(pins.select, Level::High, Speed::VeryHigh);
    let Ok(bus) = ExclusiveDevice::new(BlockingAsync::new(spi), select, Delay);
    let interrupt = ExtiInput::new(pins.interrupt, pins.line, Pull::Up, Interrupts);
    let reset = Output::new(pins.reset, Level::High, Speed::Low);
    let state = STATE.init(State::new());
    // A locally administered address.
    let [a, b, c, d] = board::number().to_le_bytes();
    let mac = [0x02, 0x53, a, b, c, d];
    let Ok((driver, chip)) = embassy_net_wiznet::new(mac, state, bus, interrupt, reset).await
    else {
        panic!("no W5500 answers on SPI1");
    };
    spawner.spawn(run_chip(chip).expect("spawned once"));

    let config = embassy_net::Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(settings::ADDRESS, settings::PREFIX_BITS),
        gateway: Some(settings::GATEWAY),
        dns_servers: [settings::GATEWAY].into_iter().collect(),
    });
    let resources = RESOURCES.init(StackResources::new());
    // Where sequence numbers and ports begin: nothing here is secret, nor rests on it.
    let seed = u64::from(board::number()) << 32 | embassy_time::Instant::now().as_ticks();
    let (stack, runner) = embassy_net::new(driver, config, resources, seed);
    spawner.spawn(run_stack(runner).expect("spawned once"));
    stack
}

#[embassy_executor::task]
async fn run_chip(chip: Chip) -> ! {
    chip.run().await
}

#[embassy_executor::task]
async fn run_stack(mut runner: embassy_net::Runner<'static, Driver>) -> ! {
    runner.run().await
}

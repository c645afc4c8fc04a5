//! The W5500 on SPI0, as it is wired on a W5500-EVB-Pico, and embassy-net on top of it.

use embassy_executor::Spawner;
use embassy_net::{Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_wiznet::{Runner, State, chip::W5500};
use embassy_rp::clocks::RoscRng;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{
    DMA_CH0, DMA_CH1, PIN_16, PIN_17, PIN_18, PIN_19, PIN_20, PIN_21, SPI0,
};
use embassy_rp::spi::{self, Spi};
use embassy_rp::{Peri, bind_interrupts, dma};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use static_cell::StaticCell;

use crate::settings;
use crate::update::BoardFlash;

/// What the network chip is wired to, and the DMA channels that it gets.
pub(crate) struct Pins {
    pub(crate) spi: Peri<'static, SPI0>,
    pub(crate) clock: Peri<'static, PIN_18>,
    pub(crate) mosi: Peri<'static, PIN_19>,
    pub(crate) miso: Peri<'static, PIN_16>,
    pub(crate) select: Peri<'static, PIN_17>,
    pub(crate) reset: Peri<'static, PIN_20>,
    pub(crate) interrupt: Peri<'static, PIN_21>,
    pub(crate) transmit: Peri<'static, DMA_CH0>,
    pub(crate) receive: Peri<'static, DMA_CH1>,
}

bind_interrupts!(struct Interrupts {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

type Bus = ExclusiveDevice<Spi<'static, SPI0, spi::Async>, Output<'static>, Delay>;
type Chip = Runner<'static, W5500, Bus, Input<'static>, Output<'static>>;
type Driver = embassy_net_wiznet::Device<'static>;

/// Sockets: one for HTTP, one for DNS.
const SOCKETS: usize = 2;

/// A locally administered address, made of the flash's serial number.
pub(crate) fn mac_address(flash: &mut BoardFlash) -> [u8; 6] {
    let mut id = [0; 8];
    // Reading it can only fail on the second core.
    let _ = flash.blocking_unique_id(&mut id);
    let [_, _, a, b, c, d, e, f] = id;
    [0x02, a ^ f, b, c, d, e]
}

/// Starts chip and stack, which run on their own from here on.
pub(crate) async fn start(spawner: Spawner, pins: Pins, mac: [u8; 6]) -> Stack<'static> {
    static STATE: StaticCell<State<4, 4>> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();

    let mut config = spi::Config::default();
    config.frequency = 20_000_000;
    let spi = Spi::new(
        pins.spi,
        pins.clock,
        pins.mosi,
        pins.miso,
        pins.transmit,
        pins.receive,
        Interrupts,
        config,
    );
    let select = Output::new(pins.select, Level::High);
    let Ok(bus) = ExclusiveDevice::new(spi, select, Delay);
    let interrupt = Input::new(pins.interrupt, Pull::Up);
    let reset = Output::new(pins.reset, Level::High);
    let state = STATE.init(State::new());
    let Ok((driver, chip)) = embassy_net_wiznet::new(mac, state, bus, interrupt, reset).await
    else {
        panic!("no W5500 answers on SPI0");
    };
    spawner.spawn(run_chip(chip).expect("spawned once"));

    let config = embassy_net::Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(settings::ADDRESS, settings::PREFIX_BITS),
        gateway: Some(settings::GATEWAY),
        dns_servers: [settings::GATEWAY].into_iter().collect(),
    });
    let resources = RESOURCES.init(StackResources::new());
    let (stack, runner) = embassy_net::new(driver, config, resources, RoscRng.next_u64());
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

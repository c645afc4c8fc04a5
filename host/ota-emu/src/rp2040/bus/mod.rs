//! Everything around the core: the devices, the wires between them, and time.

mod core_side;
mod map;
mod transfers;

use core_side::CoreSide;

use crate::calls::Recordings;
use crate::devices::Plain;
use crate::devices::nor::Nor;
use crate::devices::w5500::W5500;
use crate::exit::Reset;
use crate::exit::Stop;
use crate::memory::Memory;
use crate::network::Network;
use crate::rp2040::devices::adc::Adc;
use crate::rp2040::devices::clocks::{Clocks, NS_PER_CYCLE, Oscillator};
use crate::rp2040::devices::dma::Dma;
use crate::rp2040::devices::gpio::Gpio;
use crate::rp2040::devices::resets::{ChipReset, PowerSequence, Resets};
use crate::rp2040::devices::sio::Sio;
use crate::rp2040::devices::spi::Spi;
use crate::rp2040::devices::ssi::Ssi;
use crate::rp2040::devices::timer::Timer;
use crate::rp2040::devices::uart::Uart;
use crate::rp2040::devices::watchdog::Watchdog;
use crate::rp2040::rom::Rom;
use ota_sim::Flash;

/// The flash window, and the aliases of it that go around the cache.
pub(crate) const XIP: core::ops::Range<u32> = 0x1000_0000..0x1400_0000;
/// Where RAM begins, and how many bytes there are.
pub(crate) const RAM_START: u32 = 0x2000_0000;
pub(crate) const RAM_LEN: usize = 264 * 1024;
/// How the W5500 is wired on a W5500-EVB-Pico.
pub(crate) const ETHERNET_SELECT: usize = 17;
pub(crate) const ETHERNET_RESET: usize = 20;
pub(crate) const ETHERNET_INTERRUPT: usize = 21;

/// Everything around the core.
#[derive(Debug, Clone)]
pub(crate) struct Bus {
    /// Nanoseconds since the board was made.
    pub(crate) now: u64,
    /// When some device next has something to do; 0: look at once.
    pub(crate) deadline: u64,
    /// Set when the run has to look at something before the next instruction.
    pub(crate) stop: Option<Stop>,
    pub(crate) reset: Option<Reset>,
    pub(crate) memory: Memory,
    pub(crate) rom: Rom,
    pub(crate) nor: Nor,
    pub(crate) ssi: Ssi,
    /// The cache holds older contents than the chip.
    pub(crate) stale: bool,
    pub(crate) timer: Timer,
    pub(crate) uart: Uart,
    pub(crate) watchdog: Watchdog,
    pub(crate) gpio: Gpio,
    pub(crate) ethernet: W5500,
    pub(crate) network: Network,
    pub(crate) chip_reset: ChipReset,
    pub(crate) power_sequence: PowerSequence,
    pub(crate) core: CoreSide,
    /// Calls that are being recorded.
    pub(crate) recordings: Recordings,
    /// The interrupt lines, as of the last time that the devices ran.
    lines: u32,
    resets: Resets,
    pub(crate) sio: Sio,
    spi: Spi,
    pub(crate) dma: Dma,
    adc: Adc,
    clocks: Clocks,
    crystal: Oscillator,
    ring: Oscillator,
    plls: [Oscillator; 2],
    /// Blocks that only remember: SYSCFG, pads, BUSCTRL, the pins of the flash.
    plain: Plain,
}
impl Bus {
    pub(crate) fn new(flash: Flash) -> Self {
        Self {
            now: 0,
            deadline: 0,
            stop: None,
            reset: None,
            memory: Memory::new(RAM_START, RAM_LEN),
            rom: Rom::new(),
            nor: Nor::new(flash),
            ssi: Ssi::command_mode(),
            stale: false,
            timer: Timer::new(0, false),
            uart: Uart::default(),
            watchdog: Watchdog::default(),
            gpio: Gpio::new(),
            ethernet: W5500::new(),
            network: Network::default(),
            chip_reset: ChipReset::Power,
            power_sequence: PowerSequence::default(),
            core: CoreSide::new(),
            recordings: Recordings::default(),
            lines: 0,
            resets: Resets::new(),
            sio: Sio::default(),
            spi: Spi::default(),
            dma: Dma::default(),
            adc: Adc::default(),
            clocks: Clocks::default(),
            crystal: Oscillator::crystal(),
            ring: Oscillator::ring(),
            plls: [Oscillator::pll(), Oscillator::pll()],
            plain: Plain::default(),
        }
    }

    /// What a reset of the chip does to the devices; memory, watchdog and flash go their own way.
    pub(crate) fn reset_devices(&mut self) {
        self.ssi = Ssi::command_mode();
        self.nor.leave_continuous_read();
        self.stale = false;
        self.timer = Timer::new(self.now, self.watchdog.ticking());
        self.uart = Uart::default();
        self.gpio = Gpio::new();
        self.power_sequence = PowerSequence::default();
        self.core = CoreSide::new();
        self.resets = Resets::new();
        self.sio = Sio::default();
        self.spi = Spi::default();
        self.dma = Dma::default();
        self.adc = Adc::default();
        self.clocks = Clocks::default();
        self.plain = Plain::default();
        self.wire_ethernet();
        self.deadline = 0;
    }

    /// What a reset of the core alone does.
    pub(crate) fn reset_core(&mut self) {
        self.core = CoreSide::new();
        self.ssi = Ssi::command_mode();
        self.nor.leave_continuous_read();
        self.stale = false;
        self.deadline = 0;
    }

    /// Time that the core or a wait took.
    pub(crate) fn spend(&mut self, cycles: u32) {
        self.now += u64::from(cycles) * NS_PER_CYCLE;
    }

    /// Lets the devices do what is due, and finds out when the next of them is.
    pub(crate) fn run_devices(&mut self) {
        if !self.recordings.is_empty() && self.next_due().is_some_and(|due| due <= self.now) {
            self.recordings.give_up();
        }
        self.timer.run_until(self.now);
        self.network.poll(self.now, &mut self.ethernet);
        self.wire_ethernet();
        if self.watchdog.fires().is_some_and(|fires| fires <= self.now) {
            self.reset.get_or_insert(Reset::WatchdogTimeout);
        }
        self.lines = self.device_lines();
        self.deadline = self.next_event().unwrap_or(u64::MAX);
    }

    /// Makes the core's pending interrupts what the devices ask for. A line that stays up while
    /// its handler runs is seen again when the handler is left.
    pub(crate) fn raise_interrupts(&mut self) {
        let active = u32::try_from(self.core.ppb.0.active >> 16 & 0xFFFF_FFFF).unwrap_or(0);
        let pending = &mut self.core.nvic.pending;
        *pending = *pending & !Self::LINES | self.lines & !active;
    }

    /// When something will happen by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        let events = [self.next_due(), self.network.next_event()];
        events.into_iter().flatten().min()
    }

    /// The same, on the board: what comes over the network comes when it comes.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let events = [self.timer.next_event(), self.watchdog.fires()];
        events.into_iter().flatten().min()
    }

    fn device_lines(&self) -> u32 {
        self.timer.lines()
            | u32::from(self.dma.line(0)) << 11
            | u32::from(self.dma.line(1)) << 12
            | u32::from(self.gpio.line()) << 13
            | u32::from(self.uart.line()) << 20
    }

    /// The lines that belong to a device here; software may pend the others.
    const LINES: u32 = 0xF | 3 << 11 | 1 << 13 | 1 << 20;

    fn wire_ethernet(&mut self) {
        let levels = self.gpio.levels();
        if levels >> ETHERNET_RESET & 1 == 0 {
            self.ethernet.reset();
        }
        self.ethernet.select(levels >> ETHERNET_SELECT & 1 == 0);
        self.gpio
            .drive(ETHERNET_INTERRUPT, self.ethernet.interrupt_pin());
    }

    pub(crate) fn fail(&mut self, stop: impl Into<Stop>) {
        // The first thing that goes wrong is the one to hear about.
        if self.stop.is_none() {
            self.stop = Some(stop.into());
        }
    }

    fn check<T: Default>(&mut self, result: Result<T, Stop>) -> T {
        result.unwrap_or_else(|stop| {
            self.fail(stop);
            T::default()
        })
    }
}

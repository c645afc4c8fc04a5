//! Everything around the core: the devices, the wires between them, and time.

mod ethernet;
mod map;
mod registers;
mod time;

pub(crate) use map::SYSTEM;
pub(crate) use registers::IWDG;

use super::devices::exti::Exti;
use super::devices::flash::FlashInterface;
use super::devices::gpio::Gpio;
use super::devices::iwdg::Iwdg;
use super::devices::rcc::{Clocks, Rcc};
use super::devices::spi::Spi;
use super::devices::systick::SysTick;
use super::devices::timer::Timer;
use super::devices::usart::Usart;
use crate::calls::Recordings;
use crate::devices::Plain;
use crate::devices::w5500::W5500;
use crate::exit::{Reset, Stop};
use crate::line::BoardEnd;
use crate::memory::Memory;
use crate::network::Network;
use core::hash::{Hash as _, Hasher};
use ota_sim::Flash;

const SRAM1: (u32, usize) = (0x2000_0000, 96 * 1024);
const SRAM2: (u32, usize) = (0x1000_0000, 32 * 1024);
const PICOSECONDS: u64 = 1_000_000_000_000;

/// What is known of a timer besides its registers.
struct TimerPlace {
    block: u32,
    interrupt: u32,
    mask: u32,
    channels: usize,
    /// Which of the buses it is on, and the bit that gives it its clock.
    bus: usize,
    enable: (u32, u32),
}

const fn timer(block: u32, interrupt: u32, mask: u32, channels: usize, bit: u32) -> TimerPlace {
    let slow = block < 0x4001_0000;
    TimerPlace {
        block,
        interrupt,
        mask,
        channels,
        bus: if slow { 0 } else { 1 },
        enable: (if slow { 0x58 } else { 0x60 }, bit),
    }
}

/// TIM2 to TIM5, and TIM15 to TIM17.
const TIMERS: [TimerPlace; 7] = [
    timer(0x4000_0000, 28, u32::MAX, 4, 0),
    timer(0x4000_0400, 29, 0xFFFF, 4, 1),
    timer(0x4000_0800, 30, 0xFFFF, 4, 2),
    timer(0x4000_0C00, 50, u32::MAX, 4, 3),
    timer(0x4001_4000, 24, 0xFFFF, 2, 16),
    timer(0x4001_4400, 25, 0xFFFF, 1, 17),
    timer(0x4001_4800, 26, 0xFFFF, 1, 18),
];
const FLASH_INTERRUPT: u32 = 4;
const USART2_INTERRUPT: u32 = 38;

/// What the core did in a round of a loop, besides computing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Doings {
    #[default]
    Nothing,
    /// It asked a busy flash whether it is.
    Polls,
    /// It stored something, or asked for something else.
    More,
}

/// Everything around the core.
#[derive(Debug, Clone)]
pub(crate) struct Bus {
    /// Picoseconds since the board was made.
    pub(crate) now: u64,
    /// When some device next has something to do; 0: look at once.
    pub(crate) deadline: u64,
    /// Set when the run has to look at something before the next instruction.
    pub(crate) stop: Option<Stop>,
    pub(crate) reset: Option<Reset>,
    pub(crate) sram1: Memory,
    pub(crate) sram2: Memory,
    pub(crate) flash: FlashInterface,
    pub(crate) rcc: Rcc,
    pub(crate) systick: SysTick,
    pub(crate) iwdg: Iwdg,
    pub(crate) usart: Usart,
    pub(crate) gpio: Gpio,
    exti: Exti,
    spi: Spi,
    /// On the Arduino headers.
    pub(crate) ethernet: W5500,
    pub(crate) network: Network,
    /// Who is at the other end of the serial line.
    pub(crate) line: BoardEnd,
    /// The interrupt lines, as of the last time that the devices ran.
    pub(crate) lines: u64,
    /// The core reached for something that does not exist.
    pub(crate) nothing_at: Option<u32>,
    pub(crate) fault_pending: bool,
    /// Calls that are being recorded.
    pub(crate) recordings: Recordings,
    /// What the core did since a loop began.
    doings: Doings,
    /// FB_MODE: the second bank is in front of the first.
    pub(crate) swapped: bool,
    /// Set when what the core has decoded of the flash is no longer what is there.
    pub(crate) other_code: bool,
    timers: [Timer; 7],
    clocks: Clocks,
    /// Picoseconds of a cycle of the core.
    cycle: u64,
    /// Blocks that only remember: PWR, SYSCFG and others.
    plain: Plain,
    /// The RTC's registers, among them those that a program may keep things in.
    backup: Plain,
}

/// RAM after a power-up.
pub(crate) fn rubbish() -> [Memory; 2] {
    [SRAM1, SRAM2].map(|(start, len)| Memory::new(start, len))
}

impl Bus {
    pub(crate) fn new(flash: Flash) -> Self {
        let [sram1, sram2] = rubbish();
        let rcc = Rcc::new();
        let clocks = rcc.clocks();
        let cycle = PICOSECONDS / clocks.core;
        let mut bus = Self {
            now: 0,
            deadline: 0,
            stop: None,
            reset: None,
            sram1,
            sram2,
            flash: FlashInterface::new(flash),
            rcc,
            systick: SysTick::new(cycle),
            iwdg: Iwdg::default(),
            usart: Usart::new(clocks.usart2),
            gpio: Gpio::new(),
            exti: Exti::default(),
            spi: Spi::default(),
            ethernet: W5500::new(),
            network: Network::default(),
            line: BoardEnd::default(),
            lines: 0,
            nothing_at: None,
            fault_pending: false,
            recordings: Recordings::default(),
            doings: Doings::default(),
            swapped: false,
            other_code: false,
            timers: core::array::from_fn(|i| {
                Timer::new(TIMERS[i].mask, TIMERS[i].channels, cycle, 0)
            }),
            clocks,
            cycle,
            plain: Plain::default(),
            backup: Plain::default(),
        };
        bus.reset_devices();
        bus
    }

    /// What a reset does to the devices; memory, flash and RCC go their own way.
    pub(crate) fn reset_devices(&mut self) {
        self.clocks = self.rcc.clocks();
        self.cycle = PICOSECONDS / self.clocks.core.max(1);
        self.systick = SysTick::new(self.cycle);
        self.iwdg = Iwdg::default();
        self.usart = Usart::new(self.clocks.usart2);
        self.gpio.reset();
        self.exti = Exti::default();
        self.spi.reset();
        self.ethernet.select(false);
        self.network.forget_connections();
        for index in 0..TIMERS.len() {
            self.reset_timer(index);
        }
        self.plain = Plain::default();
        // PWR_CR1: range 1.
        self.plain.write(0x4000_7000, 0x200);
        self.lines = 0;
        self.nothing_at = None;
        self.fault_pending = false;
        self.swapped = false;
        self.other_code = false;
        self.deadline = 0;
    }

    fn reset_timer(&mut self, index: usize) {
        let place = &TIMERS[index];
        let cycle = PICOSECONDS / self.clocks.timers[place.bus].max(1);
        self.timers[index] = Timer::new(place.mask, place.channels, cycle, self.now);
    }

    /// The power was off: the RTC has no battery here.
    pub(crate) fn forget_backup(&mut self) {
        self.backup = Plain::default();
        self.ethernet.reset();
    }

    /// The core reaches for something that does not exist.
    fn nothing(&mut self, address: u32) {
        self.nothing_at.get_or_insert(address);
        self.fault_pending = true;
    }

    pub(crate) fn fail(&mut self, stop: impl Into<Stop>) {
        // The first thing that goes wrong is the one to hear about.
        if self.stop.is_none() {
            self.stop = Some(stop.into());
        }
    }

    /// Whether the core did nothing since this was last asked but ask a busy flash whether it is.
    #[inline]
    pub(crate) fn take_polled(&mut self) -> bool {
        core::mem::take(&mut self.doings) == Doings::Polls
    }

    /// Whether nothing is under way: the devices wait for the core.
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.lines == 0
            && self.stop.is_none()
            && self.reset.is_none()
            && !self.fault_pending
            && !self.systick.runs()
            && self.flash.is_undisturbed()
            && !self.usart.has_sent()
    }

    /// What a cycle is, and what is where.
    pub(crate) fn hash_clock(&self, hasher: &mut impl Hasher) {
        (self.cycle, self.swapped).hash(hasher);
    }

    fn check<T: Default, E: Into<Stop>>(&mut self, result: Result<T, E>) -> T {
        result.unwrap_or_else(|stop| {
            self.fail(stop);
            T::default()
        })
    }
}

//! Everything around the core: memory, the devices, the wires between them, and time.

mod map;
mod registers;
mod time;

use super::devices::cache::Cache;
use super::devices::clocks::Clocks;
use super::devices::gpio::Gpio;
use super::devices::interrupts::Matrix;
use super::devices::registers::Registers;
use super::devices::rtc::Rtc;
use super::devices::sha::Sha;
use super::devices::spi::Spi;
use super::devices::systimer::SysTimer;
use super::devices::timg::TimerGroup;
use super::devices::uart::Uart;
use super::devices::usb::Usb;
use super::devices::{SECOND, XTAL};
use super::rom::Rom;
use crate::calls::Recordings;
use crate::devices::nor::Nor;
use crate::exit::Stop;
use crate::line::BoardEnd;
use crate::memory::Memory;
use map::Window;
use ota_sim::Flash;

pub(crate) use map::{CODE_VIEW, DATA_VIEW, SRAM_LEN, is_code, is_data};
pub(crate) use registers::{RTC, SHA};

/// RAM that the cache works with while it is on.
const SRAM0: (u32, usize) = (0x4037_C000, 0x4000);
const RTC_MEMORY: (u32, usize) = (0x5000_0000, 0x2000);

/// How much of the chip a reset is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Cpu,
    /// All but the RTC.
    Core,
    /// All.
    System,
}

/// Why, in the chip's numbers: what RESET_STATE reads.
pub(crate) mod cause {
    pub(crate) const POWER_ON: u32 = 0x01;
    pub(crate) const SOFTWARE: u32 = 0x03;
    /// The watchdogs of the timer groups, and of the RTC: the core.
    pub(crate) const TIMER_GROUPS: [u32; 2] = [0x07, 0x08];
    pub(crate) const RTC_WATCHDOG: u32 = 0x09;
    /// The same: the processor only.
    pub(crate) const TIMER_GROUPS_CPU: [u32; 2] = [0x0B, 0x11];
    pub(crate) const SOFTWARE_CPU: u32 = 0x0C;
    pub(crate) const RTC_WATCHDOG_CPU: u32 = 0x0D;
    pub(crate) const BROWN_OUT: u32 = 0x0F;
    /// The watchdog of the RTC, and the super watchdog: the whole system.
    pub(crate) const RTC_WATCHDOG_SYSTEM: u32 = 0x10;
    pub(crate) const SUPER_WATCHDOG: u32 = 0x12;
}

#[derive(Debug, Clone)]
pub(crate) struct Bus {
    /// Picoseconds since the board was made.
    pub(crate) now: u64,
    /// When some device next has something to do; 0: look at once.
    pub(crate) deadline: u64,
    /// Set when the run has to look at something before the next instruction.
    pub(crate) stop: Option<Stop>,
    pub(crate) reset: Option<(Scope, u32)>,
    /// The interrupt that the processor is to take.
    pub(crate) interrupt: Option<u32>,
    pub(crate) sram: Memory,
    sram0: Memory,
    pub(crate) rtc_memory: Memory,
    pub(crate) nor: Nor,
    pub(crate) cache: Cache,
    pub(crate) rom: Rom,
    pub(crate) uart: Uart,
    pub(crate) usb: Usb,
    pub(crate) gpio: Gpio,
    pub(crate) matrix: Matrix,
    pub(crate) rtc: Rtc,
    pub(crate) groups: [TimerGroup; 2],
    pub(crate) clocks: Clocks,
    pub(crate) systimer: SysTimer,
    pub(crate) sha: Sha,
    spi: Spi,
    /// Calls that are being recorded.
    pub(crate) recordings: Recordings,
    /// Blocks that only remember, by address.
    plain: Registers,
    /// Who is at the other end of UART0.
    pub(crate) line: BoardEnd,
    /// Sectors of the flash windows that can be read without a second look.
    code: Window,
    data: Window,
    /// Picoseconds of a cycle of the core.
    pub(crate) cycle: u64,
}

fn rubbish((start, len): (u32, usize)) -> Memory {
    Memory::new(start, len)
}

impl Bus {
    pub(crate) fn new(flash: Flash) -> Self {
        let (clocks, now) = (Clocks::new(), 0);
        let apb = clocks.apb();
        Self {
            now,
            deadline: 0,
            stop: None,
            reset: None,
            interrupt: None,
            sram: rubbish((DATA_VIEW, SRAM_LEN as usize)),
            sram0: rubbish(SRAM0),
            rtc_memory: rubbish(RTC_MEMORY),
            nor: Nor::new(flash),
            cache: Cache::new(),
            rom: Rom::new(),
            uart: Uart::new(apb),
            usb: Usb::new(),
            gpio: Gpio::new(),
            matrix: Matrix::new(),
            rtc: Rtc::new(cause::POWER_ON, now),
            groups: [0, 1].map(|number| TimerGroup::new(number, apb, now)),
            clocks,
            systimer: SysTimer::new(now),
            sha: Sha::new(),
            spi: Spi::new(),
            recordings: Recordings::default(),
            plain: registers::plain(),
            line: BoardEnd::default(),
            code: Window::NOWHERE,
            data: Window::NOWHERE,
            cycle: SECOND / (XTAL / 2),
        }
    }

    /// What a reset does to the devices.
    pub(crate) fn reset_devices(&mut self, scope: Scope, cause: u32) {
        match scope {
            Scope::System => self.rtc = Rtc::new(cause, self.now),
            Scope::Core | Scope::Cpu => self.rtc.note_reset(cause),
        }
        if scope != Scope::Cpu {
            self.reset_core();
        }
        self.rom = Rom::new();
        self.look_again();
        self.stop = None;
        self.reset = None;
    }

    fn reset_core(&mut self) {
        self.clocks = Clocks::new();
        self.uart.reset();
        self.usb = Usb::new();
        self.gpio.reset();
        self.matrix = Matrix::new();
        self.cache = Cache::new();
        self.systimer = SysTimer::new(self.now);
        self.sha = Sha::new();
        self.spi = Spi::new();
        self.plain = registers::plain();
        let (apb, now) = (self.clocks.apb(), self.now);
        self.groups = [0, 1].map(|number| TimerGroup::new(number, apb, now));
        self.retime();
    }

    /// The power was off, or too low: no memory has kept what it held.
    pub(crate) fn forget_memory(&mut self) {
        self.sram = rubbish((DATA_VIEW, SRAM_LEN as usize));
        self.sram0 = rubbish(SRAM0);
        self.rtc_memory = rubbish(RTC_MEMORY);
    }

    /// All memory but the flash.
    pub(crate) const fn memories(&self) -> [&Memory; 3] {
        [&self.sram, &self.sram0, &self.rtc_memory]
    }

    pub(crate) fn fail(&mut self, stop: impl Into<Stop>) {
        // The first thing that goes wrong is the one to hear about.
        if self.stop.is_none() {
            self.stop = Some(stop.into());
        }
    }

    pub(crate) fn check<T: Default, E: Into<Stop>>(&mut self, result: Result<T, E>) -> T {
        result.unwrap_or_else(|stop| {
            self.fail(stop);
            T::default()
        })
    }
}

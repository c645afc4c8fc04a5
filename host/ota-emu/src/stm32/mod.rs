//! A NUCLEO-L476RG in software: an STM32L476RG with its flash in two banks, and the serial line
//! of its debugger.

mod bus;
mod calls;
mod cpu;
mod devices;
mod idle;
mod outside;
mod power;
mod step;

use bus::Bus;
use core::hash::Hash as _;
use core::ops::Range;
use cpu::Cpu;
use devices::cells::{BANK, PAGE, SIZE, WORD};
use idle::Poll;
use ota_sim::{Config, Flash};
use std::hash::DefaultHasher;
use std::io;
use std::path::Path;

use crate::board::{Chip, Step, Steps};
use crate::calls::Shared;
use crate::exit::{Exit, Reset};
pub use crate::line::SerialLine;
use crate::log::Log;

/// Where the flash begins.
pub const FLASH_START: u32 = 0x0800_0000;
/// Bytes of flash, in two banks.
pub const FLASH_SIZE: u32 = SIZE;
/// The registers of the flash interface.
const FLASH_REGISTERS: u32 = 0x4002_2000;

/// What the chip's flash looks like to `ota-sim`: double words are programmed one by one, each
/// with its error correction, and erased in pages of 2 KiB.
#[must_use]
pub const fn flash_config() -> Config {
    Config::new(SIZE, WORD, PAGE).with_ecc()
}

/// A blank flash.
#[must_use]
pub fn flash() -> Flash {
    Flash::new(flash_config())
}

/// A flash whose contents are a file: see [`Flash::open_file`].
///
/// # Errors
/// If the file cannot be read or written, or has another size.
pub fn flash_file(path: impl AsRef<Path>) -> io::Result<Flash> {
    Flash::open_file(path, flash_config())
}

/// A NUCLEO-L476RG.
pub type Board = crate::Board<Stm32l4>;

/// The STM32L476RG with what is on its board.
#[derive(Debug)]
pub struct Stm32l4 {
    cpu: Cpu,
    bus: Bus,
    locked_up: bool,
    asleep: bool,
    /// It has just gone to sleep.
    falls_asleep: bool,
    /// The loop that the core may be in.
    poll: Option<Poll>,
    /// Calls that need not be executed again.
    calls: Option<Shared<Self>>,
}

impl Clone for Stm32l4 {
    fn clone(&self) -> Self {
        let mut bus = self.bus.clone();
        Self {
            cpu: self.cpu.copy(&mut bus),
            bus,
            calls: self.calls.clone(),
            ..*self
        }
    }
}

impl Chip for Stm32l4 {
    const CODE: Range<u32> = FLASH_START..FLASH_START + FLASH_SIZE;
    const RESET_PIN: &'static str = "NRST";

    fn new(flash: Flash) -> Self {
        Self {
            cpu: Cpu::starting_at(0, 0),
            bus: Bus::new(flash),
            locked_up: false,
            asleep: false,
            falls_asleep: false,
            poll: None,
            calls: None,
        }
    }

    #[inline]
    fn step(&mut self, delivers_hard_faults: bool) -> Step {
        match self.go(delivers_hard_faults) {
            Some(exit) => Step::Ends(exit),
            None if core::mem::take(&mut self.falls_asleep) => Step::Sleeps,
            None => Step::Goes,
        }
    }

    fn run(&mut self, steps: &mut Steps) -> Step {
        steps.make(self)
    }

    fn reset(&mut self, cause: Reset) {
        self.reset_by(cause);
    }

    fn power_up(&mut self) {
        self.start_cold();
    }

    fn press_reset(&mut self) {
        self.start_by_pin();
    }

    fn boot(&mut self) -> Option<Exit> {
        self.fetch_vectors();
        None
    }

    fn pc(&self) -> u32 {
        self.cpu.pc()
    }

    fn now(&self) -> u64 {
        self.bus.now / 1000
    }

    fn flash(&self) -> &Flash {
        self.bus.flash.cells().flash()
    }

    fn edit_flash<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        self.bus.recordings.give_up();
        self.bus.flash.cells_mut().edit(change)
    }

    /// Once the operation is under way.
    fn flash_call(&self) -> Option<u64> {
        self.bus.flash.busy_until()
    }

    fn word(&self, address: u32) -> Option<u32> {
        self.bus.word(address)
    }

    fn hash_state(&self, hasher: &mut DefaultHasher) {
        self.cpu.hash(hasher);
        self.bus.flash.hash(hasher);
        self.bus.swapped.hash(hasher);
        self.bus.sram1.all().hash(hasher);
        self.bus.sram2.all().hash(hasher);
    }

    fn listen(&mut self) {
        self.bus.listen();
    }

    fn drain(&mut self, instructions: u64, log: &mut Log) {
        let now = self.now();
        if !self.bus.line.is_attached() && self.bus.usart.has_sent() {
            log.uart(now, &self.bus.usart.take_sent());
        }
        let at = (now, self.cpu.pc(), instructions);
        let cells = self.bus.flash.cells();
        let swapped = self.bus.swapped;
        let changes = log.drain_rtt(at, &mut self.bus.sram1, |address, bytes| {
            let offset = address - FLASH_START;
            cells.holds(if swapped { offset ^ BANK } else { offset }, bytes)
        });
        if changes {
            self.bus.recordings.give_up();
        }
    }
}

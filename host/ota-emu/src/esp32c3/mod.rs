//! An ESP32-C3 in software: a module with 4 MiB of flash, and its serial line.

mod bus;
mod calls;
pub mod cpu;
mod devices;
mod idle;
mod outside;
mod power;
mod rom;
mod step;

use bus::Bus;
use core::hash::Hash as _;
use core::ops::Range;
use cpu::Cpu;
use devices::cache::{CODE, WINDOW};
use ota_sim::{Config, Flash};
use std::hash::DefaultHasher;
use std::io;
use std::path::Path;

use crate::board::{Chip, Step, Steps};
use crate::calls::Shared;
use crate::exit::{Exit, Reset};
pub use crate::line::SerialLine;
use crate::log::Log;

/// Bytes of the flash chip in a usual module.
pub const FLASH_SIZE: u32 = 4 << 20;

/// What the flash chip looks like to `ota-sim`: bytes are programmed one by one (up to 32 at a time
/// by the mask ROM), and erased in sectors of 4 KiB.
#[must_use]
pub const fn flash_config() -> Config {
    Config::new(FLASH_SIZE, 1, 4096)
}

/// A blank flash chip of [`FLASH_SIZE`].
#[must_use]
pub fn flash() -> Flash {
    Flash::new(flash_config())
}

/// A flash chip of [`FLASH_SIZE`] whose contents are a file: see [`Flash::open_file`].
///
/// # Errors
/// If the file cannot be read or written, or has another size.
pub fn flash_file(path: impl AsRef<Path>) -> io::Result<Flash> {
    Flash::open_file(path, flash_config())
}

/// A board with an ESP32-C3.
pub type Board = crate::Board<Esp32c3>;

/// The ESP32-C3 with its flash chip.
#[derive(Debug, Clone)]
pub struct Esp32c3 {
    cpu: Cpu,
    bus: Bus,
    /// The core sleeps or does nothing, and the board was told so.
    asleep: bool,
    /// It has just begun to.
    falls_asleep: bool,
    /// Calls that need not be executed again.
    calls: Option<Shared<Self>>,
}

impl Chip for Esp32c3 {
    const CODE: Range<u32> = CODE..CODE + WINDOW;
    const RESET_PIN: &'static str = "EN";

    fn new(flash: Flash) -> Self {
        Self {
            cpu: Cpu::starting_at(rom::START),
            bus: Bus::new(flash),
            asleep: false,
            falls_asleep: false,
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

    /// The bus knows more of the cause.
    fn reset(&mut self, _: Reset) {
        self.reset_by_wish();
    }

    fn power_up(&mut self) {
        self.start_cold();
    }

    fn press_reset(&mut self) {
        self.start_by_pin();
    }

    fn boot(&mut self) -> Option<Exit> {
        self.run_mask_rom()
    }

    fn pc(&self) -> u32 {
        self.cpu.pc
    }

    fn now(&self) -> u64 {
        self.bus.now / 1000
    }

    fn flash(&self) -> &Flash {
        self.bus.nor.flash()
    }

    fn edit_flash<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        self.bus.recordings.give_up();
        self.bus.nor.edit(change)
    }

    /// Before the mask ROM's function does anything.
    fn flash_call(&self) -> Option<u64> {
        let begins = rom::changes_flash(self.cpu.pc) && !self.bus.rom.is_under_way();
        begins.then_some(self.bus.now)
    }

    fn word(&self, address: u32) -> Option<u32> {
        self.bus.peek(address).map(u32::from_le_bytes)
    }

    fn hash_state(&self, hasher: &mut DefaultHasher) {
        self.cpu.hash(hasher);
        self.bus.cache.hash(hasher);
        self.bus.rom.hash(hasher);
        self.bus.rtc.hash(hasher);
        self.bus.sha.hash(hasher);
        for memory in self.bus.memories() {
            memory.all().hash(hasher);
        }
    }

    fn listen(&mut self) {
        self.bus.listen();
    }

    fn drain(&mut self, instructions: u64, log: &mut Log) {
        let now = self.now();
        if !self.bus.line.is_attached() && self.bus.uart.has_sent() {
            log.uart(now, &self.bus.uart.take_sent());
        }
        if self.bus.usb.has_sent() {
            log.usb(now, &self.bus.usb.take_sent());
        }
        let at = (now, self.cpu.pc, instructions);
        let Bus {
            nor, cache, sram, ..
        } = &mut self.bus;
        let changes = log.drain_rtt(at, sram, |address, bytes| {
            cache.shows(nor.contents(), address, bytes)
        });
        if changes {
            self.bus.recordings.give_up();
        }
    }
}

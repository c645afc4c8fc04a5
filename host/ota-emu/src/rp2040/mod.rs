//! A W5500-EVB-Pico in software: an RP2040 with its flash chip, and a W5500 Ethernet chip with a
//! cable that leads to the loopback interface.

mod bus;
mod calls;
mod cpu;
mod devices;
mod idle;
mod outside;
mod power;
mod rom;
mod step;

use bus::{Bus, XIP};
use core::hash::Hash as _;
use core::ops::Range;
use cpu::Cpu;
use ota_sim::{Config, Flash};
use std::hash::DefaultHasher;
use std::io;
use std::path::Path;

use crate::board::{Chip, Step, Steps};
use crate::calls::Shared;
use crate::exit::{Exit, Reset};
use crate::log::Log;

/// Bytes of the flash chip on a Pico and on a W5500-EVB-Pico.
pub const FLASH_SIZE: u32 = 2 << 20;

/// What a board's flash chip looks like to `ota-sim`: bytes are programmed one by one (up to
/// 256 at a time), and erased in sectors of 4 KiB.
#[must_use]
pub const fn flash_config(size: u32) -> Config {
    Config::new(size, 1, 4096)
}

/// A blank flash chip of [`FLASH_SIZE`].
#[must_use]
pub fn flash() -> Flash {
    Flash::new(flash_config(FLASH_SIZE))
}

/// A flash chip of [`FLASH_SIZE`] whose contents are a file: see [`Flash::open_file`].
///
/// # Errors
/// If the file cannot be read or written, or has another size.
pub fn flash_file(path: impl AsRef<Path>) -> io::Result<Flash> {
    Flash::open_file(path, flash_config(FLASH_SIZE))
}

/// A W5500-EVB-Pico.
pub type Board = crate::Board<Rp2040>;

/// The RP2040 with what is on its board.
#[derive(Debug, Clone)]
pub struct Rp2040 {
    cpu: Cpu,
    bus: Bus,
    /// The flash contents that the core has decoded.
    generation: u64,
    locked_up: bool,
    /// Calls that need not be executed again.
    calls: Option<Shared<Self>>,
}

impl Chip for Rp2040 {
    const CODE: Range<u32> = XIP;
    const RESET_PIN: &'static str = "RUN";

    fn new(flash: Flash) -> Self {
        Self {
            cpu: Cpu::starting_at(0, 0),
            bus: Bus::new(flash),
            generation: 0,
            locked_up: false,
            calls: None,
        }
    }

    #[inline]
    fn step(&mut self, delivers_hard_faults: bool) -> Step {
        match self.go(delivers_hard_faults) {
            Some(exit) => Step::Ends(exit),
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
        self.run_boot_rom()
    }

    fn pc(&self) -> u32 {
        self.cpu.pc()
    }

    fn now(&self) -> u64 {
        self.bus.now
    }

    fn flash(&self) -> &Flash {
        self.bus.nor.flash()
    }

    fn edit_flash<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        self.bus.recordings.give_up();
        let result = self.bus.nor.edit(change);
        self.generation = self.bus.nor.generation();
        self.cpu.forget_flash();
        result
    }

    /// Before the boot ROM's function.
    fn flash_call(&self) -> Option<u64> {
        rom::changes_flash(self.cpu.pc()).then_some(self.bus.now)
    }

    fn word(&self, address: u32) -> Option<u32> {
        self.bus.memory.read(address).map(u32::from_le_bytes)
    }

    fn hash_state(&self, hasher: &mut DefaultHasher) {
        self.cpu.hash(hasher);
        self.bus.memory.all().hash(hasher);
    }

    fn drain(&mut self, instructions: u64, log: &mut Log) {
        let now = self.bus.now;
        if self.bus.uart.has_output() {
            log.uart(now, &self.bus.uart.take_output());
        }
        let at = (now, self.cpu.pc(), instructions);
        let flash = self.bus.nor.contents();
        let changes = log.drain_rtt(at, &mut self.bus.memory, |address, bytes| {
            let rest = flash.get((address - XIP.start) as usize..);
            rest.is_some_and(|rest| rest.starts_with(bytes))
        });
        if changes {
            self.bus.recordings.give_up();
        }
    }
}

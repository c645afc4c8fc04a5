//! The board: what a test builds, runs, cuts the power of, and looks at.

mod idle;
mod outside;
mod power;

use super::bus::Bus;
use super::cpu::{Cpu, Event};
use super::{FLASH_SIZE, FLASH_START};
use crate::exit::{Exit, Fault, Stop};
use crate::log::{COLLECT, Log};
use ota_sim::Flash;

/// What the board is doing between two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Runs,
    /// It will not go on by itself; every run says the same.
    Stopped(Exit),
}

/// A NUCLEO-L476RG: an STM32L476RG in software.
///
/// A clone is a snapshot of all of it, but for the serial line, which it does not have.
#[derive(Debug)]
pub struct Board {
    cpu: Cpu,
    bus: Bus,
    log: Log,
    state: State,
    instructions: u64,
    delivers_hard_faults: bool,
    stops_at_flash: bool,
    /// The end of the flash operation that the run stopped at last.
    stopped_at: Option<u64>,
    locked_up: bool,
    asleep: bool,
    /// The core has just gone to sleep.
    pauses: bool,
}

impl Clone for Board {
    fn clone(&self) -> Self {
        let mut bus = self.bus.clone();
        Self {
            cpu: self.cpu.copy(&mut bus),
            bus,
            log: self.log.clone(),
            state: self.state.clone(),
            ..*self
        }
    }
}

impl Board {
    /// A board whose flash holds what `flash` does, switched on.
    ///
    /// # Panics
    /// If the flash is not that of the chip: see [`flash`](super::flash).
    #[must_use]
    pub fn new(flash: Flash) -> Self {
        let mut board = Self {
            cpu: Cpu::starting_at(0, 0),
            bus: Bus::new(flash),
            log: Log::new(FLASH_START..FLASH_START + FLASH_SIZE),
            state: State::Runs,
            instructions: 0,
            delivers_hard_faults: false,
            stops_at_flash: false,
            stopped_at: None,
            locked_up: false,
            asleep: false,
            pauses: false,
        };
        board.boot();
        board
    }

    /// Runs `limit` instructions, or until something ends the run earlier. Sleeping costs an
    /// instruction for each thing that happens meanwhile.
    pub fn run(&mut self, limit: u64) -> Exit {
        let exit = self.go(limit, None);
        self.collect();
        exit
    }

    /// Runs until a line is logged that holds `text`, through resets, for `limit` instructions
    /// at most. A line that was logged before the call does not count.
    pub fn run_until(&mut self, text: &str, limit: u64) -> Exit {
        self.collect();
        self.log.look_away();
        let end = self.instructions.saturating_add(limit);
        loop {
            let exit = self.go(end.saturating_sub(self.instructions), Some(text));
            self.collect();
            if self.log.seen(text) {
                return Exit::Seen;
            }
            if !matches!(exit, Exit::Reset(_)) {
                return exit;
            }
        }
    }

    /// Runs until the firmware has begun to erase or program flash, which answers
    /// [`Exit::FlashCall`]; it is the next operation, the first that can be cut. What a sweep
    /// forks at.
    pub fn run_to_flash_call(&mut self, limit: u64) -> Exit {
        self.stops_at_flash = true;
        let exit = self.run(limit);
        self.stops_at_flash = false;
        exit
    }

    fn go(&mut self, limit: u64, text: Option<&str>) -> Exit {
        if let State::Stopped(exit) = &self.state {
            return exit.clone();
        }
        let end = self.instructions.saturating_add(limit);
        while self.instructions < end {
            if let Some(exit) = self.step() {
                return exit;
            }
            self.instructions += 1;
            if self.instructions.is_multiple_of(COLLECT) || core::mem::take(&mut self.pauses) {
                self.bus.listen();
                self.collect();
                if text.is_some_and(|text| self.log.seen(text)) {
                    return Exit::Seen;
                }
            }
            if self.stops_at_flash && self.begins_operation() {
                return Exit::FlashCall;
            }
        }
        Exit::Limit
    }

    /// Whether a flash operation is under way that the run did not stop at yet.
    fn begins_operation(&mut self) -> bool {
        let under_way = self.bus.flash.busy_until();
        let begins = under_way.is_some() && under_way != self.stopped_at;
        if begins {
            self.stopped_at = under_way;
        }
        begins
    }

    fn step(&mut self) -> Option<Exit> {
        let exit = if self.locked_up {
            self.wait_locked_up()
        } else if !self.cpu.sleeps() {
            self.asleep = false;
            self.execute()
        } else if self.asleep {
            self.sleep()
        } else {
            // Much time may pass now: the logs are collected before.
            self.asleep = true;
            self.pauses = true;
            None
        };
        match exit {
            Some(exit) => Some(exit),
            None => self.settle(),
        }
    }

    /// One instruction.
    fn execute(&mut self) -> Option<Exit> {
        let pc = self.cpu.pc();
        if !self.bus.wait_for_code(pc) {
            return None;
        }
        self.bus.execute(pc);
        let (cycles, event) = self.cpu.step(&mut self.bus);
        self.bus.spend(cycles);
        match event {
            Event::HardFault if !self.delivers_hard_faults => {
                let fault = self.cpu.hard_fault(&self.bus);
                self.bus.fail(fault);
            }
            Event::HardFault => self.bus.nothing_at = None,
            Event::Breakpoint => self.bus.fail(Fault::Breakpoint { pc }),
            Event::LockedUp => self.locked_up = true,
            Event::None => return self.spin(pc),
        }
        None
    }

    /// What follows from the instruction: devices, interrupts, caches, faults, resets.
    fn settle(&mut self) -> Option<Exit> {
        if self.bus.now >= self.bus.deadline {
            self.bus.run_devices();
        }
        self.cpu.interrupt(&mut self.bus);
        self.forget_changed_code();
        if let Some(stop) = self.bus.stop.take() {
            return Some(self.stop(match stop {
                Stop::PowerCut => Exit::PowerCut,
                Stop::Fault(fault) => Exit::Fault(fault),
            }));
        }
        let reset = self.bus.reset.take()?;
        Some(self.reset(reset))
    }

    fn forget_changed_code(&mut self) {
        for memory in [&mut self.bus.sram1, &mut self.bus.sram2] {
            if let Some(addresses) = memory.take_changed_code() {
                for address in addresses {
                    self.cpu.forget_code(address..address + 8);
                }
            }
        }
        if let Some(range) = self.bus.flash.cells_mut().take_changed() {
            self.cpu.forget_code(range.clone());
            self.cpu
                .forget_code(FLASH_START + range.start..FLASH_START + range.end);
        }
    }

    fn stop(&mut self, exit: Exit) -> Exit {
        self.state = State::Stopped(exit.clone());
        exit
    }

    /// Takes what the firmware has logged out of its buffers.
    fn collect(&mut self) {
        let now = self.now_ns();
        if self.bus.line.is_none() && self.bus.usart.has_sent() {
            let bytes = self.bus.usart.take_sent();
            self.log.uart(now, &bytes);
        }
        let at = (now, self.cpu.pc(), self.instructions);
        let flash = || self.bus.flash.cells().bytes();
        self.log.drain_rtt(at, &mut self.bus.sram1, flash);
    }

    const fn now_ns(&self) -> u64 {
        self.bus.now / 1000
    }
}

//! The board: what a test builds, runs, cuts the power of, and looks at.

mod idle;
mod logs;
mod outside;
mod power;

use crate::bus::{Bus, XIP};
use crate::cpu::{Cpu, Event};
use crate::exit::Exit;
use crate::exit::Stop;
use crate::log::{COLLECT, Log};
use crate::rom;
use core::ops::Range;
use ota_sim::Flash;

/// What the board is doing between two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Runs,
    /// It will not go on by itself; every run says the same.
    Stopped(Exit),
}

/// A W5500-EVB-Pico: an RP2040 with its flash chip and a W5500 Ethernet chip, in software.
///
/// A clone is a snapshot of all of it; what a clone does not have is the network connections
/// that were open, which break as if the peer had restarted.
#[derive(Debug, Clone)]
pub struct Board {
    cpu: Cpu,
    bus: Bus,
    log: Log,
    state: State,
    instructions: u64,
    /// The flash contents that the core has decoded.
    generation: u64,
    delivers_hard_faults: bool,
    stops_before_flash: bool,
    /// Code that the run stops before; usually none.
    stops_in: Range<u32>,
    /// The flash call that the run stopped before is to be made now.
    calls_flash: bool,
    locked_up: bool,
}

impl Board {
    /// A board whose flash chip holds what `flash` does, switched on.
    ///
    /// # Panics
    /// If the flash is not such a chip: see [`flash`](crate::flash).
    #[must_use]
    pub fn new(flash: Flash) -> Self {
        let mut board = Self {
            cpu: Cpu::starting_at(0, 0),
            bus: Bus::new(flash),
            log: Log::new(XIP),
            state: State::Runs,
            instructions: 0,
            generation: 0,
            delivers_hard_faults: false,
            stops_before_flash: false,
            stops_in: 0..0,
            calls_flash: false,
            locked_up: false,
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

    /// Runs until the firmware is about to erase or program flash through the boot ROM, which
    /// answers [`Exit::FlashCall`]; the next run makes the call. What a sweep forks at.
    pub fn run_to_flash_call(&mut self, limit: u64) -> Exit {
        self.stops_before_flash = true;
        let exit = self.run(limit);
        self.stops_before_flash = false;
        exit
    }

    /// Runs until an instruction in the flash window, at one of these addresses, is the next one,
    /// which answers [`Exit::Reached`]. How a test sees what a bootloader jumps to.
    pub fn run_to(&mut self, code: Range<u32>, limit: u64) -> Exit {
        self.stops_in = code;
        let exit = self.run(limit);
        self.stops_in = 0..0;
        exit
    }

    /// Whichever of [`run_to`](Self::run_to) and
    /// [`run_to_flash_call`](Self::run_to_flash_call) comes first.
    pub fn run_to_flash_call_or(&mut self, code: Range<u32>, limit: u64) -> Exit {
        self.stops_before_flash = true;
        let exit = self.run_to(code, limit);
        self.stops_before_flash = false;
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
            if self.instructions.is_multiple_of(COLLECT) {
                self.collect();
                if text.is_some_and(|text| self.log.seen(text)) {
                    return Exit::Seen;
                }
            }
        }
        Exit::Limit
    }

    fn step(&mut self) -> Option<Exit> {
        let exit = if self.locked_up {
            self.wait_locked_up()
        } else if self.bus.core.sleeping || self.cpu.is_halted() {
            self.sleep()
        } else {
            self.execute()
        };
        match exit {
            Some(exit) => Some(exit),
            None => self.settle(),
        }
    }

    /// One instruction.
    fn execute(&mut self) -> Option<Exit> {
        let pc = self.cpu.pc();
        match pc >> 28 {
            0 => {
                if self.serve_rom(pc) {
                    return Some(Exit::FlashCall);
                }
            }
            1 => {
                if self.stops_in.contains(&pc) {
                    return Some(Exit::Reached);
                }
                if let Some(fault) = self.bus.xip_fault(pc) {
                    self.bus.fail(fault);
                    return None;
                }
            }
            _ => self.bus.memory.execute(pc),
        }
        let (cycles, event) = self.cpu.step(&mut self.bus);
        self.bus.spend(cycles);
        match event {
            Event::HardFault if !self.delivers_hard_faults => {
                let fault = self.cpu.hard_fault(&mut self.bus);
                self.bus.fail(fault);
            }
            Event::HardFault => self.bus.core.nothing_at = None,
            Event::LockedUp => self.locked_up = true,
            Event::None => return self.spin(pc, cycles),
            Event::Waits => {}
        }
        None
    }

    /// Serves a function of the boot ROM; true: not yet, the run is to stop before it.
    fn serve_rom(&mut self, pc: u32) -> bool {
        if self.stops_before_flash && !self.calls_flash && rom::changes_flash(pc) {
            self.calls_flash = true;
            return true;
        }
        self.calls_flash = false;
        if let Some(result) = rom::serve(&mut self.bus, pc, self.cpu.arguments()) {
            self.cpu.set_result(result);
        }
        false
    }

    /// What follows from the instruction: devices, caches, faults, resets.
    fn settle(&mut self) -> Option<Exit> {
        if self.bus.now >= self.bus.deadline {
            self.bus.run_devices();
        }
        self.bus.raise_interrupts();
        if let Some(addresses) = self.bus.memory.take_changed_code() {
            self.cpu.forget_code(&addresses);
        }
        if self.generation != self.bus.nor.generation() {
            self.generation = self.bus.nor.generation();
            self.cpu.forget_flash();
            self.bus.stale = true;
        }
        if let Some(stop) = self.bus.stop.take() {
            return Some(self.stop(match stop {
                Stop::PowerCut => Exit::PowerCut,
                Stop::Fault(fault) => Exit::Fault(fault),
            }));
        }
        let reset = self.bus.reset.take()?;
        Some(self.reset(reset))
    }

    fn stop(&mut self, exit: Exit) -> Exit {
        self.state = State::Stopped(exit.clone());
        exit
    }
}

//! The board: what a test builds, runs, cuts the power of, and looks at.

mod idle;
mod outside;
mod power;

use super::bus::Bus;
use super::cpu::{Cpu, Exception};
use super::devices::cache::{CODE, WINDOW};
use super::rom;
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

/// An ESP32-C3 in software.
///
/// A clone is a snapshot of all of it, but for the serial line, which it does not have.
#[derive(Debug, Clone)]
pub struct Board {
    cpu: Cpu,
    bus: Bus,
    log: Log,
    state: State,
    instructions: u64,
    delivers_exceptions: bool,
    stops_at_flash: bool,
    /// The run has stopped at the call that comes next.
    stopped: bool,
    /// The core has just gone to sleep.
    pauses: bool,
    was_asleep: bool,
}

impl Board {
    /// A board whose flash holds what `flash` does, switched on.
    ///
    /// # Panics
    /// If the flash is not that of a module: see [`flash`](super::flash).
    #[must_use]
    pub fn new(flash: Flash) -> Self {
        let mut board = Self {
            cpu: Cpu::starting_at(rom::START),
            bus: Bus::new(flash),
            log: Log::new(CODE..CODE + WINDOW),
            state: State::Runs,
            instructions: 0,
            delivers_exceptions: false,
            stops_at_flash: false,
            stopped: false,
            pauses: false,
            was_asleep: false,
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

    /// Runs until the firmware calls a function of the mask ROM that erases or programs flash,
    /// which answers [`Exit::FlashCall`]: what a sweep forks at. A call may do several operations.
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
            if self.stops_at_flash && self.calls_flash() {
                return Exit::FlashCall;
            }
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
        }
        Exit::Limit
    }

    /// Whether the next step begins a call that the run did not stop at yet.
    fn calls_flash(&mut self) -> bool {
        let begins = rom::changes_flash(self.cpu.pc) && !self.bus.rom.is_under_way();
        let stops = begins && !self.stopped;
        self.stopped = begins;
        stops
    }

    #[inline]
    fn step(&mut self) -> Option<Exit> {
        let exit = if self.cpu.asleep {
            self.sleep()
        } else if rom::contains(self.cpu.pc) {
            self.serve()
        } else {
            self.execute()
        };
        match exit {
            Some(exit) => Some(exit),
            None => self.settle(),
        }
    }

    /// One instruction.
    #[inline]
    fn execute(&mut self) -> Option<Exit> {
        let pc = self.cpu.pc;
        let exception = self.cpu.step(&mut self.bus);
        self.bus.spend(1);
        if let Some(exception) = exception {
            self.except(pc, exception);
            return None;
        }
        // Nearly every loop goes further back.
        if self.cpu.pc == pc || self.cpu.pc.wrapping_add(4) == pc {
            return self.spin(pc);
        }
        None
    }

    /// A function of the mask ROM, or a part of its work.
    fn serve(&mut self) -> Option<Exit> {
        self.bus.spend(10);
        if let Some(until) = rom::serve(&mut self.cpu, &mut self.bus) {
            let next = until.min(self.bus.deadline);
            self.bus.now = self.bus.now.max(next);
        }
        None
    }

    /// An exception ends the run, unless the firmware is to handle it, and can.
    fn except(&mut self, pc: u32, exception: Exception) {
        if self.delivers_exceptions && !rom::contains(self.cpu.csrs.vectors()) {
            return;
        }
        self.bus.fail(match exception {
            Exception::Illegal(_) | Exception::EnvironmentCall => Fault::Undefined { pc },
            Exception::Breakpoint(pc) => Fault::Breakpoint { pc },
            Exception::Fetch(address) | Exception::Load(address) | Exception::Store(address) => {
                Fault::Nothing { address }
            }
        });
    }

    /// What follows from the instruction: devices, interrupts, faults, resets.
    #[inline]
    fn settle(&mut self) -> Option<Exit> {
        if self.bus.now >= self.bus.deadline {
            self.bus.run_devices();
        }
        if let Some(number) = self.bus.interrupt {
            self.cpu.interrupt(number);
        }
        if self.bus.stop.is_none() && self.bus.reset.is_none() {
            return None;
        }
        self.end()
    }

    fn end(&mut self) -> Option<Exit> {
        if let Some(stop) = self.bus.stop.take() {
            return Some(self.stop(match stop {
                Stop::PowerCut => Exit::PowerCut,
                Stop::Fault(fault) => Exit::Fault(fault),
            }));
        }
        let (scope, cause) = self.bus.reset.take()?;
        Some(self.reset(scope, cause))
    }

    fn stop(&mut self, exit: Exit) -> Exit {
        self.state = State::Stopped(exit.clone());
        exit
    }

    /// Takes what the firmware has logged out of its buffers.
    fn collect(&mut self) {
        let now = self.bus.now / 1000;
        if self.bus.line.is_none() && self.bus.uart.has_sent() {
            let bytes = self.bus.uart.take_sent();
            self.log.uart(now, &bytes);
        }
        if self.bus.usb.has_sent() {
            let bytes = self.bus.usb.take_sent();
            self.log.usb(now, &bytes);
        }
        let at = (now, self.cpu.pc, self.instructions);
        let (nor, cache) = (&self.bus.nor, &self.bus.cache);
        // What the window shows of the flash, from its beginning on.
        let shown = || {
            let bytes = nor.bytes();
            let begin = cache.shown(CODE).unwrap_or(0) as usize;
            bytes.get(begin..).unwrap_or_default()
        };
        self.log.drain_rtt(at, &mut self.bus.sram, shown);
    }
}

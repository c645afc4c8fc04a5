//! An instruction, or whatever else happens next.

use super::bus::Scope;
use super::bus::cause;
use super::cpu::Exception;
use super::{Esp32c3, rom};
use crate::calls;
use crate::exit::{Exit, Fault, Reset, Stop};

impl Esp32c3 {
    #[inline]
    pub(super) fn go(&mut self, delivers_exceptions: bool) -> Option<Exit> {
        if !self.bus.recordings.is_empty() {
            calls::record(self);
        }
        let exit = if self.cpu.asleep {
            self.sleep()
        } else if rom::contains(self.cpu.pc) {
            self.serve();
            None
        } else {
            self.execute(delivers_exceptions)
        };
        match exit {
            Some(exit) => Some(exit),
            None => self.settle(),
        }
    }

    /// One instruction.
    #[inline]
    fn execute(&mut self, delivers_exceptions: bool) -> Option<Exit> {
        let pc = self.cpu.pc;
        let exception = self.cpu.step(&mut self.bus);
        self.bus.spend(1);
        if let Some(exception) = exception {
            self.except(pc, exception, delivers_exceptions);
            return None;
        }
        // Nearly every loop goes further back.
        match pc.wrapping_sub(self.cpu.pc) {
            0..=4 => self.spin(pc),
            back if back > 4_u32.wrapping_neg() => None,
            _ => {
                calls::enter(self);
                None
            }
        }
    }

    /// A function of the mask ROM, or a part of its work.
    fn serve(&mut self) {
        self.bus.spend(10);
        if let Some(until) = rom::serve(&mut self.cpu, &mut self.bus) {
            let next = until.min(self.bus.deadline);
            self.bus.now = self.bus.now.max(next);
        }
    }

    /// An exception ends the run, unless the firmware is to handle it, and can.
    fn except(&mut self, pc: u32, exception: Exception, delivers: bool) {
        self.bus.recordings.give_up();
        if delivers && !rom::contains(self.cpu.csrs.vectors()) {
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
            self.bus.recordings.give_up();
            self.cpu.interrupt(number);
            self.asleep = false;
        }
        if self.bus.stop.is_none() && self.bus.reset.is_none() {
            return None;
        }
        self.end()
    }

    fn end(&mut self) -> Option<Exit> {
        if let Some(stop) = self.bus.stop.take() {
            return Some(match stop {
                Stop::PowerCut => Exit::PowerCut,
                Stop::Fault(fault) => Exit::Fault(fault),
            });
        }
        let (_, number) = self.bus.reset?;
        Some(Exit::Reset(match number {
            cause::SOFTWARE | cause::SOFTWARE_CPU => Reset::System,
            _ => Reset::WatchdogTimeout,
        }))
    }

    /// The reset that the firmware or a watchdog asked for.
    pub(super) fn reset_by_wish(&mut self) {
        let wish = self.bus.reset.take();
        let (scope, number) = wish.unwrap_or((Scope::Core, cause::SOFTWARE));
        self.bus.reset_devices(scope, number);
    }
}

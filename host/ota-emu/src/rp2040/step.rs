//! One step of the core, and what follows from it.

use super::cpu::Event;
use super::{Rp2040, power, rom};
use crate::calls;
use crate::exit::{Exit, Fault, Stop};

impl Rp2040 {
    #[inline]
    pub(super) fn go(&mut self, delivers_hard_faults: bool) -> Option<Exit> {
        let exit = if self.locked_up {
            self.wait_locked_up()
        } else if self.bus.core.sleeping || self.cpu.is_halted() {
            self.sleep()
        } else {
            self.execute(delivers_hard_faults)
        };
        match exit {
            Some(exit) => Some(exit),
            None => self.settle(),
        }
    }

    /// One instruction.
    #[inline]
    fn execute(&mut self, delivers_hard_faults: bool) -> Option<Exit> {
        let pc = self.cpu.pc();
        if !self.bus.recordings.is_empty() {
            calls::record(self);
        }
        match pc >> 28 {
            0 => {
                if let Some(result) = rom::serve(&mut self.bus, pc, self.cpu.arguments()) {
                    self.cpu.set_result(result);
                }
            }
            1 => {
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
            Event::HardFault if !delivers_hard_faults => {
                let fault = self.cpu.hard_fault(&mut self.bus);
                self.bus.fail(fault);
            }
            Event::HardFault => self.bus.core.nothing_at = None,
            Event::LockedUp => self.locked_up = true,
            Event::None if self.has_jumped(pc) && calls::enter(self) => {}
            Event::None => return self.spin(pc, cycles),
            Event::Waits => {}
        }
        None
    }

    /// Whether the instruction at `pc` was not followed by the next one.
    #[inline]
    fn has_jumped(&self, pc: u32) -> bool {
        !(1..=4).contains(&self.cpu.pc().wrapping_sub(pc))
    }

    /// What follows from the instruction: devices, caches, faults, resets.
    #[inline]
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
            return Some(match stop {
                Stop::PowerCut => Exit::PowerCut,
                Stop::Fault(fault) => Exit::Fault(fault),
            });
        }
        let cause = self.bus.reset.take()?;
        let by_watchdog = power::reason(cause).is_some();
        Some(
            if by_watchdog && !self.bus.power_sequence.watchdog_resets_core() {
                Exit::Fault(Fault::WatchdogSelectsNothing)
            } else {
                Exit::Reset(cause)
            },
        )
    }
}

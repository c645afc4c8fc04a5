//! One step of the core, and what follows from it.

use super::cpu::Event;
use super::{FLASH_START, Stm32l4};
use crate::calls;
use crate::exit::{Exit, Fault, Stop};

impl Stm32l4 {
    #[inline]
    pub(super) fn go(&mut self, delivers_hard_faults: bool) -> Option<Exit> {
        let exit = if self.locked_up {
            self.wait_locked_up()
        } else if !self.cpu.sleeps() {
            self.asleep = false;
            self.execute(delivers_hard_faults)
        } else if self.asleep {
            self.sleep()
        } else {
            self.asleep = true;
            self.falls_asleep = true;
            None
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
        if !self.bus.wait_for_code(pc) {
            return None;
        }
        self.bus.execute(pc);
        if !self.bus.recordings.is_empty() {
            calls::record(self);
        }
        let (cycles, event) = self.cpu.step(&mut self.bus);
        self.bus.spend(cycles);
        match event {
            Event::HardFault if !delivers_hard_faults => {
                let fault = self.cpu.hard_fault(&self.bus);
                self.bus.fail(fault);
            }
            Event::HardFault => self.bus.nothing_at = None,
            Event::Breakpoint => self.bus.fail(Fault::Breakpoint { pc }),
            Event::LockedUp => self.locked_up = true,
            Event::None if self.has_jumped(pc) && !calls::enter(self) => return self.spin(pc),
            Event::None => {}
        }
        None
    }

    /// Whether the instruction at `pc` was not followed by the next one.
    #[inline]
    fn has_jumped(&self, pc: u32) -> bool {
        !(1..=4).contains(&self.cpu.pc().wrapping_sub(pc))
    }

    /// What follows from the instruction: devices, interrupts, caches, faults, resets.
    #[inline]
    fn settle(&mut self) -> Option<Exit> {
        if self.bus.now >= self.bus.deadline {
            self.bus.run_devices();
        }
        self.cpu.interrupt(&mut self.bus);
        self.forget_changed_code();
        if let Some(stop) = self.bus.stop.take() {
            return Some(match stop {
                Stop::PowerCut => Exit::PowerCut,
                Stop::Fault(fault) => Exit::Fault(fault),
            });
        }
        self.bus.reset.take().map(Exit::Reset)
    }

    #[inline]
    fn forget_changed_code(&mut self) {
        for memory in [&mut self.bus.sram1, &mut self.bus.sram2] {
            if let Some(addresses) = memory.take_changed_code() {
                for address in addresses {
                    self.cpu.forget_code(address..address + 8);
                }
            }
        }
        if let Some(range) = self.bus.flash.cells_mut().take_changed() {
            let start = self.bus.seen_at(range.start);
            let range = start..start + (range.end - range.start);
            self.cpu.forget_code(range.clone());
            self.cpu
                .forget_code(FLASH_START + range.start..FLASH_START + range.end);
        }
    }
}

//! Doing nothing, quickly: sleep, and loops that do nothing else.

use super::Stm32l4;
use crate::exit::Exit;

const NOP: u16 = 0xBF00;
const YIELD: u16 = 0xBF10;
const BRANCH_TO_SELF: u16 = 0xE7FE;
const BRANCH_TO_PREVIOUS: u16 = 0xE7FD;

impl Stm32l4 {
    /// Wakes the core if there is a reason to, or lets time pass until the next thing happens.
    pub(super) fn sleep(&mut self) -> Option<Exit> {
        if self.cpu.wakes() {
            return None;
        }
        self.wait_for_devices()
    }

    /// Lets time pass until a device has something to do.
    fn wait_for_devices(&mut self) -> Option<Exit> {
        if self.bus.deadline <= self.bus.now {
            // Somebody has just changed something: the devices say what follows.
            return None;
        }
        match self.bus.next_event() {
            Some(next) => {
                self.bus.now = self.bus.now.max(next);
                self.bus.deadline = 0;
                None
            }
            None => {
                self.bus.listen();
                (self.bus.deadline != 0).then_some(Exit::Asleep)
            }
        }
    }

    /// Nothing but the watchdog ends a lock-up.
    pub(super) fn wait_locked_up(&mut self) -> Option<Exit> {
        let Some(fires) = self.bus.iwdg.fires() else {
            let pc = self.cpu.pc();
            return Some(Exit::LockedUp { pc });
        };
        self.bus.now = self.bus.now.max(fires);
        self.bus.deadline = 0;
        None
    }

    /// Passes the time of a loop that does nothing else, once its branch at `pc` was taken.
    #[inline]
    pub(super) fn spin(&mut self, pc: u32) -> Option<Exit> {
        let target = self.cpu.pc();
        if pc.wrapping_sub(target) > 2 || self.bus.lines != 0 {
            return None;
        }
        let [first, last] = [target, pc].map(|at| self.bus.instruction(at));
        match (first?, last?) {
            (BRANCH_TO_SELF, BRANCH_TO_SELF) | (NOP | YIELD, BRANCH_TO_PREVIOUS) => {
                self.wait_for_devices()
            }
            _ => None,
        }
    }
}

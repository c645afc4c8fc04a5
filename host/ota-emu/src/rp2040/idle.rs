//! Doing nothing, quickly: sleep, and loops that only pass the time.

use super::Rp2040;
use super::devices::clocks::NS_PER_CYCLE;
use crate::exit::Exit;

/// Loops of two instructions at most go back this far.
const SHORT: u32 = 2;
const NOP: u16 = 0xBF00;
const YIELD: u16 = 0xBF10;
const BRANCH_TO_SELF: u16 = 0xE7FE;
const BRANCH_TO_PREVIOUS: u16 = 0xE7FD;
/// `bne` to the instruction before.
const UNLESS_ZERO_TO_PREVIOUS: u16 = 0xD1FD;
/// `subs rN, #1`, without its register.
const COUNT_DOWN: u16 = 0x3801;
const COUNTER: u16 = 0x0700;

impl Rp2040 {
    /// Wakes the core if there is a reason to, or lets time pass until the next thing happens.
    pub(super) fn sleep(&mut self) -> Option<Exit> {
        let core = &mut self.bus.core;
        let interrupted = core.nvic.pending_and_enabled() != 0;
        if interrupted || (core.sleeping && core.event) {
            core.event &= interrupted;
            core.sleeping = false;
            self.cpu.wake();
            return None;
        }
        self.wait_for_devices()
    }

    /// Lets time pass until a device has something to do.
    fn wait_for_devices(&mut self) -> Option<Exit> {
        self.bus.recordings.give_up();
        if self.bus.deadline <= self.bus.now {
            // Somebody has just changed something: the devices say what follows.
            return None;
        }
        let Some(next) = self.bus.next_event() else {
            return Some(Exit::Asleep);
        };
        self.pass(next.saturating_sub(self.bus.now));
        self.bus.deadline = 0;
        None
    }

    /// Lets at most so many nanoseconds pass, in real time if somebody outside needs it.
    fn pass(&mut self, most: u64) {
        self.bus.now += if self.bus.network.has_connections() {
            self.bus.network.wait(most)
        } else {
            most
        };
    }

    /// Nothing but the watchdog ends a lock-up.
    pub(super) fn wait_locked_up(&mut self) -> Option<Exit> {
        let Some(fires) = self.bus.watchdog.fires() else {
            let pc = self.cpu.pc();
            return Some(Exit::LockedUp { pc });
        };
        self.bus.now = self.bus.now.max(fires);
        self.bus.deadline = 0;
        None
    }

    /// Passes the time of a loop that does nothing else, once its branch at `pc` was taken in
    /// so many `cycles`. Called after each instruction: the first line is what it usually costs.
    #[inline]
    pub(super) fn spin(&mut self, pc: u32, cycles: u32) -> Option<Exit> {
        let target = self.cpu.pc();
        if pc.wrapping_sub(target) > SHORT || self.bus.core.nvic.pending_and_enabled() != 0 {
            return None;
        }
        let [first, last] = [target, pc].map(|at| self.bus.instruction(at));
        match (first?, last?) {
            (BRANCH_TO_SELF, BRANCH_TO_SELF) | (NOP | YIELD, BRANCH_TO_PREVIOUS) => {
                self.wait_for_devices()
            }
            (first, UNLESS_ZERO_TO_PREVIOUS) if first & !COUNTER == COUNT_DOWN => {
                self.count_down(usize::from(first >> 8 & 7), cycles);
                None
            }
            _ => None,
        }
    }

    /// As many turns of a delay loop as end before a device has something to do; the last one is
    /// left to the core.
    fn count_down(&mut self, register: usize, branch_cycles: u32) {
        let turn = (1 + u64::from(branch_cycles)) * NS_PER_CYCLE;
        let quiet = self.bus.deadline.saturating_sub(self.bus.now) / turn;
        let left = self.cpu.register(register).saturating_sub(1);
        let turns = left.min(u32::try_from(quiet).unwrap_or(u32::MAX));
        self.cpu.set_register(register, left + 1 - turns);
        self.bus.now += u64::from(turns) * turn;
    }
}

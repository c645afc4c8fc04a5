//! Doing nothing, quickly: sleep, and loops that do nothing else.

use super::Esp32c3;
use crate::exit::Exit;

/// `j .`, in two bytes and in four.
const JUMP_TO_SELF: [u16; 2] = [0xA001, 0x006F];
/// `pause`, and the jump back to it.
const PAUSE: u32 = 0x0100_000F;
const JUMP_TO_PREVIOUS: u16 = 0xBFF5;

impl Esp32c3 {
    /// Lets time pass until the next thing happens.
    pub(super) fn sleep(&mut self) -> Option<Exit> {
        if self.bus.interrupt.is_some() {
            return None;
        }
        self.pass_time()
    }

    /// Once the board was told that much time may pass, for the sake of its logs, it passes.
    fn pass_time(&mut self) -> Option<Exit> {
        self.bus.recordings.give_up();
        if core::mem::replace(&mut self.asleep, true) {
            return self.wait_for_devices();
        }
        self.falls_asleep = true;
        None
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

    /// Passes the time of a loop that does nothing else, once its branch at `pc` was taken.
    pub(super) fn spin(&mut self, pc: u32) -> Option<Exit> {
        if self.bus.interrupt.is_some() {
            return None;
        }
        let last = self.bus.peek(pc).map(u16::from_le_bytes)?;
        let target = self.bus.peek(self.cpu.pc).map(u32::from_le_bytes)?;
        let spins = if self.cpu.pc == pc {
            JUMP_TO_SELF.contains(&last)
        } else {
            last == JUMP_TO_PREVIOUS && target == PAUSE
        };
        if !spins {
            return None;
        }
        self.pass_time()
    }
}

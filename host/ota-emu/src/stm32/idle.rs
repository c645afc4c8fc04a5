//! Doing nothing, quickly: sleep, and loops that do nothing else.

use super::Stm32l4;
use crate::exit::Exit;

const NOP: u16 = 0xBF00;
const YIELD: u16 = 0xBF10;
const BRANCH_TO_SELF: u16 = 0xE7FE;
const BRANCH_TO_PREVIOUS: u16 = 0xE7FD;
/// Bytes of the longest loop that is looked at.
const LOOP: u32 = 16;

/// A loop that has come to its beginning, having done nothing but ask whether the flash is busy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Poll {
    /// Core registers and flags at its beginning.
    core: ([u32; 16], u32),
    /// When that was.
    at: u64,
}

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
        self.bus.recordings.give_up();
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
        if pc.wrapping_sub(target) > LOOP {
            return None;
        }
        if self.bus.take_polled() {
            self.pass_rounds();
            return None;
        }
        self.poll = None;
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

    /// Passes rounds of a loop that asks whether the flash is busy. A round that leaves the core as it
    /// was, and memory, and every device, is followed by the same round, until a device has
    /// something to do. Only whole rounds are passed, so that this falls into the one that it would
    /// have fallen into.
    #[inline]
    fn pass_rounds(&mut self) {
        let now = self.bus.now;
        let poll = Poll {
            core: self.cpu.registers(),
            at: now,
        };
        if let Some(last) = self.poll.replace(poll)
            && last.core == poll.core
            && let Some(round) = now.checked_sub(last.at).filter(|round| *round > 0)
            && let Some(left) = self.bus.deadline.checked_sub(now + 1)
        {
            self.bus.now += left / round * round;
            self.poll = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Chip as _, Step};
    use crate::stm32::cpu::Cpu;
    use crate::stm32::{FLASH_REGISTERS, flash};

    const RAM: u32 = 0x2000_0000;
    /// Behind the loop.
    const END: u32 = RAM + 8;
    /// `ldr r0, status; again: ldr r1, [r0]; lsls r1, r1, #15; bmi again; nop; b .`, and where the
    /// flash's status is.
    const PROGRAM: [u32; 4] = [
        0x6801_4802,
        0xD4FC_03C9,
        0xE7FE_BF00,
        FLASH_REGISTERS + 0x10,
    ];

    /// A chip that has begun to erase the first page, and is about to wait until it has.
    fn waiting() -> Stm32l4 {
        let mut chip = Stm32l4::new(flash());
        for (word, at) in PROGRAM.into_iter().zip((RAM..).step_by(4)) {
            chip.bus.store(at, word.to_le_bytes());
        }
        let control = [
            (0x08, 0x4567_0123),
            (0x08, 0xCDEF_89AB),
            (0x14, 2),
            (0x14, 1 << 16 | 2),
        ];
        for (register, value) in control {
            let bytes = u32::to_le_bytes(value);
            chip.bus.store(FLASH_REGISTERS + register, bytes);
        }
        chip.cpu = Cpu::starting_at(RAM, RAM + 0x1000);
        chip
    }

    /// Steps to the end of the loop; how many.
    fn steps(chip: &mut Stm32l4, mut before_each: impl FnMut(&mut Stm32l4)) -> u64 {
        let mut steps = 0;
        while chip.pc() != END {
            before_each(chip);
            assert_eq!(chip.step(false), Step::Goes);
            steps += 1;
        }
        steps
    }

    #[test]
    fn a_loop_that_waits_for_the_flash_ends_as_if_every_round_had_been_run() {
        let (mut passed, mut run) = (waiting(), waiting());
        let few = steps(&mut passed, |_| ());
        let many = steps(&mut run, |chip| chip.poll = None);
        assert!(few < 30, "{few} steps were run");
        assert!(many > 10_000, "{many} steps are in the loop");
        assert_eq!(passed.bus.now, run.bus.now);
        assert_eq!(passed.cpu.registers(), run.cpu.registers());
    }
}

//! Passing a call, and executing it as well.

use super::Call;
use crate::board::{Chip as _, Step};
use crate::stm32::Stm32l4;
use std::hash::{DefaultHasher, Hasher as _};

impl Stm32l4 {
    /// # Panics
    /// If it makes a difference.
    pub(super) fn pass_and_compare(&mut self, call: &Call) {
        let begin = self.cpu.pc();
        let mut executes = self.clone();
        executes.calls = None;
        self.pass(call);
        let end = (self.cpu.pc(), self.cpu.stack_pointer());
        while (executes.cpu.pc(), executes.cpu.stack_pointer()) != end {
            let step = executes.step(false);
            assert!(
                step == Step::Goes,
                "{step:?} in a call of {begin:#010x} that was passed"
            );
        }
        assert!(
            executes.looks() == self.looks(),
            "a call of {begin:#010x} that was passed was not the same"
        );
    }

    /// All that a call could change.
    fn looks(&self) -> (u64, u64, Option<u64>, Vec<u32>) {
        let mut hasher = DefaultHasher::new();
        self.hash_state(&mut hasher);
        self.cpu.hash_fetches(&mut hasher);
        let used = self.bus.flash.cells().used();
        (
            hasher.finish(),
            self.bus.now,
            self.bus.iwdg.fires(),
            used.collect(),
        )
    }
}

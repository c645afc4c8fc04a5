//! Passing a call, and executing it as well.

use super::Call;
use crate::board::{Chip, Step};

/// # Panics
/// If it makes a difference.
pub(super) fn pass<C: Chip>(chip: &mut C, call: &Call<C::Core>) {
    let (begin, _) = chip.position();
    let mut executes = chip.clone();
    executes.set_calls(None);
    executes.isolate();
    super::pass::pass(chip, call);
    let end = chip.position();
    while executes.position() != end {
        let step = executes.step(false);
        assert!(
            step == Step::Goes,
            "{step:?} in a call of {begin:#010x} that was passed"
        );
    }
    assert!(
        chip.is_like(&executes),
        "a call of {begin:#010x} that was passed was not the same"
    );
}

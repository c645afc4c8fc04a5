//! Power: counting down to a cut, tearing what is in flight, and coming back.

use crate::cut::{Cut, Interrupted, Plan, Tear};
use crate::flash::Flash;
use core::ops::Range;
use std::collections::VecDeque;

/// Whether the power is on, and when it goes next.
#[derive(Debug, Clone)]
pub(crate) struct Power {
    pub(crate) off: bool,
    pub(crate) operations: u64,
    /// The next cut, and how many operations are left until it.
    armed: Option<(u64, Cut)>,
    /// The cuts after that one.
    later: VecDeque<Cut>,
    history: Vec<Cut>,
    pub(crate) interrupted: Interrupted,
}

impl Default for Power {
    fn default() -> Self {
        Self {
            off: false,
            operations: 0,
            armed: None,
            later: VecDeque::new(),
            history: Vec::new(),
            interrupted: Interrupted::Nothing,
        }
    }
}

impl Power {
    /// Counts an operation that begins now; the cut, if it is the one to be torn.
    pub(crate) fn operation(&mut self) -> Option<Cut> {
        self.operations += 1;
        let (left, cut) = self.armed.as_mut()?;
        *left -= 1;
        let cut = (*left == 0).then_some(*cut)?;
        self.go(cut);
        Some(cut)
    }

    fn go(&mut self, cut: Cut) {
        self.armed = None;
        self.off = true;
        self.history.push(cut);
        self.interrupted = Interrupted::Nothing;
    }

    fn arm_next(&mut self) {
        match self.later.pop_front() {
            None => {}
            Some(cut) if cut.operation == 0 => self.go(cut),
            Some(cut) => self.armed = Some((cut.operation, cut)),
        }
    }

    pub(crate) fn forget_moving(&mut self, _range: Range<u32>) {}
}

impl Flash {
    /// The power goes during the `operation`-th operation from now (1 is the next one), which is
    /// torn as `seed` says. Replaces what was armed. The same as arming `operation:rSEED`.
    pub fn cut_at(&mut self, operation: u64, seed: u64) {
        self.arm(Cut::new(operation, Tear::Random(seed)));
    }

    /// Arms one [`Cut`], or a [`Plan`] of several. Replaces what was armed.
    pub fn arm(&mut self, plan: impl Into<Plan>) {
        self.power.armed = None;
        self.power.later = plan.into().0.into();
        self.power.arm_next();
    }

    /// No cut is to come any more.
    pub fn disarm(&mut self) {
        self.arm(Plan::default());
    }

    /// The power comes back, or, if it is on, goes for a moment between two operations. Cells
    /// that were left in the balance may read differently from now on. The next cut of a plan is
    /// armed.
    pub fn power_up(&mut self) {
        self.power.off = false;
        if self.power.armed.is_none() {
            self.power.arm_next();
        }
    }

    /// Whether the power is off: then every access answers
    /// [`FlashError::PowerCut`](crate::FlashError::PowerCut).
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.power.off
    }

    /// The cuts that happened so far: arming them on the flash as it was replays them.
    #[must_use]
    pub fn history(&self) -> Plan {
        Plan(self.power.history.clone())
    }

    /// What the last cut interrupted.
    #[must_use]
    pub const fn interrupted(&self) -> Interrupted {
        self.power.interrupted
    }

    pub(crate) fn tear_program(&mut self, _cut: Cut, _offset: u32, _page: &[u8]) {}

    pub(crate) fn tear_erase(&mut self, _cut: Cut, _offset: u32) {}
}

//! Power: counting down to a cut, tearing what is in flight, and coming back.

use crate::cut::{Cut, Interrupted, Plan, Tear};
use crate::fate::{self, Fate};
use crate::flash::Flash;
use crate::rng::Rng;
use crate::tear::Change;
use crate::unit::cell;
use core::ops::Range;
use std::collections::VecDeque;
use std::sync::Arc;

/// The power-up, counted from the cut, at which what is in the balance tips.
const DUE: u32 = 2;

/// A stretch of flash with words that power-ups change. Their cells say which and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Moving {
    pub(crate) offset: u32,
    /// Power-ups since the cut.
    pub(crate) age: u32,
    pub(crate) seed: u64,
    /// What the late words turn into; as long as the stretch.
    pub(crate) later: Arc<[u8]>,
}

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
    pub(crate) moving: Vec<Moving>,
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
            moving: Vec::new(),
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

    /// What lies wholly inside an erased unit moves no more.
    pub(crate) fn forget_moving(&mut self, unit: &Range<u32>) {
        self.moving.retain(|moving| {
            let end = moving.offset as usize + moving.later.len();
            !(unit.start <= moving.offset && end <= unit.end as usize)
        });
    }
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

    /// Arms one cut as if that had been `done` operations ago: those that another chip on the same
    /// supply has had since, or those before a snapshot. Replaces what was armed.
    ///
    /// # Panics
    /// If its operation is among those that are done.
    pub fn arm_since(&mut self, cut: Cut, done: u64) {
        assert!(done < cut.operation, "the cut {cut} lies behind us");
        self.power.later.clear();
        self.power.armed = Some((cut.operation - done, cut));
    }

    /// No cut is to come any more.
    pub fn disarm(&mut self) {
        self.arm(Plan::default());
    }

    /// The power comes back, or, if it is on, goes for a moment between two operations. Cells
    /// that were left in the balance may read differently from now on. The next cut of a plan is
    /// armed.
    ///
    /// # Panics
    /// If the file behind the flash cannot be written.
    pub fn power_up(&mut self) {
        self.power.off = false;
        self.disturb_rest();
        if !self.power.moving.is_empty() {
            self.change();
            self.wake();
            self.persist_moved()
                .expect("the file behind the flash cannot be written");
        }
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

    /// Tears the program of one page.
    pub(crate) fn tear_program(&mut self, cut: Cut, offset: u32, page: &[u8]) {
        self.tear(cut, offset, page, false);
    }

    /// Tears the erase of the unit at `offset`.
    pub(crate) fn tear_erase(&mut self, cut: Cut, offset: u32) {
        let len = self.config.erase_size;
        let blank = vec![self.config.erased; len as usize];
        self.tear(cut, offset, &blank, true);
    }

    /// Tears the words that should have become `goal`.
    fn tear(&mut self, cut: Cut, offset: u32, goal: &[u8], erase: bool) {
        let takes = if erase {
            self.takes_erase(offset) == Ok(())
        } else {
            self.takes_program(offset, goal) == Ok(true)
        };
        if !takes {
            return;
        }
        let word = self.config.write_size as usize;
        let seed = [cut.tear.seed(), cut.operation, u64::from(offset)];
        let mut rng = Rng::from_parts(&seed);
        let fates = fate::draw(cut.tear, goal.len() / word, &mut rng);
        if erase && fates.iter().any(|fate| *fate != Fate::Old) {
            let end = offset + self.config.erase_size;
            self.power.forget_moving(&(offset..end));
        }
        let mut fates = fates.into_iter();
        let mut moves = false;
        for piece in self.pieces(offset, goal.len()) {
            let unit = Arc::make_mut(&mut self.units[piece.unit]);
            let goals = goal[piece.from..][..piece.len].chunks(word);
            for ((index, goal), fate) in (piece.at / word..).zip(goals).zip(&mut fates) {
                let change = if erase {
                    Change::Erase
                } else {
                    Change::Program(goal)
                };
                unit.tear(index, fate, change, self.config.ecc, &mut rng);
                moves |= unit.cells[index] & cell::MOVING != 0;
            }
        }
        if moves {
            let moving = Moving {
                offset,
                age: 0,
                seed: rng.next(),
                later: goal.into(),
            };
            self.power.moving.push(moving);
        }
    }

    /// Lets a power-up work on the words in the balance. Touches nothing else.
    fn wake(&mut self) {
        let mut moving = core::mem::take(&mut self.power.moving);
        moving.retain_mut(|moving| {
            moving.age += 1;
            let again = self.wake_one(moving);
            if again && !self.is_unstable(moving) {
                // It waits for a program, however long: no older than that.
                moving.age = moving.age.min(DUE);
            }
            again
        });
        self.power.moving = moving;
    }

    /// Whether any word of the stretch is random after every power-up.
    fn is_unstable(&self, moving: &Moving) -> bool {
        let word = self.config.write_size as usize;
        let mut pieces = self.pieces(moving.offset, moving.later.len());
        pieces.any(|piece| {
            let cells = &self.units[piece.unit].cells[piece.at / word..][..piece.len / word];
            cells.iter().any(|flags| flags & cell::UNSTABLE != 0)
        })
    }

    /// Whether any word of the stretch will move again.
    fn wake_one(&mut self, moving: &Moving) -> bool {
        let word = self.config.write_size as usize;
        let mut rng = Rng::from_parts(&[moving.seed, u64::from(moving.age)]);
        let mut again = false;
        for piece in self.pieces(moving.offset, moving.later.len()) {
            let unit = Arc::make_mut(&mut self.units[piece.unit]);
            let later = moving.later[piece.from..][..piece.len].chunks(word);
            for (index, later) in (piece.at / word..).zip(later) {
                again |= unit.wake(index, moving.age >= DUE, later, self.config.ecc, &mut rng);
            }
        }
        again
    }
}

//! Every cut of a story, and every second cut behind it.
//!
//! A run that is cut is like the undisturbed one up to the cut. So the undisturbed one leaves a
//! snapshot at each power-up, and a cut starts at the last one before it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ota_sim::{Cut, Plan, Tear};

use super::cost::Cost;
use super::course::{Broken, Course};
use super::story::Story;

/// A run as it was at its power-ups since the last cut.
pub(super) struct Trail<'s> {
    snapshots: Vec<Course<'s>>,
    /// Operations from that cut to the end.
    pub(super) operations: u64,
    pub(super) cost: Cost,
}

impl<'s> Course<'s> {
    /// Runs to the end, or until one more cut has fallen.
    fn run(&mut self, stop_at_cut: bool, mut at_power_up: impl FnMut(&Self)) -> Result<(), Broken> {
        let cuts = self.cuts;
        loop {
            at_power_up(self);
            let ended = catch_unwind(AssertUnwindSafe(|| self.cycle()))
                .unwrap_or_else(|panic| Err(message(&*panic)))?;
            if ended || stop_at_cut && self.cuts > cuts {
                return Ok(());
            }
        }
    }

    pub(super) fn trail(mut self, story: &Story) -> Result<Trail<'s>, Broken> {
        let mut snapshots = Vec::new();
        let mut operations = 0;
        self.run(false, |course| snapshots.push(course.clone()))?;
        operations += self.rig.since_cut();
        let cost = Cost::of(&mut self, story);
        Ok(Trail {
            snapshots,
            operations,
            cost,
        })
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> Broken {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("no message"))
}

impl<'s> Trail<'s> {
    /// The run behind a cut, at its power-up.
    pub(super) fn cut(&self, cut: Cut) -> Result<Course<'s>, Broken> {
        let before = |course: &&Course<'_>| course.rig.since_cut() < cut.operation;
        let snapshot = self.snapshots.iter().rev().find(before);
        let mut course = snapshot.expect("it begins with 0 operations").clone();
        let (cuts, done) = (course.cuts, course.rig.since_cut());
        course.rig.arm(Plan(vec![cut]), done);
        course.run(true, |_| {})?;
        if course.cuts == cuts {
            return Err("the cut did not happen".into());
        }
        Ok(course)
    }
}

/// A promise that was broken, and the cuts that broke it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The cuts.
    pub plan: Plan,
    /// What came of them.
    pub broken: String,
}

/// What came of the first cuts at some operations, and of second ones behind them.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Single cuts.
    pub cuts: u64,
    /// Pairs.
    pub pairs: u64,
    /// What went wrong.
    pub failures: Vec<Failure>,
}

/// Which second cuts are tried behind a first one.
pub trait Choice {
    /// The tears of a first cut at this operation.
    fn first(&self, operation: u64) -> Vec<Tear>;
    /// The tears of a second one at `operation`, behind `first`.
    fn second(&self, first: Cut, operation: u64) -> Vec<Tear>;
    /// Whether there are second cuts at all.
    fn pairs(&self) -> bool;
}

/// A story and its undisturbed run.
pub struct Sweep<'s> {
    story: &'s Story,
    trail: Trail<'s>,
}

impl<'s> Sweep<'s> {
    /// Runs the story undisturbed.
    ///
    /// # Errors
    /// A promise that is broken even so.
    pub fn new(story: &'s Story) -> Result<Self, Failure> {
        let broken = |broken| Failure {
            plan: Plan::default(),
            broken,
        };
        let trail = Course::new(story).trail(story).map_err(broken)?;
        story.judge_undisturbed(&trail.cost).map_err(broken)?;
        Ok(Self { story, trail })
    }

    /// Operations of the undisturbed run.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.trail.operations
    }

    /// What the undisturbed run costs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.trail.cost
    }

    pub(super) const fn story(&self) -> &'s Story {
        self.story
    }

    pub(super) const fn trail(&self) -> &Trail<'s> {
        &self.trail
    }

    fn judge(&self, course: &mut Course<'s>) -> Result<(), Broken> {
        let cost = Cost::of(course, self.story);
        self.judge_cost(&cost, course.cuts)
    }

    pub(super) fn judge_cost(&self, cost: &Cost, cuts: u32) -> Result<(), Broken> {
        self.story.judge(cost, &self.trail.cost, cuts)
    }

    /// Cuts once at this operation in the chosen tears, and then again.
    pub fn at(&self, operation: u64, choice: &impl Choice, found: &mut Found) {
        for tear in choice.first(operation) {
            let first = Cut::new(operation, tear);
            found.cuts += 1;
            if let Err((second, broken)) = self.behind(first, choice, &mut found.pairs) {
                let plan = Plan(core::iter::once(first).chain(second).collect());
                found.failures.push(Failure { plan, broken });
            }
        }
    }

    /// Stops at the first failure: those behind the same cut are of one kind.
    fn behind(
        &self,
        first: Cut,
        choice: &impl Choice,
        pairs: &mut u64,
    ) -> Result<(), (Option<Cut>, Broken)> {
        let mut course = self.trail.cut(first).map_err(|broken| (None, broken))?;
        if !choice.pairs() {
            return course
                .run(false, |_| {})
                .and_then(|()| self.judge(&mut course))
                .map_err(|broken| (None, broken));
        }
        let recovery = course.trail(self.story).map_err(|broken| (None, broken))?;
        self.judge_cost(&recovery.cost, 1)
            .map_err(|broken| (None, broken))?;
        for operation in 1..=recovery.operations {
            for tear in choice.second(first, operation) {
                let second = Cut::new(operation, tear);
                *pairs += 1;
                recovery
                    .cut(second)
                    .and_then(|mut course| {
                        course.run(false, |_| {})?;
                        self.judge(&mut course)
                    })
                    .map_err(|broken| (Some(second), broken))?;
            }
        }
        Ok(())
    }

    /// Runs the story once through these cuts, from the start.
    ///
    /// # Errors
    /// The promise that is broken.
    pub fn replay(&self, plan: &Plan) -> Result<(), String> {
        let mut course = Course::new(self.story);
        course.rig.arm(plan.clone(), 0);
        course.run(false, |_| {})?;
        self.judge(&mut course)
    }
}

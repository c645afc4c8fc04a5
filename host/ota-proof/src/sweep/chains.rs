//! Three and four cuts in a row: a sample, for there are too many of them.

use ota_sim::{Cut, Plan, Tear};

use super::cuts::{Failure, Sweep};
use super::extent::hash;

/// What draws a chain of cuts.
pub(super) struct Chain {
    /// Draws it.
    pub(super) seed: u64,
    /// What the tears are drawn from.
    pub(super) tears: Vec<Tear>,
}

impl Chain {
    const fn len(&self) -> u64 {
        3 + self.seed % 2
    }

    /// The `nth` cut, in one of so many operations. Behind a cut, the first few are the journal's:
    /// every other cut is in one of them.
    fn cut(&self, nth: u64, operations: u64) -> Cut {
        let draw = hash(&[self.seed, nth]);
        let among = if nth > 0 && draw.is_multiple_of(2) {
            operations.min(4)
        } else {
            operations
        };
        let operation = 1 + (draw >> 1) % among;
        let number = hash(&[draw]) % self.tears.len() as u64;
        let tear = self.tears[usize::try_from(number).unwrap_or(0)];
        Cut::new(operation, tear)
    }
}

impl Sweep<'_> {
    /// Cuts three or four times in a row; the recovery behind each is cut.
    pub(super) fn chain(&self, chain: &Chain) -> Result<(), Failure> {
        let mut plan = Plan::default();
        let failed = |plan: &Plan, broken| Failure {
            plan: plan.clone(),
            broken,
        };
        let mut recovery = None;
        for nth in 0..chain.len() {
            let trail = recovery.as_ref().unwrap_or_else(|| self.trail());
            if trail.operations == 0 {
                break;
            }
            let cut = chain.cut(nth, trail.operations);
            plan.0.push(cut);
            let next = trail
                .cut(cut)
                .and_then(|course| course.trail(self.story()))
                .map_err(|broken| failed(&plan, broken))?;
            recovery = Some(next);
        }
        let cuts = u32::try_from(plan.0.len()).unwrap_or(u32::MAX);
        let end = recovery.as_ref().unwrap_or_else(|| self.trail());
        self.judge_cost(&end.cost, cuts)
            .map_err(|broken| failed(&plan, broken))
    }
}

//! Which cuts, on all cores, and what came of them.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ota_sim::Tear;

use super::known::Known;
use super::place::Place;
use super::recovery::recover;
use super::reference::{Reference, Torn};
use super::stage::Stage;
use super::{Id, Part, Phase, Story};
use crate::bench::Bench;

/// So many neighbouring cuts go to a thread at once: they have most in common.
const TOGETHER: usize = 32;

/// Which cuts are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cuts {
    /// One at each operation, and the tears take turns; at operations on the journal, where they
    /// are few, one for each tear.
    EachOperation,
    /// The same, but where many operations program an erase unit of a slot, at
    /// [some](Place::is_in_turn) of these.
    InTurn,
    /// At each operation, for each tear.
    EachTear,
    /// So many in each phase of each story, far from each other; the tears take turns.
    Sample(usize),
    /// As at each operation, but at these only, and at all of these.
    Part(Part),
    /// This one.
    Only(Id),
}

impl Cuts {
    /// The one story that is cut, if it is not all of them.
    const fn story(self) -> Option<Story> {
        match self {
            Self::Only(Id { story, .. }) | Self::Part(Part { story, .. }) => Some(story),
            Self::EachOperation | Self::InTurn | Self::EachTear | Self::Sample(_) => None,
        }
    }
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Which cuts.
    pub cuts: Cuts,
    /// What the random tears are drawn from.
    pub seed: u64,
}

/// What came of the cuts in one phase of a story.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Flash operations that the phase has.
    pub operations: u64,
    /// Cuts that fell in it.
    pub cuts: u64,
    /// Instructions of the recoveries.
    pub instructions: u64,
    /// What they took, on one core.
    pub time: Duration,
}

/// What came of all of them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By phase.
    pub phases: BTreeMap<(Story, Phase), Tally>,
    /// Cuts by the name of their tear; all random ones under `random`.
    pub tears: BTreeMap<String, u64>,
    /// What failed: the id that replays it, and why.
    pub failures: Vec<(Id, anyhow::Error)>,
}

impl Outcome {
    /// Cuts that fell.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.phases.values().map(|tally| tally.cuts).sum()
    }
}

/// Who hears how it goes. A closure hears of failures only.
pub trait Audience: Sync {
    /// A cut failed, for this reason.
    fn failed(&self, id: Id, error: &anyhow::Error);

    /// So many of the cuts of a story are done.
    fn done(&self, _story: Story, _cuts: usize, _of: usize) {}
}

impl<F: Fn(Id, &anyhow::Error) + Sync> Audience for F {
    fn failed(&self, id: Id, error: &anyhow::Error) {
        self(id, error);
    }
}

/// Runs the stories, cuts, and recovers. The audience hears of each failure at once.
///
/// # Errors
/// If a story does not even end without a cut, or a cut does not fall.
pub fn run<B: Bench>(plan: Plan, audience: impl Audience) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for story in Story::ALL {
        if plan.cuts.story().is_some_and(|only| only != story) {
            continue;
        }
        let mut stage = Stage::<B>::set(story)?;
        if let Cuts::Only(_) = plan.cuts {
            stage.board.execute_all();
        }
        let tears = |operation, place| plan.tears(story, operation, place);
        let reference = Reference::run(&stage, tears)?;
        for &(phase, operations) in reference.operations.iter().filter(|(_, count)| *count > 0) {
            outcome.phases.entry((story, phase)).or_default().operations = operations;
        }
        let torn = match plan.cuts {
            Cuts::Sample(count) => sample(reference.torn, count),
            _ => reference.torn,
        };
        ensure!(!torn.is_empty(), "there is no such operation in {story}");
        recover_all(&stage, torn, &mut outcome, &audience)?;
    }
    Ok(outcome)
}

impl Plan {
    fn tears(&self, story: Story, operation: u64, place: Place) -> Vec<Tear> {
        let random = Tear::Random(self.seed.wrapping_add(operation));
        let all = || Tear::ALL.into_iter().chain([random]);
        match self.cuts {
            Cuts::Part(part) if !part.holds(story, operation) => Vec::new(),
            Cuts::InTurn | Cuts::Sample(_) if !place.is_in_turn(self.seed) => Vec::new(),
            Cuts::EachTear => all().collect(),
            Cuts::EachOperation | Cuts::InTurn | Cuts::Part(_) if place.takes_each_tear() => {
                all().collect()
            }
            Cuts::EachOperation | Cuts::InTurn | Cuts::Part(_) | Cuts::Sample(_) => {
                let turn = self.seed.wrapping_add(operation) % (Tear::ALL.len() as u64 + 1);
                all()
                    .nth(usize::try_from(turn).unwrap_or(0))
                    .into_iter()
                    .collect()
            }
            Cuts::Only(Id { story: of, cut }) => {
                let here = story == of && cut.operation == operation;
                here.then_some(cut.tear).into_iter().collect()
            }
        }
    }
}

/// So many of each phase: the middle of each of as many parts.
fn sample(torn: Vec<Torn>, count: usize) -> Vec<Torn> {
    let mut phases: BTreeMap<Phase, Vec<Torn>> = BTreeMap::new();
    for torn in torn {
        phases.entry(torn.phase).or_default().push(torn);
    }
    let mut chosen = Vec::new();
    for torn in phases.into_values() {
        let mut places: Vec<usize> = (0..count)
            .map(|part| (2 * part + 1) * torn.len() / (2 * count))
            .collect();
        places.dedup();
        let here = torn.into_iter().enumerate();
        let here = here.filter(|(place, _)| places.contains(place));
        chosen.extend(here.map(|(_, torn)| torn));
    }
    chosen
}

fn recover_all<B: Bench>(
    stage: &Stage<B>,
    torn: Vec<Torn>,
    outcome: &mut Outcome,
    audience: &impl Audience,
) -> Result<()> {
    let (of, before) = (torn.len(), outcome.cuts());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let together = torn.len().div_ceil(cores).min(TOGETHER);
    let todo = Mutex::new(torn.into_iter());
    let done = Mutex::new(outcome);
    let known = Known::default();
    let work = || -> Result<()> {
        loop {
            let neighbours: Vec<_> = lock(&todo)?.by_ref().take(together).collect();
            if neighbours.is_empty() {
                return Ok(());
            }
            for torn in neighbours {
                let start = Instant::now();
                let result = recover(stage, &torn, &known);
                if let Err(error) = &result {
                    audience.failed(torn.id, error);
                }
                let mut outcome = lock(&done)?;
                outcome.note(&torn, result, start.elapsed());
                let cuts = usize::try_from(outcome.cuts() - before).unwrap_or(of);
                audience.done(stage.story, cuts, of);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let joined = thread.join();
            joined.map_err(|_| anyhow::anyhow!("a recovery panicked"))??;
        }
        Ok(())
    })
}

fn lock<T>(of: &Mutex<T>) -> Result<std::sync::MutexGuard<'_, T>> {
    of.lock().ok().context("a recovery panicked")
}

impl Outcome {
    fn note(&mut self, torn: &Torn, result: Result<u64>, time: Duration) {
        let tally = self.phases.entry((torn.id.story, torn.phase)).or_default();
        tally.cuts += 1;
        tally.time += time;
        let tear = match torn.id.cut.tear {
            Tear::Random(_) => "random".to_owned(),
            fixed => fixed.to_string(),
        };
        *self.tears.entry(tear).or_default() += 1;
        match result {
            Ok(instructions) => tally.instructions += instructions,
            Err(error) => self.failures.push((torn.id, error)),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "story  phase     operations  cuts  instructions/cut  ms/cut"
        )?;
        for (&(story, phase), tally) in &self.phases {
            let each = tally.cuts.max(1);
            writeln!(
                f,
                "{:6} {phase:9} {:10}  {:4}  {:16}  {:6}",
                story.to_string(),
                tally.operations,
                tally.cuts,
                tally.instructions / each,
                tally.time.as_millis() / u128::from(each)
            )?;
        }
        for (tear, cuts) in &self.tears {
            write!(f, "{tear} {cuts}  ")?;
        }
        write!(
            f,
            "\n{} cuts, {} failures",
            self.cuts(),
            self.failures.len()
        )
    }
}

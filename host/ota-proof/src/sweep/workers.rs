//! The sweep on all cores, and one cut again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ota_sim::Plan;

use super::configurations::{Configuration, all};
use super::cost::Cost;
use super::cuts::{Failure, Found, Sweep};
use super::extent::{Drawn, Extent, hash};
use super::story::Story;

/// What came of a line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The configuration, or what several have in common.
    pub name: String,
    /// Operations of the undisturbed runs.
    pub operations: u64,
    /// Single cuts.
    pub cuts: u64,
    /// Pairs of cuts.
    pub pairs: u64,
    /// Three or four cuts in a row.
    pub chains: u64,
    /// Erases and traffic of an undisturbed run (the first one of the line).
    pub cost: Cost,
    /// Ids, and what is broken.
    pub failures: Vec<(String, String)>,
}

/// Some operations of a story.
struct Job<'c> {
    configuration: &'c Configuration,
    row: usize,
    /// Which of `of` parts of the operations.
    part: u64,
    of: u64,
}

/// Sweeps what `wanted` says, on so many threads; `done` hears of each part that is done.
///
/// # Panics
/// If a thread panics.
#[must_use]
pub fn run(
    extent: Extent,
    threads: usize,
    wanted: impl Fn(&Configuration) -> bool,
    done: impl Fn(usize, usize) + Sync,
) -> Vec<Row> {
    let all: Vec<_> = all().into_iter().filter(wanted).collect();
    let mut rows: Vec<Row> = Vec::new();
    let mut jobs = Vec::new();
    for configuration in &all {
        let known = rows.iter().position(|row| row.name == configuration.row);
        let row = known.unwrap_or_else(|| {
            rows.push(Row::new(&configuration.row));
            rows.len() - 1
        });
        let of = if known.is_some() { 1 } else { 16 };
        jobs.extend((0..of).map(|part| Job {
            configuration,
            row,
            part,
            of,
        }));
    }
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(rows));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let share = job.run(extent);
                    rows.lock().expect("no panic")[job.row].add(share);
                    done(next.load(Ordering::Relaxed).min(jobs.len()), jobs.len());
                }
            });
        }
    });
    rows.into_inner().expect("no panic")
}

impl Row {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            operations: 0,
            cuts: 0,
            pairs: 0,
            chains: 0,
            cost: Cost::default(),
            failures: Vec::new(),
        }
    }

    fn add(&mut self, share: Self) {
        if self.operations == 0 || self.cost == Cost::default() {
            self.cost = share.cost;
        }
        self.operations += share.operations;
        self.cuts += share.cuts;
        self.pairs += share.pairs;
        self.chains += share.chains;
        self.failures.extend(share.failures);
    }
}

impl Job<'_> {
    fn run(&self, extent: Extent) -> Row {
        let configuration = self.configuration;
        let mut row = Row::new(&configuration.row);
        let mut found = Found::default();
        let story = Story::new(configuration.plot.clone());
        match Sweep::new(&story) {
            Err(failure) if self.part == 0 => found.failures.push(failure),
            Err(_) => {}
            Ok(sweep) => {
                let choice = Drawn {
                    extent,
                    depth: configuration.depth,
                    salt: configuration
                        .name
                        .bytes()
                        .fold(0, |salt, byte| hash(&[salt, byte.into()])),
                };
                if self.part == 0 {
                    row.operations = sweep.operations();
                }
                row.cost = sweep.cost();
                for operation in 1..=sweep.operations() {
                    if operation % self.of == self.part {
                        sweep.at(operation, &choice, &mut found);
                    }
                }
                for chain in choice.chains(self.part, self.of) {
                    row.chains += 1;
                    found.failures.extend(sweep.chain(&chain).err());
                }
            }
        }
        (row.cuts, row.pairs) = (found.cuts, found.pairs);
        let id = |failure: &Failure| format!("{}/{}", configuration.name, failure.plan);
        row.failures = found
            .failures
            .into_iter()
            .map(|failure| (id(&failure), failure.broken))
            .collect();
        row
    }
}

/// Runs the one story through the cuts that an id names.
///
/// # Errors
/// What is broken, or that the id names nothing.
pub fn replay(id: &str) -> Result<(), String> {
    let (name, plan) = id.rsplit_once('/').ok_or("an id is CONFIGURATION/CUTS")?;
    let plan: Plan = plan.parse().map_err(|error| format!("{error}"))?;
    let configuration = all()
        .into_iter()
        .find(|configuration| configuration.name == name)
        .ok_or_else(|| format!("there is no configuration {name}"))?;
    let story = Story::new(configuration.plot);
    let sweep = Sweep::new(&story).map_err(|failure| failure.broken)?;
    sweep.replay(&plan)
}

//! All faults on all cores, and one fault again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ota_sim::Fault;

use super::kinds::Kind;
use super::places::{Clean, On};
use super::promises::Promise;
use crate::sweep::{Configuration, Extent, Start, Story, all, hash};

/// Lives of one kind of fault in one configuration, at most; of more places, a sample.
const MOST_LIVES: u64 = 120;

/// What came of a kind of fault, in all configurations.
#[derive(Clone, Debug)]
pub struct Row {
    /// The kind.
    pub kind: Kind,
    /// Lives that such a fault struck.
    pub lives: u64,
    /// In how many of them each promise was broken, as in [`Promise::ALL`].
    pub broken: [u64; Promise::ALL.len()],
    /// Ids of faults that broke what must hold, and how.
    pub failures: Vec<(String, String)>,
    /// One id for each promise that was broken and is only reported, and how.
    pub reported: Vec<(String, String)>,
}

impl Row {
    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            lives: 0,
            broken: [0; Promise::ALL.len()],
            failures: Vec::new(),
            reported: Vec::new(),
        }
    }

    fn add(&mut self, share: Self) {
        self.lives += share.lives;
        for (sum, number) in self.broken.iter_mut().zip(share.broken) {
            *sum += number;
        }
        self.failures.extend(share.failures);
        for (id, how) in share.reported {
            let promise = |how: &str| how.split(':').next().map(str::to_owned);
            if !self
                .reported
                .iter()
                .any(|(_, known)| promise(known) == promise(&how))
            {
                self.reported.push((id, how));
            }
        }
    }
}

/// What lives with faults are lived on: stories that begin in the factory, with a floor that
/// rises; the many pairs of images are for cuts.
fn configurations() -> Vec<Configuration> {
    let mut all: Vec<_> = all()
        .into_iter()
        .filter(|known| known.plot.start == Start::Factory && !known.plot.firmware.is_left())
        .filter(|known| !known.row.contains("two-kinds"))
        .filter(|known| known.plot.room.is_none_or(|room| room < 8))
        .collect();
    for configuration in &mut all {
        configuration.plot.counter = 2;
    }
    all
}

/// Lives with one kind of fault on one device.
fn lives(clean: &Clean<'_>, name: &str, kind: Kind, extent: Extent) -> Row {
    let mut row = Row::new(kind);
    let places = clean.places(kind);
    let one_of = extent.firsts * (places.len() as u64).div_ceil(MOST_LIVES).max(1);
    let salt = name
        .bytes()
        .fold(kind as u64, |salt, byte| hash(&[salt, byte.into()]));
    for (number, (on, fault)) in (0..).zip(places) {
        if !hash(&[extent.seed, salt, number]).is_multiple_of(one_of) {
            continue;
        }
        let Some(broken) = clean.strike(on, fault) else {
            continue;
        };
        row.lives += 1;
        for broken in broken {
            let beside = if on == On::External { "x" } else { "" };
            let id = format!("{name}/{beside}{fault}");
            let how = format!("{}: {}", broken.promise.name(), broken.how);
            row.broken[broken.promise as usize] += 1;
            if broken.promise.holds(kind) {
                row.failures.push((id, how));
            } else {
                row.reported.push((id, how));
            }
        }
    }
    row
}

/// Lives with faults, on so many threads; `done` hears of each configuration that is done.
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
    let all: Vec<_> = configurations().into_iter().filter(wanted).collect();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Kind::ALL.map(Row::new).to_vec());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(configuration) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let story = Story::new(configuration.plot.clone());
                    let clean = Clean::new(&story);
                    assert_eq!(clean.broken(), [], "{}", configuration.name);
                    for (index, kind) in Kind::ALL.into_iter().enumerate() {
                        let share = lives(&clean, &configuration.name, kind, extent);
                        rows.lock().expect("no panic")[index].add(share);
                    }
                    done(next.load(Ordering::Relaxed).min(all.len()), all.len());
                }
            });
        }
    });
    rows.into_inner().expect("no panic")
}

/// Whether an id names a fault, not cuts.
#[must_use]
pub fn is_id(id: &str) -> bool {
    named(id).is_ok()
}

/// The configuration, chip and fault of an id.
fn named(id: &str) -> Result<(&str, On, Fault), String> {
    let (name, fault) = id.rsplit_once('/').ok_or("an id is CONFIGURATION/FAULT")?;
    let (on, fault) = match fault.strip_prefix('x') {
        Some(fault) => (On::External, fault),
        None => (On::Internal, fault),
    };
    let fault = fault
        .parse()
        .map_err(|error: ota_sim::ParseFaultError| error.to_string())?;
    Ok((name, on, fault))
}

/// Lives once with the fault that an id names; what it breaks.
///
/// # Errors
/// The id names nothing.
pub fn replay(id: &str) -> Result<Vec<super::Broken>, String> {
    let (name, on, fault) = named(id)?;
    let configuration = configurations()
        .into_iter()
        .find(|configuration| configuration.name == name)
        .ok_or_else(|| format!("there is no configuration {name}"))?;
    let story = Story::new(configuration.plot);
    let clean = Clean::new(&story);
    clean
        .strike(on, fault)
        .ok_or_else(|| format!("{fault} does not strike"))
}

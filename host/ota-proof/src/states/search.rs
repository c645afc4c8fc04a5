//! The search itself: level by level, on all processors.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ota_bootloader::{Decision, Region, Strategy};
use ota_sim::{Cut, Interrupted, Tear};
use ota_testkit::Rig;

use crate::states::act::{Act, Done, Rotten};
use crate::states::check::Records;
use crate::states::report::{Path, Report};
use crate::states::view::{View, key};
use crate::states::world::{Extent, Shape, World};

/// A failure that is found a thousand times is told a few times.
const MOST_FAILURES: usize = 5;

/// Cuts in a row: what is promised.
const MOST_CUTS: u8 = 2;

/// A state, by one flash that is in it.
#[derive(Clone)]
struct Node {
    rig: Rig,
    /// The application runs; else the device comes out of a reset by power.
    running: bool,
    rot_left: bool,
    /// Power cuts in a row: since the device last ran with nothing on its flash in the balance.
    cuts: u8,
    /// The acts that led here.
    path: Path,
}

struct Search {
    world: World,
    seen: Mutex<HashSet<Vec<u8>>>,
    found: Mutex<Vec<Node>>,
    failures: Mutex<Vec<String>>,
    edges: AtomicU64,
    cuts: AtomicU64,
    recoveries: AtomicU64,
    erases: AtomicU64,
}

/// Searches all states of a device.
///
/// # Panics
/// If a thread did.
#[must_use]
pub fn search(extent: Extent, shape: impl Into<Shape>, threads: usize) -> Report {
    let search = Search {
        world: World::new(extent, shape.into()),
        seen: Mutex::default(),
        found: Mutex::default(),
        failures: Mutex::default(),
        edges: AtomicU64::new(0),
        cuts: AtomicU64::new(0),
        recoveries: AtomicU64::new(0),
        erases: AtomicU64::new(0),
    };
    search.take(Node {
        rig: search.world.start.clone(),
        running: false,
        rot_left: search.world.rot,
        cuts: 0,
        path: Path::default(),
    });
    let mut levels = 0;
    loop {
        let level = core::mem::take(&mut *search.found.lock().expect("no panic"));
        if level.is_empty() || search.failures.lock().expect("no panic").len() >= MOST_FAILURES {
            return search.report(levels);
        }
        levels += 1;
        search.expand_all(&level, threads);
    }
}

/// All searches, one after another, each with what it was of.
pub fn whole(threads: usize) -> impl Iterator<Item = (Extent, Shape, Report)> {
    let shape = |strategy, unit| Shape { strategy, unit };
    [
        (Extent::Sample, shape(Strategy::Swap, 1024)),
        (Extent::Sample, shape(Strategy::Ab, 1024)),
        (Extent::Cuts, shape(Strategy::Swap, 1024)),
        (Extent::Cuts, shape(Strategy::Swap, 2048)),
        (Extent::Cuts, shape(Strategy::Ab, 1024)),
        (Extent::Rot, shape(Strategy::Swap, 1024)),
        (Extent::Rot, shape(Strategy::Ab, 1024)),
    ]
    .into_iter()
    .map(move |(extent, shape)| (extent, shape, search(extent, shape, threads)))
}

impl Search {
    fn expand_all(&self, level: &[Node], threads: usize) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    while let Some(node) = level.get(next.fetch_add(1, Ordering::Relaxed)) {
                        self.expand(node);
                    }
                });
            }
        });
    }

    fn report(self, levels: u64) -> Report {
        let failures = self.failures.into_inner().expect("no panic");
        Report {
            states: self.seen.into_inner().expect("no panic").len() as u64,
            edges: self.edges.into_inner(),
            cuts: self.cuts.into_inner(),
            recoveries: self.recoveries.into_inner(),
            levels,
            erases: self.erases.into_inner(),
            failures,
        }
    }

    fn fail(&self, path: &Path, what: &str) {
        let mut failures = self.failures.lock().expect("no panic");
        if failures.len() < MOST_FAILURES {
            failures.push(format!("{path}: {what}"));
        }
    }

    /// Notes a state, if it is new. Its journal begins at a place of its own, unless something
    /// moves there.
    fn take(&self, mut node: Node) {
        let mut later = node.rig.clone();
        later.flash.power_up();
        let now = View::of(&self.world, &mut node.rig);
        let later = View::of(&self.world, &mut later);
        if node.running && now == later && now.losing.is_empty() {
            node.cuts = 0;
        }
        let key = key(&now, &later, node.running, node.rot_left, node.cuts);
        if self.seen.lock().expect("no panic").insert(key) {
            self.found.lock().expect("no panic").push(node);
        }
    }

    fn expand(&self, node: &Node) {
        match self.world.probe(&node.rig, node.running, self.rotten(node)) {
            Ok(_) => {}
            Err(what) => self.fail(&node.path, &format!("then a healthy release: {what}")),
        }
        for place in &self.world.places {
            let mut rig = node.rig.clone();
            if !self.world.settle_journal(&mut rig, *place) && *place != self.world.places[0] {
                return;
            }
            let at = Node {
                rig,
                path: node.path.clone(),
                ..*node
            };
            self.expand_at(&at, *place);
        }
    }

    fn rotten(&self, node: &Node) -> bool {
        self.world.rot && !node.rot_left
    }

    fn expand_at(&self, node: &Node, place: u32) {
        let before = Records::of(&node.rig);
        let mut asked = node.rig.clone();
        for act in self.world.acts(&mut asked, node.running, node.rot_left) {
            let mut rig = node.rig.clone();
            let done = self.world.perform(&mut rig, act);
            let operations = rig.flash.operations() - node.rig.flash.operations();
            let to = Node {
                rig,
                cuts: node.cuts,
                path: node.path.then(format!("{act}@{place}")),
                ..*node
            };
            self.edge(node, &before, act, done, to);
            if node.cuts == MOST_CUTS
                || !matches!(
                    act,
                    Act::Boot(_) | Act::Confirm | Act::GiveUp | Act::Download(_)
                )
            {
                continue;
            }
            for operation in 1..=operations {
                self.cut(node, &before, act, operation, place);
            }
        }
    }

    fn cut(&self, node: &Node, before: &Records, act: Act, operation: u64, place: u32) {
        let mut tears: &[Tear] = &[Tear::Saturated];
        let mut index = 0;
        while let Some(tear) = tears.get(index) {
            let mut rig = node.rig.clone();
            rig.flash.arm(Cut::new(operation, *tear));
            self.world.perform(&mut rig, act);
            if index == 0 {
                tears = self.tears_of(&rig, *tear);
            }
            index += 1;
            let path = node.path.then(format!("{act}@{place}!{operation}:{tear}"));
            if !rig.flash.is_off() {
                self.fail(&path, "the cut did not fall");
                return;
            }
            rig.flash.power_up();
            self.cuts.fetch_add(1, Ordering::Relaxed);
            let to = Node {
                rig,
                cuts: node.cuts + 1,
                path,
                ..*node
            };
            self.edge(node, before, Act::PowerCycle, Done::Well, to);
        }
    }

    /// The tears that make a difference there, this one first.
    fn tears_of(&self, rig: &Rig, first: Tear) -> &'static [Tear] {
        let journal = rig.product.map.area(Region::Journal);
        let tears = match rig.flash.interrupted() {
            Interrupted::Program { offset, .. }
                if (journal.offset..journal.offset + journal.size).contains(&offset) =>
            {
                self.world.record_tears
            }
            _ => self.world.tears,
        };
        debug_assert_eq!(tears.first(), Some(&first));
        tears
    }

    /// Checks what an act came to, and notes the state that it led to.
    fn edge(&self, from: &Node, before: &Records, act: Act, done: Done, mut to: Node) {
        self.edges.fetch_add(1, Ordering::Relaxed);
        let erases = to.rig.flash.stats().erases - from.rig.flash.stats().erases;
        self.erases.fetch_max(erases, Ordering::Relaxed);
        to.rot_left = from.rot_left && !matches!(act, Act::Rot(_));
        let rotten = self.rotten(&to);
        let mut held = if erases > self.world.most_erases(&to.rig) {
            Err(format!("{erases} units erased"))
        } else if act == Act::Rot(Rotten::Record) {
            Ok(())
        } else {
            self.world.check_edge(before, &Records::of(&to.rig))
        };
        match (act, done) {
            (Act::Boot(_), Done::Booted(decision)) => {
                held = held.and(self.world.check_boot(&mut to.rig, decision, rotten));
                to.running = matches!(decision, Decision::Boot(_));
                let recovered = u64::from(!to.running);
                self.recoveries.fetch_add(recovered, Ordering::Relaxed);
            }
            (Act::PowerCycle, _) => to.running = false,
            (_, Done::Refused(code)) if !allowed(act, code, rotten) => {
                held = held.and(Err(format!("refused: {code:#06x}")));
            }
            _ => {}
        }
        match held {
            Ok(()) => self.take(to),
            Err(what) => self.fail(&to.path, &what),
        }
    }
}

/// Not newer, and failed before: what an application is told about releases. Rot has its own
/// errors.
fn allowed(act: Act, code: u16, rotten: bool) -> bool {
    match act {
        Act::Download(_) | Act::Begin(..) => {
            rotten && code < 0xFFF0 || matches!(code, 0x1111 | 0x1112)
        }
        Act::GiveUp => code == 0x1151,
        Act::Confirm => code == 0x1151 || rotten,
        Act::Boot(_) | Act::Offend | Act::PowerCycle | Act::Rot(_) => false,
    }
}

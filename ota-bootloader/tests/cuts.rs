//! The power goes at every flash operation of an update, in every way that the flash model knows,
//! once and twice.
//!
//! What is run here is sampled where it would take long; `FULL=1 cargo test -p ota-bootloader
//! --release --test cuts` runs all of it. A failure names the cuts: `Plan` parses them again.

use ota_bootloader::{BootState, Decision, Fallback, Index, ResetCause, Strategy};
use ota_sim::{Cut, Plan, Tear};
use ota_testkit::{Geometry, Release, Rig, Stop, random_image};

/// More power cycles than any update takes.
const MOST_BOOTS: u32 = 30;

/// An update, and how the new firmware behaves.
struct Story {
    start: Rig,
    old: Vec<u8>,
    new: Vec<u8>,
    package: Vec<u8>,
    healthy: bool,
    chunk: u32,
}

/// What a run of a story came to.
#[derive(Debug, Default)]
struct Outcome {
    boots: u32,
    /// Starts of the new firmware.
    starts: u32,
    cuts: u32,
    asked: u32,
    operations: u64,
}

const WINDOW: u32 = 2;

impl Story {
    fn new(geometry: Geometry, old_len: u32, new_len: u32, chunk: u32, healthy: bool) -> Self {
        let old = Release::new(1, random_image(old_len, 1), chunk);
        let new = Release::new(2, random_image(new_len, 2), chunk);
        Self::with(geometry, &old, &new, healthy)
    }

    fn with(geometry: Geometry, old: &Release, new: &Release, healthy: bool) -> Self {
        let mut start = Rig::new(geometry);
        start.provision(&old.package());
        start.approve(&new.image);
        Self {
            start,
            old: old.image.clone(),
            new: new.image.clone(),
            package: new.package(),
            healthy,
            chunk: new.manifest.chunk_size.bytes(),
        }
    }

    /// Runs the story to its end through the cuts of a plan.
    fn run(&self, plan: Plan) -> Outcome {
        let mut rig = self.start.clone();
        let id = plan.to_string();
        rig.flash.arm(plan);
        let mut outcome = Outcome::default();
        let mut cause = ResetCause::Power;
        let mut floor = 0;
        loop {
            outcome.boots += 1;
            assert!(
                outcome.boots < MOST_BOOTS,
                "{id}: no end in {:?}",
                rig.record()
            );
            let ended = self.power_cycle(&mut rig, cause, &mut outcome, &id);
            cause = ResetCause::Software;
            if rig.flash.is_off() {
                outcome.cuts += 1;
                rig.flash.power_up();
                cause = ResetCause::Power;
            } else if ended {
                break;
            }
            let now = rig.record().floor;
            assert!(now >= floor, "{id}: the floor fell");
            floor = now;
        }
        outcome.operations = rig.flash.operations();
        outcome.asked = rig.asked;
        self.check_end(&mut rig, &outcome, &id);
        outcome
    }

    /// One boot and what the application then does. `true`: the story has ended.
    fn power_cycle(
        &self,
        rig: &mut Rig,
        cause: ResetCause,
        outcome: &mut Outcome,
        id: &str,
    ) -> bool {
        let decision = rig.boot(cause);
        if rig.flash.is_off() {
            return false;
        }
        let Decision::Boot(start) = decision else {
            panic!("{id}: {decision:?} in {:?}", rig.record())
        };
        let is_new = rig.running() == Some(2);
        let image = if is_new { &self.new } else { &self.old };
        assert!(
            rig.holds(start.slot, 0, image),
            "{id}: the image that boots is not whole"
        );
        if is_new {
            outcome.starts += 1;
        }
        match (is_new, start.trial) {
            (true, true) if self.healthy => {
                let _ = rig.confirm();
                false
            }
            (true, true) => false, // It crashes.
            (true, false) => {
                assert!(self.healthy, "{id}: an unhealthy image was confirmed");
                true
            }
            (false, _) if rig.record().failed.iter().any(Option::is_some) => true,
            (false, _) => {
                match rig.download(&self.package, WINDOW) {
                    Ok(_) | Err(Stop::PowerCut) => {}
                    Err(stop) => panic!("{id}: {stop:?} in {:?}", rig.record()),
                }
                false
            }
        }
    }

    fn check_end(&self, rig: &mut Rig, outcome: &Outcome, id: &str) {
        let record = rig.record();
        let blamed = record.failed.iter().flatten().count();
        let (active, other) = if self.healthy {
            (&self.new, &self.old)
        } else {
            (&self.old, &self.new)
        };
        let slot = rig.active_slot();
        assert!(rig.holds(slot, 0, active), "{id}");
        assert!(
            matches!(record.state, BootState::Confirmed(_)),
            "{id}: {record:?}"
        );
        assert_eq!(blamed, usize::from(!self.healthy), "{id}: {record:?}");
        if self.healthy {
            let fallback = match rig.product.map.strategy() {
                Strategy::Swap => Index::One,
                Strategy::Ab => slot.other(),
            };
            let whole = rig.holds(fallback, 0, other);
            let claimed = record.state == BootState::Confirmed(Fallback::Available);
            assert_eq!(
                whole, claimed,
                "{id}: what the journal says of the fallback"
            );
            assert!(whole, "{id}: the fallback is lost");
        } else {
            // Three attempts; a cut costs at most one of them, and gives none beyond its own.
            assert!(
                (3 - outcome.cuts.min(3)..=3 + outcome.cuts).contains(&outcome.starts),
                "{id}: {outcome:?}"
            );
        }
        let bound = u32::try_from(self.package.len()).unwrap() + outcome.cuts * WINDOW * self.chunk;
        assert!(outcome.asked <= bound, "{id}: {outcome:?}, at most {bound}");
        assert!(rig.flash.violations().is_empty(), "{id}");
    }
}

fn full() -> bool {
    std::env::var_os("FULL").is_some()
}

fn tears(random: u64) -> impl Iterator<Item = Tear> {
    Tear::ALL.into_iter().chain((0..random).map(Tear::Random))
}

/// Every operation, every tear.
fn single_cuts(story: &Story, name: &str) {
    let whole = story.run(Plan(vec![]));
    let mut runs = 0;
    for operation in 1..=whole.operations {
        for tear in tears(if full() { 64 } else { 4 }) {
            let outcome = story.run(Plan(vec![Cut { operation, tear }]));
            assert_eq!(outcome.cuts, 1, "the cut happened");
            runs += 1;
        }
    }
    println!(
        "{name}: {} operations, {runs} cuts, no failure",
        whole.operations
    );
    assert!(runs > 100);
}

/// Every operation, then every operation of the recovery; sampled unless FULL.
fn double_cuts(story: &Story, name: &str) {
    let whole = story.run(Plan(vec![]));
    let stride = if full() { 1 } else { 31 };
    let mut runs = 0u64;
    for first in 1..=whole.operations {
        for tear in tears(2) {
            let left = story
                .run(Plan(vec![Cut {
                    operation: first,
                    tear,
                }]))
                .operations;
            let mut second = 1 + (first + runs) % stride;
            while second + first <= left + 1 {
                let tear2 = Tear::ALL[usize::try_from(runs).unwrap() % Tear::ALL.len()];
                let tear2 = if runs.is_multiple_of(3) {
                    Tear::Random(runs)
                } else {
                    tear2
                };
                story.run(Plan(vec![
                    Cut {
                        operation: first,
                        tear,
                    },
                    Cut {
                        operation: second,
                        tear: tear2,
                    },
                ]));
                runs += 1;
                second += stride;
            }
        }
    }
    println!("{name}: {runs} pairs of cuts, no failure");
    assert!(runs > 100);
}

const SMALL: Geometry = Geometry::small(3);

#[test]
fn a_healthy_update_survives_a_cut_at_every_operation() {
    single_cuts(
        &Story::new(SMALL, 9_000, 12_288, 4096, true),
        "swap, healthy",
    );
}

#[test]
fn a_bad_update_is_rolled_back_through_a_cut_at_every_operation() {
    single_cuts(&Story::new(SMALL, 12_000, 5_000, 4096, false), "swap, bad");
}

#[test]
fn a_b_updates_survive_a_cut_at_every_operation() {
    let geometry = Geometry {
        strategy: Strategy::Ab,
        ..SMALL
    };
    single_cuts(
        &Story::new(geometry, 9_000, 12_288, 4096, true),
        "A/B, healthy",
    );
    single_cuts(
        &Story::new(geometry, 12_000, 5_000, 4096, false),
        "A/B, bad",
    );
}

#[test]
fn small_chunks_in_large_ecc_units_survive_a_cut_at_every_operation() {
    let geometry = Geometry {
        write_size: 8,
        erase_size: 4096,
        ecc: true,
        ..SMALL
    };
    single_cuts(
        &Story::new(geometry, 3_001, 11_003, 1024, true),
        "four chunks a unit, healthy",
    );
    single_cuts(
        &Story::new(geometry, 11_001, 3_003, 1024, false),
        "four chunks a unit, bad",
    );
}

#[test]
fn words_of_32_bytes_and_an_erased_value_of_zero_survive_a_cut_at_every_operation() {
    let geometry = Geometry {
        write_size: 32,
        erased: 0x00,
        erase_size: 1024,
        bank: 4096,
        ..SMALL
    };
    single_cuts(
        &Story::new(geometry, 9_000, 10_000, 2048, true),
        "H7 words, L0 blank",
    );
}

#[test]
fn images_with_equal_steps_survive_a_cut_at_every_operation() {
    // The same chunk in many places: the digests alone do not tell where the swap was.
    let unit = random_image(4096, 9);
    let other = random_image(4096, 10);
    let old = Release::new(1, [&unit[..], &unit, &other].concat(), 4096);
    let new = Release::new(2, [&other[..], &unit, &unit].concat(), 4096);
    for healthy in [true, false] {
        single_cuts(&Story::with(SMALL, &old, &new, healthy), "equal steps");
    }
    let new = Release::new(2, [&unit[..], &unit, &unit].concat(), 4096);
    for healthy in [true, false] {
        single_cuts(&Story::with(SMALL, &old, &new, healthy), "equal steps");
    }
}

#[test]
fn every_pair_of_short_images_of_two_kinds_of_steps_survives_cuts() {
    let kinds = [random_image(1024, 1), random_image(1024, 2)];
    let images: Vec<Vec<u8>> = (1..=3u32)
        .flat_map(|len| (0..1u32 << len).map(move |bits| (len, bits)))
        .map(|(len, bits)| {
            (0..len)
                .flat_map(|i| kinds[(bits >> i & 1) as usize].clone())
                .collect()
        })
        .collect();
    let geometry = Geometry {
        erase_size: 1024,
        step: 1024,
        slot: 3 * 1024,
        bank: 2048,
        ..SMALL
    };
    let (mut runs, stride) = (0u64, if full() { 1 } else { 11 });
    for (old, new) in images
        .iter()
        .flat_map(|old| images.iter().map(move |new| (old, new)))
        .filter(|(old, new)| old != new)
    {
        for healthy in [true, false] {
            let (old, new) = (
                Release::new(1, old.clone(), 1024),
                Release::new(2, new.clone(), 1024),
            );
            let story = Story::with(geometry, &old, &new, healthy);
            let whole = story.run(Plan(vec![])).operations;
            let mut operation = 1 + runs % stride;
            while operation <= whole {
                let tear = Tear::ALL[usize::try_from(runs).unwrap() % Tear::ALL.len()];
                story.run(Plan(vec![Cut { operation, tear }]));
                runs += 1;
                operation += stride;
            }
        }
    }
    println!("every pair: {runs} cuts, no failure");
    assert!(runs > 1000);
}

#[test]
fn a_second_cut_in_the_recovery_loses_nothing_either() {
    double_cuts(
        &Story::new(SMALL, 9_000, 8_200, 4096, true),
        "swap, healthy",
    );
    double_cuts(&Story::new(SMALL, 4_100, 9_000, 4096, false), "swap, bad");
    let geometry = Geometry {
        strategy: Strategy::Ab,
        write_size: 8,
        ecc: true,
        ..SMALL
    };
    double_cuts(
        &Story::new(geometry, 9_000, 8_200, 4096, true),
        "A/B, healthy",
    );
}

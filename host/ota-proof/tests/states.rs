//! Every state of a small device, and what must hold in it.

use ota_bootloader::Strategy;
use ota_proof::states::{Extent, Report, Shape, replay, search, whole};

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn check(extent: Extent, shape: Shape, report: &Report) {
    println!("{extent:?}, {shape:?}: {report}");
    assert!(report.failures.is_empty(), "{report}");
    assert!(report.states > 1_000 && report.cuts > 10_000, "{report}");
}

fn sample(strategy: Strategy) {
    let shape = Shape {
        strategy,
        unit: 1024,
    };
    check(
        Extent::Sample,
        shape,
        &search(Extent::Sample, shape, threads()),
    );
}

#[test]
fn from_every_state_of_a_swap_device_a_healthy_release_can_be_installed() {
    sample(Strategy::Swap);
}

#[test]
fn from_every_state_of_an_a_b_device_a_healthy_release_can_be_installed() {
    sample(Strategy::Ab);
}

/// Found by the search with rot: what is right in its place is not written again if only the
/// digest table could find it afterwards.
#[test]
fn an_image_that_is_restored_without_its_table_survives_two_cuts() {
    let shape = Shape {
        strategy: Strategy::Swap,
        unit: 1024,
    };
    let way = "start > boot(Power)@1 > download(3)@1 > rot(table 0)@1 > boot(Software)@1!3:fading \
               > boot(Power)@1!2:saturated > boot(Power)@1";
    let story = replay(shape, way);
    let cuts = story.matches("  Program {").count() + story.matches("  Erase {").count();
    assert_eq!(cuts, 2, "{story}");
    let (_, end) = story.rsplit_once("boot(Power)@1: ").expect("the last boot");
    assert!(end.starts_with("Booted(Boot("), "{story}");
}

/// Every tear, wherever the journal stands; and one thing that rots at any time.
#[test]
#[ignore = "many minutes; `cargo xtask prove` does it"]
fn from_every_state_there_is_a_way_on_even_behind_rot() {
    let mut searches = 0;
    for (extent, shape, report) in whole(threads()) {
        check(extent, shape, &report);
        searches += 1;
    }
    assert!(searches > 1);
}

/// `STRATEGY=swap UNIT=1024 REPLAY="start > boot(Power)@1 > ..." cargo test -p ota-proof --test
/// states -- --ignored --nocapture a_way`
#[test]
#[ignore = "shows one way that a search prints, given in REPLAY"]
fn a_way_is_walked_again() {
    let path = std::env::var("REPLAY").expect("the way");
    let strategy = match std::env::var("STRATEGY").as_deref() {
        Ok("ab") => Strategy::Ab,
        _ => Strategy::Swap,
    };
    let unit = std::env::var("UNIT").map_or(1024, |unit| unit.parse().expect("a number"));
    println!("{}", replay(Shape { strategy, unit }, &path));
}

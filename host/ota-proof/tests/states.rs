//! Every state of a small device, and what must hold in it.

use ota_proof::states::{Extent, replay, search};

fn run(extent: Extent, unit: u32) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let report = search(extent, unit, threads);
    println!("{extent:?}, units of {unit}: {report}");
    assert!(report.failures.is_empty(), "{report}");
    assert!(report.states > 100 && report.cuts > 1_000, "{report}");
}

#[test]
fn from_every_state_a_verified_image_boots_and_a_healthy_release_can_be_installed() {
    run(Extent::Sample, 1024);
}

#[test]
#[ignore = "minutes; `cargo xtask prove` runs it"]
fn the_same_with_every_tear_wherever_the_journal_stands() {
    run(Extent::Cuts, 1024);
    run(Extent::Cuts, 2048);
}

#[test]
#[ignore = "minutes; `cargo xtask prove` runs it"]
fn the_same_with_one_thing_that_rots_at_any_time() {
    run(Extent::Rot, 1024);
}

/// `REPLAY="start > boot(Power)@1 > ..." cargo test -p ota-proof --test states -- --ignored a_way`
#[test]
#[ignore = "shows one way that a search prints, given in REPLAY"]
fn a_way_is_walked_again() {
    let path = std::env::var("REPLAY").expect("the way");
    println!("{}", replay(Extent::Sample, 1024, &path));
}

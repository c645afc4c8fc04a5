//! The order of releases: a slip in it would be in the way of all that come after.

use ota_cli::package::Package;

use crate::bench::{Bench, image};

fn pack(more: &str) -> Vec<&str> {
    let fixed = "pack app.bin -o app.ota --version 1 --counter 1 --vendor v --class c";
    let address = "--load-address 0x10020000";
    let all = fixed.split(' ').chain(address.split(' '));
    all.chain(more.split_whitespace()).collect()
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("app.bin", &image(100));
    bench
}

fn packed(bench: &Bench) -> u64 {
    let package = Package::load(&bench.path("app.ota")).unwrap();
    package.manifest().unwrap().sequence
}

#[test]
fn a_sequence_that_leaves_no_room_is_refused_with_the_highest() {
    let bench = bench();
    for none in [u64::MAX, u64::MAX - 1, u64::MAX - 1000, 1 << 63] {
        for more in ["", " --allow-future-sequence"] {
            let args = format!("--sequence {none}{more}");
            let said = bench.refused(&pack(&args), "9223372036854775807");
            assert!(said.contains(&none.to_string()), "{said}");
        }
    }
    assert_eq!(bench.files(), ["app.bin"]);
}

#[test]
fn a_sequence_far_ahead_of_the_clock_is_warned_of_unless_it_is_meant() {
    let bench = bench();
    // 2100 in milliseconds, now in microseconds, a date as digits, the highest there is.
    for far in [
        4_102_444_800_000_u64,
        1_776_297_600_000_000,
        20_991_231_235_959,
        (1 << 63) - 1,
    ] {
        let args = format!("--sequence {far}");
        bench.warned(&pack(&args), &[&far.to_string()]);
        assert_eq!(packed(&bench), far);
        bench.ok(&pack(&format!("{args} --allow-future-sequence")));
        assert_eq!(packed(&bench), far);
    }
}

#[test]
fn sequences_that_are_counted_or_of_the_past_need_no_warning() {
    let bench = bench();
    for sequence in [0, 1, 100, 1_000_000, 20_261_231, 1_700_000_000_000] {
        bench.ok(&pack(&format!("--sequence {sequence}")));
        assert_eq!(packed(&bench), sequence);
    }
    assert_eq!(bench.run(&pack("--allow-future-sequence")).status, 2);
}

//! A sample of the sweep, spread over all configurations. `cargo xtask prove` runs the whole.

use std::io::Write as _;
use std::thread::available_parallelism;

use ota_proof::sweep::{Extent, run};

/// One of so many first and second cuts.
const SAMPLE: Extent = Extent {
    firsts: 100,
    seconds: 10,
    seed: 1,
};

#[test]
fn no_sampled_cut_or_pair_of_cuts_breaks_a_promise() {
    let threads = available_parallelism().map_or(1, Into::into);
    let rows = run(SAMPLE, threads, |_| true, |_, _| {});
    // Past the capture: each configuration is named, also if all is well.
    let mut out = std::io::stdout().lock();
    for row in &rows {
        let (name, cuts, pairs, chains) = (&row.name, row.cuts, row.pairs, row.chains);
        let failures = row.failures.len();
        let _ = writeln!(
            out,
            "{name}: {cuts} cuts, {pairs} pairs, {chains} in a row, {failures} failures"
        );
        for (id, broken) in &row.failures {
            let _ = writeln!(out, "  cargo xtask prove --only {id}\n    {broken}");
        }
    }
    drop(out);
    let uncut: Vec<_> = rows.iter().filter(|row| row.cuts == 0).collect();
    let failures: usize = rows.iter().map(|row| row.failures.len()).sum();
    assert_eq!(failures, 0, "see above");
    assert!(uncut.is_empty(), "not cut: {uncut:?}");
}

//! A sample of the lives with faults. `cargo xtask prove` lives them all.

use std::thread::available_parallelism;

use ota_proof::faults::{Promise, run};
use ota_proof::sweep::Extent;

/// One of so many faults.
const SAMPLE: Extent = Extent {
    firsts: 40,
    seconds: 1,
    seed: 1,
};

#[test]
fn no_sampled_fault_breaks_what_holds_under_it() {
    let threads = available_parallelism().map_or(1, Into::into);
    let rows = run(SAMPLE, threads, |_| true, |_, _| {});
    let mut failures = 0;
    for row in &rows {
        println!("{}: {} lives", row.kind.name(), row.lives);
        for (promise, broken) in Promise::ALL.into_iter().zip(row.broken) {
            if broken > 0 {
                let holds = promise.holds(row.kind);
                println!("  {}: {broken} broken, holds: {holds}", promise.name());
            }
        }
        for (id, how) in row.failures.iter().take(10) {
            println!("  cargo xtask prove --only {id}\n    {how}");
        }
        failures += row.failures.len();
    }
    assert_eq!(failures, 0, "see above");
    assert!(rows.iter().all(|row| row.lives > 20), "each kind strikes");
}

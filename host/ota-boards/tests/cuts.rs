//! The power goes in flash operations of an update, on the example firmware: a sample of what
//! `cargo xtask cuts rp2040` does at every one of them.

use ota_boards::cuts::Phase::{Confirm, Download, Request, Revert, Swap, Trial};
use ota_boards::cuts::Story::{Bad, Good};
use ota_boards::cuts::sweep::{Cuts, Plan, run};

const SEED: u64 = 5;
/// Cuts in each phase of each story that has so many operations.
const EACH: usize = 1;

#[test]
fn a_cut_in_any_phase_boots_a_verified_image_and_loses_no_update() -> anyhow::Result<()> {
    let plan = Plan {
        cuts: Cuts::Sample(EACH),
        seed: SEED,
    };
    let outcome = run(plan, |id, error| eprintln!("{id}: {error:?}"))?;
    println!("{outcome}, seed {SEED}");
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.len());

    let phases: Vec<_> = outcome.phases.keys().copied().collect();
    let all = [
        (Good, Download),
        (Good, Request),
        (Good, Swap),
        (Good, Trial),
        (Good, Confirm),
        (Bad, Swap),
        (Bad, Trial),
        (Bad, Revert),
    ];
    assert_eq!(phases, all);
    for (phase, tally) in &outcome.phases {
        let most = usize::try_from(tally.operations)?.min(EACH);
        assert_eq!(tally.cuts, most as u64, "{phase:?}");
    }
    assert!(outcome.tears.len() > 4, "{:?}", outcome.tears);
    Ok(())
}

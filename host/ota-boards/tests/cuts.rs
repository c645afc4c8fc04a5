//! The power goes in flash operations of an update, on the example firmware: a sample of what
//! `cargo xtask cuts` does at all of them.

use ota_boards::bench::Bench;
use ota_boards::cuts::Phase::{Confirm, Download, Request, Revert, Swap, Trial};
use ota_boards::cuts::Story::{Bad, Good};
use ota_boards::cuts::sweep::{Cuts, Plan, run};
use ota_boards::cuts::{Id, Phase, Story};
use ota_boards::esp32c3::Esp32c3;
use ota_boards::rp2040::Rp2040;
use ota_boards::stm32::Stm32;

const SEED: u64 = 5;
/// Cuts in each phase of each story that has so many operations.
const EACH: usize = 1;

/// All that a story has. Where nothing is swapped, the swap is a record that says so.
const PHASES: [(Story, Phase); 8] = [
    (Good, Download),
    (Good, Request),
    (Good, Swap),
    (Good, Trial),
    (Good, Confirm),
    (Bad, Swap),
    (Bad, Trial),
    (Bad, Revert),
];

fn is_cut_in_each_phase<B: Bench>() -> anyhow::Result<()> {
    let plan = Plan {
        cuts: Cuts::Sample(EACH),
        seed: SEED,
    };
    let outcome = run::<B>(plan, |id: Id, error: &anyhow::Error| {
        eprintln!("{id}: {error:?}");
    })?;
    println!("{outcome}, seed {SEED}");
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.len());
    assert!(outcome.phases.keys().eq(&PHASES), "{outcome}");
    for (phase, tally) in &outcome.phases {
        let most = usize::try_from(tally.operations)?.min(EACH);
        assert_eq!(tally.cuts, most as u64, "{phase:?}");
    }
    assert!(outcome.tears.len() > 4, "{:?}", outcome.tears);
    Ok(())
}

#[test]
fn a_cut_in_any_phase_boots_a_verified_image_and_loses_no_update_on_an_rp2040() -> anyhow::Result<()>
{
    is_cut_in_each_phase::<Rp2040>()
}

#[test]
fn a_cut_in_any_phase_boots_a_verified_image_and_loses_no_update_on_an_stm32() -> anyhow::Result<()>
{
    is_cut_in_each_phase::<Stm32>()
}

#[test]
fn a_cut_in_any_phase_boots_a_verified_image_and_loses_no_update_on_an_esp32c3()
-> anyhow::Result<()> {
    is_cut_in_each_phase::<Esp32c3>()
}

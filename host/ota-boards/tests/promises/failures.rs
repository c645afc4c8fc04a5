//! Releases that fail on trial go, the former one comes back, and a corrected one is taken.

use ota_boards::example::Example;
use ota_boards::firmware::Behaviour;
use ota_boards::release::release;
use ota_boards::rp2040;
use ota_bootloader::{Failure, Fallback};
use ota_emu::Line;
use ota_emu::rp2040::Board;
use rp2040_product::PRODUCT;

use crate::common::{ENVELOPE, LIMIT, assert_confirmed, good, sequence, updated_board};

const BAD: &str = "1.2.0";

#[test]
fn a_release_that_crashes_is_rolled_back_after_its_attempts() -> anyhow::Result<()> {
    let trial = rolled_back(Behaviour::Crash, Failure::Crash)?;
    assert_eq!(count(&trial, "panic in "), attempts());
    Ok(())
}

#[test]
fn a_release_that_hangs_is_caught_by_the_watchdog_and_rolled_back() -> anyhow::Result<()> {
    let trial = rolled_back(Behaviour::Hang, Failure::Watchdog)?;
    assert_eq!(count(&trial, "built to hang"), attempts());
    assert_eq!(count(&trial, "reset: the watchdog was not fed"), attempts());
    Ok(())
}

#[test]
fn a_release_that_never_reaches_its_server_is_rolled_back() -> anyhow::Result<()> {
    let trial = rolled_back(Behaviour::Offline, Failure::GaveUp)?;
    assert_eq!(count(&trial, "on trial"), attempts());
    assert_eq!(count(&trial, "unhealthy: no server"), attempts());
    Ok(())
}

fn attempts() -> usize {
    usize::from(PRODUCT.trial.attempts)
}

/// How many lines begin like this.
fn count(lines: &[Line], text: &str) -> usize {
    lines
        .iter()
        .filter(|line| line.text.starts_with(text))
        .count()
}

/// Offers a bad release to 1.1.0, and then a good one. What was logged on trial.
fn rolled_back(behaviour: Behaviour, reason: Failure) -> anyhow::Result<Vec<Line>> {
    let bad = release(Example::Rp2040, BAD, behaviour, sequence(BAD))?;
    let (mut board, shop) = updated_board(&bad)?;
    rp2040::knows(&mut board, BAD, behaviour)?;
    rp2040::until(&mut board, "staged; resetting", LIMIT)?;
    let from = board.logs().len();
    shop.asked()?;

    rp2040::until(&mut board, "version 1.1.0", LIMIT)?;
    let trial = board.logs()[from..].to_vec();
    assert_eq!(count(&trial, "version 1.2.0"), attempts());
    assert_eq!(shop.asked()?, [], "the rollback needs no network");
    // What it was swapped with is gone.
    let record = assert_confirmed(&board, &good("1.1.0")?, Fallback::Gone)?;
    let failed = record.failed.into_iter().flatten();
    let failed: Vec<_> = failed.map(|f| (f.release.sequence, f.failure)).collect();
    assert_eq!(failed, [(sequence(BAD), reason)]);

    for _ in 0..2 {
        rp2040::until(&mut board, "no update, 0x1112: ", LIMIT)?;
        assert_eq!(shop.asked()?, vec![ENVELOPE], "it was fetched again");
    }
    corrected(&mut board, &shop)?;
    Ok(trial)
}

fn corrected(board: &mut Board, shop: &rp2040::Shop) -> anyhow::Result<()> {
    let from = board.logs().len();
    let good = good("1.3.0")?;
    shop.publish(good.as_bytes())?;
    rp2040::knows(board, "1.3.0", Behaviour::Healthy)?;
    rp2040::until(board, "confirmed", LIMIT)?;
    assert_eq!(count(&board.logs()[from..], "confirmed"), 1);
    assert_confirmed(board, &good, Fallback::Available)?;
    Ok(())
}

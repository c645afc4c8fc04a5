//! Releases that fail on trial go, the former one comes back, and a corrected one is taken.

use ota_boards::bench::{self, Bench};
use ota_boards::firmware::Behaviour;
use ota_boards::release::release;
use ota_boards::server::Shop;
use ota_bootloader::{Failure, Fallback};
use ota_emu::{Board, Line};

use crate::common::{ENVELOPE, LIMIT, Told, assert_confirmed, good, sequence, updated_board};

const BAD: &str = "1.2.0";

pub(crate) fn a_crash_is_rolled_back_after_its_attempts<B: Told>() -> anyhow::Result<()> {
    let trial = rolled_back::<B>(Behaviour::Crash, Failure::Crash)?;
    assert_eq!(count(&trial, "panic in "), attempts::<B>());
    Ok(())
}

pub(crate) fn a_hang_is_caught_by_the_watchdog_and_rolled_back<B: Told>() -> anyhow::Result<()> {
    let trial = rolled_back::<B>(Behaviour::Hang, Failure::Watchdog)?;
    assert_eq!(count(&trial, "built to hang"), attempts::<B>());
    let resets = count(&trial, "reset: the watchdog was not fed");
    assert_eq!(resets, attempts::<B>());
    Ok(())
}

pub(crate) fn a_release_without_its_server_is_rolled_back<B: Told>() -> anyhow::Result<()> {
    let trial = rolled_back::<B>(Behaviour::Offline, Failure::GaveUp)?;
    assert_eq!(count(&trial, "on trial"), attempts::<B>());
    assert_eq!(count(&trial, "unhealthy: no server"), attempts::<B>());
    Ok(())
}

fn attempts<B: Bench>() -> usize {
    usize::from(B::EXAMPLE.product().trial.attempts)
}

/// How many lines begin like this.
fn count(lines: &[Line], text: &str) -> usize {
    lines
        .iter()
        .filter(|line| line.text.starts_with(text))
        .count()
}

/// Offers a bad release to 1.1.0, and then a good one. What was logged on trial.
fn rolled_back<B: Told>(behaviour: Behaviour, reason: Failure) -> anyhow::Result<Vec<Line>> {
    let bad = release(B::EXAMPLE, BAD, behaviour, sequence(BAD))?;
    let (mut board, shop) = updated_board::<B>(&bad)?;
    bench::knows::<B>(&mut board, BAD, behaviour)?;
    bench::until(&mut board, "staged; resetting", LIMIT)?;
    let from = board.logs().len();
    shop.asked()?;

    bench::until(&mut board, "version 1.1.0", LIMIT)?;
    let trial = board.logs()[from..].to_vec();
    assert_eq!(count(&trial, "version 1.2.0"), attempts::<B>());
    assert_eq!(shop.asked()?, [], "the rollback needs no network");
    // What took the place of its fallback is gone.
    let record = assert_confirmed::<B>(&board, &good::<B>("1.1.0")?, Fallback::Gone)?;
    let failed = record.failed.into_iter().flatten();
    let failed: Vec<_> = failed.map(|f| (f.release.sequence, f.failure)).collect();
    assert_eq!(failed, [(sequence(BAD), reason)]);

    for _ in 0..2 {
        bench::until(&mut board, "no update, 0x1112: ", LIMIT)?;
        assert_eq!(shop.asked()?, vec![ENVELOPE], "it was fetched again");
    }
    corrected::<B>(&mut board, &shop)?;
    Ok(trial)
}

fn corrected<B: Told>(board: &mut Board<B::Chip>, shop: &Shop<B>) -> anyhow::Result<()> {
    let from = board.logs().len();
    let good = good::<B>("1.3.0")?;
    shop.publish(good.as_bytes())?;
    bench::knows::<B>(board, "1.3.0", Behaviour::Healthy)?;
    bench::until(board, "confirmed", LIMIT)?;
    assert_eq!(count(&board.logs()[from..], "confirmed"), 1);
    assert_confirmed::<B>(board, &good, Fallback::Available)?;
    Ok(())
}

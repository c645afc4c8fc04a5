//! Releases that fail on trial go, and the former one comes back.

use ota_boards::firmware::Behaviour;
use ota_boards::release::release;
use ota_boards::rp2040::{self, Shop};
use ota_bootloader::BootState;

/// More than any of these steps takes.
const LIMIT: u64 = 3_000_000_000;

#[test]
fn a_release_that_hangs_is_caught_by_the_watchdog_and_rolled_back() -> anyhow::Result<()> {
    let board = rolled_back(Behaviour::Hang)?;
    assert!(board.has_logged("the watchdog was not fed"));
    Ok(())
}

#[test]
fn a_release_that_crashes_is_rolled_back() -> anyhow::Result<()> {
    rolled_back(Behaviour::Crash).map(drop)
}

fn rolled_back(behaviour: Behaviour) -> anyhow::Result<ota_emu::Board> {
    let first = release("1.0.0", Behaviour::Healthy, 100)?;
    let bad = release("1.1.0", behaviour, 110)?;
    let shop = Shop::open()?;
    shop.publish(bad.as_bytes())?;
    let mut board = rp2040::board(&first, "1.0.0")?;
    shop.plug_in(&mut board);

    rp2040::until(&mut board, "staged; resetting", LIMIT)?;
    rp2040::until(&mut board, "version 1.0.0", LIMIT)?;
    let state = rp2040::state(&board)?;
    assert_eq!(state.version.as_deref(), Some("1.0.0"));
    assert!(matches!(state.record.state, BootState::Confirmed(_)));
    let failed = state.record.failed[0].map(|failed| failed.release.sequence);
    assert_eq!(failed, Some(110));
    Ok(board)
}

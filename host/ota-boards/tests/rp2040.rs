//! What the example firmware promises, on the board.

use ota_boards::firmware::Behaviour;
use ota_boards::release::release;
use ota_boards::rp2040::{self, Shop};
use ota_bootloader::{BootState, Fallback};
use ota_sim::Tear;

/// More than any of these steps takes.
const LIMIT: u64 = 3_000_000_000;

#[test]
fn an_update_is_downloaded_swapped_in_and_confirmed() -> anyhow::Result<()> {
    let first = release("1.0.0", Behaviour::Healthy, 100)?;
    let second = release("1.1.0", Behaviour::Healthy, 110)?;
    let shop = Shop::open()?;
    shop.publish(second.as_bytes())?;
    let mut board = rp2040::board(&first, "1.0.0")?;
    shop.plug_in(&mut board);

    rp2040::until(&mut board, "staged; resetting", LIMIT)?;
    assert!(board.has_logged("version 1.0.0"));
    let mut interrupted = board.snapshot();
    rp2040::until(&mut board, "confirmed", LIMIT)?;
    assert!(board.has_logged("version 1.1.0") && board.has_logged("on trial"));
    let state = rp2040::state(&board)?;
    assert_eq!(state.version.as_deref(), Some("1.1.0"));
    assert_eq!(
        state.record.state,
        BootState::Confirmed(Fallback::Available)
    );

    // The same again, but the power goes in the middle of the swap.
    interrupted.cut_at(300, Tear::Random(1));
    let end = interrupted.run_until("version 1.1.0", LIMIT);
    assert_eq!(end, ota_emu::Exit::PowerCut);
    interrupted.power_up();
    rp2040::until(&mut interrupted, "confirmed", LIMIT)?;
    assert_eq!(rp2040::state(&interrupted)?, state);
    Ok(())
}

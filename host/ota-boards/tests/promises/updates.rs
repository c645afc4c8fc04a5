//! What an update is, and what a power cut in its swap does to it.

use ota_boards::rp2040;
use ota_bootloader::{BootState, Fallback};
use ota_emu::Exit;
use ota_sim::Tear;

use crate::common::{LIMIT, assert_confirmed, good, life, slot};

#[test]
fn an_update_is_downloaded_swapped_in_tried_and_confirmed() -> anyhow::Result<()> {
    let life = life()?;
    assert_eq!(rp2040::state(&life.staged)?.record.state, BootState::Staged);
    let said = [
        "version 1.0.0",
        "not on trial",
        "looking for an update",
        "staged; resetting",
        "version 1.1.0",
        "on trial",
        "confirmed",
    ];
    let lines: Vec<_> = life.updated.logs().iter().map(|line| &line.text).collect();
    let mut rest = lines.iter();
    for text in said {
        assert!(rest.any(|line| *line == text), "{text:?}: {lines:?}");
    }
    assert_confirmed(&life.updated, &good("1.1.0")?, Fallback::Available)?;
    assert!(slot(&life.updated, 1).starts_with(good("1.0.0")?.payload()?));
    Ok(())
}

#[test]
fn a_power_cut_in_the_swap_costs_nothing_but_time() -> anyhow::Result<()> {
    let life = life()?;
    let mut board = life.staged.snapshot();
    let shop = rp2040::Shop::open()?;
    shop.publish(good("1.1.0")?.as_bytes())?;
    shop.plug_in(&mut board);
    board.cut_at(300, Tear::Random(1));
    assert_eq!(board.run_until("version 1.1.0", LIMIT), Exit::PowerCut);
    board.power_up();
    assert_eq!(rp2040::state(&board)?.record.state, BootState::Swapping);
    rp2040::until(&mut board, "confirmed", LIMIT)?;
    assert_eq!(rp2040::state(&board)?, rp2040::state(&life.updated)?);
    assert_confirmed(&board, &good("1.1.0")?, Fallback::Available)?;
    Ok(())
}

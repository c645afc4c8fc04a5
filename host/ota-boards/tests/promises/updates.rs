//! What an update is, and what a power cut in its swap does to it.

use anyhow::Context as _;
use ota_boards::bench;
use ota_boards::server::Shop;
use ota_boards::state::former_at;
use ota_bootloader::{BootState, Fallback};
use ota_emu::Exit;
use ota_sim::Tear;

use crate::common::{LIMIT, Told, assert_confirmed, good, held, life};

pub(crate) fn is_downloaded_installed_tried_and_confirmed<B: Told>() -> anyhow::Result<()> {
    let life = life::<B>()?;
    let staged = bench::state::<B>(&life.staged)?;
    assert_eq!(staged.record.state, BootState::Staged);
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
    assert_confirmed::<B>(&life.updated, &good::<B>("1.1.0")?, Fallback::Available)?;
    let former = held::<B>(&life.updated, former_at)?;
    assert!(former.starts_with(good::<B>("1.0.0")?.payload()?));
    Ok(())
}

pub(crate) fn a_power_cut_in_the_swap_costs_nothing_but_time<B: Told>() -> anyhow::Result<()> {
    let life = life::<B>()?;
    let mut board = life.staged.snapshot();
    let shop = Shop::<B>::open()?;
    shop.publish(good::<B>("1.1.0")?.as_bytes())?;
    shop.plug_in(&mut board);
    let operation = B::IN_SWAP.context("this board swaps nothing")?;
    board.cut_at(operation, Tear::Random(1));
    assert_eq!(board.run_until("version 1.1.0", LIMIT), Exit::PowerCut);
    board.power_up();
    let state = bench::state::<B>(&board)?;
    assert_eq!(state.record.state, BootState::Swapping);
    bench::until(&mut board, "confirmed", LIMIT)?;
    let updated = bench::state::<B>(&life.updated)?;
    assert_eq!(bench::state::<B>(&board)?, updated);
    assert_confirmed::<B>(&board, &good::<B>("1.1.0")?, Fallback::Available)?;
    Ok(())
}

//! The status register of the flash chip, whose bits protect cells, and keep without power: each write
//! wears it, takes milliseconds, and may lose its bits in a power cut.

use ota_boards::bench;
use ota_boards::firmware::Behaviour;
use ota_boards::server::Shop;
use ota_bootloader::Fallback;
use ota_emu::{Board, Exit};
use ota_sim::{Cut, Interrupted, Tear};

use crate::common::{LIMIT, Told, assert_confirmed, good, life};

/// All cells are protected; quad mode is on.
const PROTECTED: u16 = 0x021C;
/// Nothing is protected, quad mode is still on.
const OPEN: u16 = 0x0200;
/// What the unlocking takes: each half of the register is written.
const UNLOCK: u64 = 2;
/// What a cut leaves of the register: old, new, some of each, and bits that nobody wrote.
const TEARS: [Tear; 4] = [Tear::Late, Tear::Mixed, Tear::Saturated, Tear::Noise];

pub(crate) fn is_left_alone_by_an_update<B: Told>() -> anyhow::Result<()> {
    let life = life::<B>()?;
    assert_ne!(life.updated.operations(), 0);
    assert_eq!(life.updated.flash().stats().status_writes, 0);
    Ok(())
}

pub(crate) fn is_lifted_once_by_an_application<B: Told>() -> anyhow::Result<()> {
    let mut board = bench::board::<B>(&good::<B>("1.0.0")?, "1.0.0")?;
    // From here on it is the application that writes first.
    bench::until(&mut board, "version 1.0.0", LIMIT)?;
    is_lifted_once::<B>(&mut board)
}

pub(crate) fn is_lifted_once_by_a_bootloader<B: Told>() -> anyhow::Result<()> {
    is_lifted_once::<B>(&mut life::<B>()?.staged.snapshot())
}

fn is_lifted_once<B: Told>(board: &mut Board<B::Chip>) -> anyhow::Result<()> {
    board.edit_flash(|flash| flash.set_status(PROTECTED));
    is_updated::<B>(board)?;
    assert_eq!(board.flash().status(), Some(OPEN));
    assert_eq!(board.flash().stats().status_writes, UNLOCK);
    Ok(())
}

pub(crate) fn torn_by_a_power_cut_is_lifted_again<B: Told>() -> anyhow::Result<()> {
    for (operation, tear) in (1..=UNLOCK).flat_map(|nth| TEARS.map(|tear| (nth, tear))) {
        let mut board = life::<B>()?.staged.snapshot();
        board.edit_flash(|flash| flash.set_status(PROTECTED));
        board.cut_at(operation, tear);
        assert_eq!(board.run_until("confirmed", LIMIT), Exit::PowerCut);
        assert_eq!(board.flash().interrupted(), Interrupted::Status);
        board.power_up();
        let cut = Cut::new(operation, tear);
        is_updated::<B>(&mut board).map_err(|error| error.context(cut))?;
    }
    Ok(())
}

/// From 1.0.0, or with 1.1.0 staged, to 1.1.0 confirmed.
fn is_updated<B: Told>(board: &mut Board<B::Chip>) -> anyhow::Result<()> {
    let package = good::<B>("1.1.0")?;
    let shop = Shop::<B>::open()?;
    shop.publish(package.as_bytes())?;
    bench::knows::<B>(board, "1.1.0", Behaviour::Healthy)?;
    shop.plug_in(board);
    bench::until(board, "confirmed", LIMIT)?;
    assert_confirmed::<B>(board, &package, Fallback::Available)?;
    Ok(())
}

//! What the stories begin with, and how they are told.

use std::ops::Range;
use std::sync::OnceLock;

use ota_boards::example::Example;
use ota_boards::firmware::Behaviour;
use ota_boards::release::release;
use ota_boards::rp2040::{self, Shop};
use ota_boards::state::State;
use ota_bootloader::{BootState, Fallback, Record};
use ota_cli::package::Package;
use ota_emu::rp2040::Board;
use rp2040_product::PRODUCT;

/// More instructions than any step of a story takes.
pub(crate) const LIMIT: u64 = 3_000_000_000;

/// The part of a package that is asked for first.
pub(crate) const ENVELOPE: Range<u32> = 0..1024;

/// A board on its way from 1.0.0 to 1.1.0.
pub(crate) struct Life {
    /// About to be reset: 1.1.0 is staged.
    pub(crate) staged: Board,
    /// 1.1.0 has just confirmed itself.
    pub(crate) updated: Board,
}

/// The life that most stories begin with; boards are copied from it.
pub(crate) fn life() -> anyhow::Result<&'static Life> {
    static LIFE: OnceLock<Result<Life, String>> = OnceLock::new();
    let life = LIFE.get_or_init(|| live().map_err(|error| format!("{error:#}")));
    life.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn live() -> anyhow::Result<Life> {
    let shop = Shop::open()?;
    shop.publish(good("1.1.0")?.as_bytes())?;
    let mut board = rp2040::board(&good("1.0.0")?, "1.0.0")?;
    rp2040::knows(&mut board, "1.1.0", Behaviour::Healthy)?;
    shop.plug_in(&mut board);
    rp2040::until(&mut board, "staged; resetting", LIMIT)?;
    let staged = board.snapshot();
    rp2040::until(&mut board, "confirmed", LIMIT)?;
    Ok(Life {
        staged,
        updated: board,
    })
}

/// A board that 1.1.0 has just confirmed itself on, and a shop that it looks for updates in.
pub(crate) fn updated_board(offer: &Package) -> anyhow::Result<(Board, Shop)> {
    let shop = Shop::open()?;
    shop.publish(offer.as_bytes())?;
    let mut board = life()?.updated.snapshot();
    shop.plug_in(&mut board);
    Ok((board, shop))
}

/// A release that works.
pub(crate) fn good(version: &str) -> anyhow::Result<Package> {
    release(
        Example::Rp2040,
        version,
        Behaviour::Healthy,
        sequence(version),
    )
}

/// 1.2.3 is the 123rd.
pub(crate) fn sequence(version: &str) -> u64 {
    let digits = version.bytes().filter(u8::is_ascii_digit);
    digits.fold(0, |all, digit| 10 * all + u64::from(digit - b'0'))
}

/// Everything on the flash is at rest: this version runs, and what is in slot 0 is its image.
pub(crate) fn assert_confirmed(
    board: &Board,
    package: &Package,
    fallback: Fallback,
) -> anyhow::Result<Record> {
    let State { record, version } = rp2040::state(board)?;
    assert_eq!(
        version.as_deref(),
        Some(&*package.manifest()?.version.to_string())
    );
    assert_eq!(record.state, BootState::Confirmed(fallback));
    assert!(slot(board, 0).starts_with(package.payload()?));
    Ok(record)
}

/// What slot 0 or 1 holds.
pub(crate) fn slot(board: &Board, index: usize) -> &[u8] {
    let area = PRODUCT.map.layout().slots[index];
    &board.flash().bytes()[area.offset as usize..][..area.size as usize]
}

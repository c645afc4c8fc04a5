//! What the stories begin with, and how they are told.

use std::ops::Range;
use std::sync::OnceLock;

use ota_boards::bench::{self, Bench};
use ota_boards::firmware::Behaviour;
use ota_boards::release::release;
use ota_boards::server::Shop;
use ota_boards::state::{State, running_at};
use ota_bootloader::{BootState, Fallback, Product, Record};
use ota_cli::package::Package;
use ota_emu::Board;

/// More instructions than any step of a story takes.
pub(crate) const LIMIT: u64 = 3_000_000_000;

/// The part of a package that is asked for first.
pub(crate) const ENVELOPE: Range<u32> = 0..1024;

/// A bench that stories are told on.
pub(crate) trait Told: Bench {
    /// Where the life is kept that most stories begin with.
    fn life() -> &'static OnceLock<Result<Life<Self>, String>>;
}

/// A board on its way from 1.0.0 to 1.1.0.
pub(crate) struct Life<B: Bench> {
    /// About to be reset: 1.1.0 is staged.
    pub(crate) staged: Board<B::Chip>,
    /// 1.1.0 has just confirmed itself.
    pub(crate) updated: Board<B::Chip>,
}

/// The life that most stories begin with; boards are copied from it.
pub(crate) fn life<B: Told>() -> anyhow::Result<&'static Life<B>> {
    let life = B::life().get_or_init(|| live().map_err(|error| format!("{error:#}")));
    life.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn live<B: Bench>() -> anyhow::Result<Life<B>> {
    let shop = Shop::<B>::open()?;
    shop.publish(good::<B>("1.1.0")?.as_bytes())?;
    let mut board = bench::board::<B>(&good::<B>("1.0.0")?, "1.0.0")?;
    bench::knows::<B>(&mut board, "1.1.0", Behaviour::Healthy)?;
    shop.plug_in(&mut board);
    bench::until(&mut board, "staged; resetting", LIMIT)?;
    let staged = board.snapshot();
    bench::until(&mut board, "confirmed", LIMIT)?;
    Ok(Life {
        staged,
        updated: board,
    })
}

/// A board that 1.1.0 has just confirmed itself on, and a shop that it looks for updates in.
pub(crate) fn updated_board<B: Told>(offer: &Package) -> anyhow::Result<(Board<B::Chip>, Shop<B>)> {
    let shop = Shop::open()?;
    shop.publish(offer.as_bytes())?;
    let mut board = life::<B>()?.updated.snapshot();
    shop.plug_in(&mut board);
    Ok((board, shop))
}

/// A release that works.
pub(crate) fn good<B: Bench>(version: &str) -> anyhow::Result<Package> {
    release(B::EXAMPLE, version, Behaviour::Healthy, sequence(version))
}

/// 1.2.3 is the 123rd.
pub(crate) fn sequence(version: &str) -> u64 {
    let digits = version.bytes().filter(u8::is_ascii_digit);
    digits.fold(0, |all, digit| 10 * all + u64::from(digit - b'0'))
}

/// Everything on the flash is at rest: this version runs, and what is executed is its image.
pub(crate) fn assert_confirmed<B: Bench>(
    board: &Board<B::Chip>,
    package: &Package,
    fallback: Fallback,
) -> anyhow::Result<Record> {
    let State { record, version } = bench::state::<B>(board)?;
    assert_eq!(
        version.as_deref(),
        Some(&*package.manifest()?.version.to_string())
    );
    assert_eq!(record.state, BootState::Confirmed(fallback));
    assert!(held::<B>(board, running_at)?.starts_with(package.payload()?));
    Ok(record)
}

/// What the flash holds from one of these places on: see [`ota_boards::state`].
pub(crate) fn held<B: Bench>(
    board: &Board<B::Chip>,
    place: fn(&Product, &Record) -> u32,
) -> anyhow::Result<&[u8]> {
    let record = bench::state::<B>(board)?.record;
    let at = place(B::EXAMPLE.product(), &record);
    Ok(&board.flash().bytes()[at as usize..])
}

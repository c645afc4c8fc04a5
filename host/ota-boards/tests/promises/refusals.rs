//! What the device does not take leaves no trace on it.

use anyhow::Context as _;
use ota_boards::bench;
use ota_boards::release::{below_floor, forged};
use ota_boards::state::{running_at, staged_at};
use ota_bootloader::{BootState, Fallback};
use ota_cli::package::Package;

use crate::common::{ENVELOPE, LIMIT, Told, assert_confirmed, good, held, updated_board};

pub(crate) fn stolen_signatures_are_refused_by_the_envelope<B: Told>() -> anyhow::Result<()> {
    let forged = forged(B::EXAMPLE, &good::<B>("1.3.0")?, "1.4.0", 140)?;
    refused::<B>(&forged, "0x202")
}

pub(crate) fn a_downgrade_is_refused_by_its_envelope<B: Told>() -> anyhow::Result<()> {
    refused::<B>(&good::<B>("1.0.0")?, "0x1111")
}

pub(crate) fn below_the_floor_is_refused_by_its_envelope<B: Told>() -> anyhow::Result<()> {
    let package = good::<B>("1.3.0")?;
    let below = below_floor(B::EXAMPLE, package.payload()?, "1.3.0", 130)?;
    refused::<B>(&below, "0x409")
}

/// No flash operation, and nothing asked for but the envelope.
fn refused<B: Told>(package: &Package, code: &str) -> anyhow::Result<()> {
    let (mut board, shop) = updated_board::<B>(package)?;
    bench::until(&mut board, "looking for an update", LIMIT)?;
    let (before, operations) = (board.flash().bytes().to_vec(), board.operations());
    for _ in 0..2 {
        bench::until(&mut board, &format!("no update, {code}: "), LIMIT)?;
        assert_eq!(shop.asked()?, vec![ENVELOPE]);
    }
    assert_eq!(board.operations(), operations);
    assert!(board.flash().bytes() == before);
    assert_confirmed::<B>(&board, &good::<B>("1.1.0")?, Fallback::Available)?;
    Ok(())
}

pub(crate) fn a_chunk_changed_on_the_server_is_never_written<B: Told>() -> anyhow::Result<()> {
    const CHANGED: u32 = 11;
    let package = good::<B>("1.3.0")?;
    let manifest = package.manifest()?;
    let at = manifest.chunk_offset(CHANGED).context("too short")?;
    let mut bytes = package.as_bytes().to_vec();
    bytes[at as usize] ^= 1;
    let (mut board, _shop) = updated_board::<B>(&Package::from_bytes(bytes)?)?;
    let old = good::<B>("1.1.0")?;

    bench::until(&mut board, "no update, 0x200f: ", LIMIT)?;
    assert!(!board.has_logged("1.3.0"));
    let state = bench::state::<B>(&board)?;
    assert_eq!(state.version.as_deref(), Some("1.1.0"));
    assert_eq!(state.record.state, BootState::Downloading);
    assert!(held::<B>(&board, running_at)?.starts_with(old.payload()?));
    // What came before it is the signed release; of the changed chunk there is nothing.
    let staged = held::<B>(&board, staged_at)?;
    let (before, rest) = staged.split_at((CHANGED * manifest.chunk_size.bytes()) as usize);
    assert!(package.payload()?.starts_with(before));
    let chunk = &rest[..manifest.chunk_size.bytes() as usize];
    assert!(chunk.iter().all(|&byte| byte == 0xFF));
    Ok(())
}

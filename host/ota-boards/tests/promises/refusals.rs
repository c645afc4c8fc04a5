//! What the device does not take leaves no trace on it.

use anyhow::Context as _;
use ota_boards::example::Example;
use ota_boards::release::{below_floor, forged};
use ota_boards::rp2040;
use ota_bootloader::{BootState, Fallback};
use ota_cli::package::Package;
use rp2040_product::PRODUCT;

use crate::common::{ENVELOPE, LIMIT, assert_confirmed, good, slot, updated_board};

#[test]
fn a_release_under_stolen_signatures_is_refused_by_its_envelope() -> anyhow::Result<()> {
    refused(
        &forged(Example::Rp2040, &good("1.3.0")?, "1.4.0", 140)?,
        "0x202",
    )
}

#[test]
fn a_downgrade_is_refused_by_its_envelope() -> anyhow::Result<()> {
    refused(&good("1.0.0")?, "0x1111")
}

/// No flash operation, and nothing asked for but the envelope.
fn refused(package: &Package, code: &str) -> anyhow::Result<()> {
    let (mut board, shop) = updated_board(package)?;
    rp2040::until(&mut board, "looking for an update", LIMIT)?;
    let (before, operations) = (board.flash().bytes().to_vec(), board.operations());
    for _ in 0..2 {
        rp2040::until(&mut board, &format!("no update, {code}: "), LIMIT)?;
        assert_eq!(shop.asked()?, vec![ENVELOPE]);
    }
    assert_eq!(board.operations(), operations);
    assert!(board.flash().bytes() == before);
    assert_confirmed(&board, &good("1.1.0")?, Fallback::Available)?;
    Ok(())
}

#[test]
fn a_release_below_the_floor_is_refused_by_its_envelope() -> anyhow::Result<()> {
    let package = good("1.3.0")?;
    refused(
        &below_floor(Example::Rp2040, package.payload()?, "1.3.0", 130)?,
        "0x409",
    )
}

#[test]
fn a_chunk_that_was_changed_on_the_server_is_never_written() -> anyhow::Result<()> {
    const CHANGED: u32 = 11;
    let package = good("1.3.0")?;
    let manifest = package.manifest()?;
    let at = manifest.chunk_offset(CHANGED).context("too short")?;
    let mut bytes = package.as_bytes().to_vec();
    bytes[at as usize] ^= 1;
    let (mut board, _shop) = updated_board(&Package::from_bytes(bytes)?)?;
    let old = good("1.1.0")?;

    rp2040::until(&mut board, "no update, 0x200f: ", LIMIT)?;
    assert!(!board.has_logged("1.3.0"));
    let state = rp2040::state(&board)?;
    assert_eq!(state.version.as_deref(), Some("1.1.0"));
    assert_eq!(state.record.state, BootState::Downloading);
    assert!(slot(&board, 0).starts_with(old.payload()?));
    // What came before it is the signed release; of the changed chunk there is nothing.
    let staged = &slot(&board, 1)[PRODUCT.map.step() as usize..];
    let (before, rest) = staged.split_at((CHANGED * manifest.chunk_size.bytes()) as usize);
    assert!(package.payload()?.starts_with(before));
    assert!(
        rest[..manifest.chunk_size.bytes() as usize]
            .iter()
            .all(|&byte| byte == 0xFF)
    );
    Ok(())
}

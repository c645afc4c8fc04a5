//! The feature `dual-bank`: a slot in each bank of the flash.

use std::sync::atomic::AtomicBool;

use anyhow::{Result, ensure};
use ota_bootloader::{BootState, Index, OneFlash, Product, Record, Updater};
use ota_cli::files::{self, Access, Existing};
use ota_cli::server::serial;
use ota_emu::stm32::Board;
use ota_stm32::{L476_DUAL_BANK, L476_DUAL_BANK_LOAD_ADDRESS};
use ota_testkit::RememberingCrypto;

use crate::firmware::{Release, Variant, until};

const PRODUCT: Product = Product {
    map: L476_DUAL_BANK,
    load_addresses: [L476_DUAL_BANK_LOAD_ADDRESS; 2],
    ..stm32_product::PRODUCT
};
const VARIANT: Variant = Variant {
    features: ["dual-bank", "dual-bank"],
    product: PRODUCT,
    map: "stm32l476-dual-bank",
};

fn record(board: &Board) -> Result<Record> {
    let mut flash = board.flash().clone();
    let storage = OneFlash::new(flash.nor::<8, 2048>(), PRODUCT.map)?;
    let updater = Updater::open(&PRODUCT, storage, RememberingCrypto::default())?;
    Ok(updater.record())
}

/// What lies in the slots.
fn slots_hold(board: &Board, releases: [&Release; 2]) -> Result<()> {
    for (area, release) in PRODUCT.map.layout().slots.iter().zip(releases) {
        let slot = &board.flash().bytes()[area.offset as usize..];
        ensure!(
            slot.starts_with(release.package.payload()?),
            "slot at {:#x}",
            area.offset
        );
    }
    Ok(())
}

#[test]
fn releases_take_turns_in_the_banks_and_one_that_crashes_goes_back() -> Result<()> {
    let first = VARIANT.release("1.0.0", "healthy", 100)?;
    let second = VARIANT.release("1.1.0", "healthy", 110)?;
    let third = VARIANT.release("1.2.0", "healthy", 120)?;
    let crash = VARIANT.release("1.3.0", "crash", 130)?;
    let folder = tempfile::tempdir()?;
    let publish = |release: &Release| {
        let path = folder.path().join("app.ota");
        files::write(
            &path,
            release.package.as_bytes(),
            Access::Everyone,
            Existing::Replace,
        )
    };
    publish(&second)?;
    let mut board = VARIANT.board(&first)?;
    let (line, shared) = (board.attach_serial(), folder.path().to_owned());
    let server = std::thread::spawn(move || {
        serial::serve(
            line,
            &shared,
            &AtomicBool::new(false),
            |_: &serial::Request| {},
        )
    });

    // From bank 1 into bank 2, and the banks change places.
    until(
        &mut board,
        &["version 1.0.0", "not on trial", "staged; resetting"],
    )?;
    until(&mut board, &["version 1.1.0", "on trial", "confirmed"])?;
    ensure!(record(&board)?.active == Index::One);
    slots_hold(&board, [&first, &second])?;

    // From bank 2, which is in front, into bank 1, and no exchange.
    publish(&third)?;
    until(
        &mut board,
        &[
            "staged; resetting",
            "version 1.2.0",
            "on trial",
            "confirmed",
        ],
    )?;
    ensure!(record(&board)?.active == Index::Zero);
    slots_hold(&board, [&third, &second])?;

    // Three starts from bank 2, none of which is confirmed; then back to what bank 1 still has.
    publish(&crash)?;
    until(
        &mut board,
        &[
            "staged; resetting",
            "version 1.2.0",
            "not on trial",
            "failed here before",
        ],
    )?;
    let record = record(&board)?;
    ensure!(record.active == Index::Zero && matches!(record.state, BootState::Confirmed(_)));
    ensure!(
        record
            .failed
            .iter()
            .flatten()
            .any(|failed| failed.release.sequence == 130)
    );
    slots_hold(&board, [&third, &crash])?;

    drop(board);
    server.join().expect("the server does not panic")?;
    Ok(())
}

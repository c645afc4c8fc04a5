//! The firmware of `examples/stm32` with its feature `dual-bank`: a slot in each bank of the flash.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};
use ota_bootloader::{BootState, Index, OneFlash, Product, Record, Updater};
use ota_cli::files::{self, Access, Existing};
use ota_cli::flash::FlashImage;
use ota_cli::input::Firmware;
use ota_cli::keys::PrivateKey;
use ota_cli::map::Map;
use ota_cli::package::{Package, Recipe};
use ota_cli::server::serial;
use ota_emu::Exit;
use ota_emu::stm32::{Board, flash};
use ota_image::Role;
use ota_stm32::{L476_DUAL_BANK, L476_DUAL_BANK_LOAD_ADDRESS};
use ota_testkit::RememberingCrypto;

/// More instructions than any step takes.
const LIMIT: u64 = 3_000_000_000;

const PRODUCT: Product = Product {
    map: L476_DUAL_BANK,
    load_addresses: [L476_DUAL_BANK_LOAD_ADDRESS; 2],
    ..stm32_product::PRODUCT
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Builds a part of the example beside its usual builds, and reads the ELF file.
fn build(part: &str, version: &str, behaviour: &str) -> Result<Vec<u8>> {
    let target = repository().join("target/boards");
    fs::create_dir_all(&target)?;
    // The builds have the same name: one after another, also of several processes.
    let lock = File::create(target.join("lock"))?;
    lock.lock()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--locked"])
        .args(["--features", "dual-bank"])
        .current_dir(repository().join("examples/stm32").join(part))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", &target)
        .env("FIRMWARE_VERSION", version)
        .env("APP_BEHAVE", behaviour)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{part} does not build:\n{said}");
    let elf = format!("thumbv7em-none-eabihf/release/stm32-{part}");
    fs::read(target.join(&elf)).context(elf)
}

/// An application, and the release that it is in.
struct Release {
    elf: Vec<u8>,
    package: Package,
}

impl Release {
    fn new(version: &str, behaviour: &str, sequence: u64) -> Result<Self> {
        let elf = build("app", version, behaviour)?;
        let image = Firmware::parse(elf.clone())?.at(L476_DUAL_BANK_LOAD_ADDRESS)?;
        let recipe = Recipe {
            vendor: PRODUCT.vendor,
            class: PRODUCT.class,
            hardware: (PRODUCT.hardware, PRODUCT.hardware),
            component: PRODUCT.component,
            load_address: L476_DUAL_BANK_LOAD_ADDRESS,
            version: version.to_owned(),
            sequence,
            security_counter: 1,
            chunk_size: 4096,
            lowest_boot_format: ota_bootloader::BOOT_FORMAT,
            revoked_boot_keys: 0,
        };
        let mut package = Package::build(&recipe, &image.bytes)?;
        for (name, role) in [("release", Role::Release), ("boot", Role::Boot)] {
            let key = format!("examples/stm32/test-keys/TEST-ONLY-{name}.key");
            package.sign(&PrivateKey::load(&repository().join(key), Some(role))?)?;
        }
        Ok(Self { elf, package })
    }
}

/// A board with this release in slot 0, put together as by `ota image`.
fn board(first: &Release) -> Result<Board> {
    let map = Map::load(Path::new("stm32l476-dual-bank"))?;
    let bootloader = Firmware::parse(build("bootloader", "", "")?)?.at(map.flash.base)?;
    let image = FlashImage::build(&map, &first.package, Some(&bootloader.bytes))?;
    let mut flash = flash();
    flash.load(0, image.as_bytes());
    let mut board = Board::new(flash);
    board.load_defmt(&first.elf)?;
    Ok(board)
}

fn until(board: &mut Board, text: &str) -> Result<()> {
    let exit = board.run_until(text, LIMIT);
    let log = board.logs().iter().map(|line| format!("{line}\n"));
    ensure!(
        exit == Exit::Seen,
        "{text:?}: {exit:?} at {:#x}\n{}",
        board.pc(),
        log.collect::<String>()
    );
    Ok(())
}

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
    let first = Release::new("1.0.0", "healthy", 100)?;
    let second = Release::new("1.1.0", "healthy", 110)?;
    let third = Release::new("1.2.0", "healthy", 120)?;
    let crash = Release::new("1.3.0", "crash", 130)?;
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
    let mut board = board(&first)?;
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
    for text in ["version 1.0.0", "not on trial", "staged; resetting"] {
        until(&mut board, text)?;
    }
    for text in ["version 1.1.0", "on trial", "confirmed"] {
        until(&mut board, text)?;
    }
    ensure!(record(&board)?.active == Index::One);
    slots_hold(&board, [&first, &second])?;

    // From bank 2, which is in front, into bank 1, and no exchange.
    publish(&third)?;
    for text in [
        "staged; resetting",
        "version 1.2.0",
        "on trial",
        "confirmed",
    ] {
        until(&mut board, text)?;
    }
    ensure!(record(&board)?.active == Index::Zero);
    slots_hold(&board, [&third, &second])?;

    // Three starts from bank 2, none of which is confirmed; then back to what bank 1 still has.
    publish(&crash)?;
    for text in [
        "staged; resetting",
        "version 1.2.0",
        "not on trial",
        "failed here before",
    ] {
        until(&mut board, text)?;
    }
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

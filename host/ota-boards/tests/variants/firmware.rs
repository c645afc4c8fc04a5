//! Builds the firmware of `examples/stm32` with some features, beside its usual builds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use ota_bootloader::Product;
use ota_cli::flash::FlashImage;
use ota_cli::input::Firmware;
use ota_cli::keys::PrivateKey;
use ota_cli::map::Map;
use ota_cli::package::{Package, Recipe};
use ota_emu::Exit;
use ota_emu::stm32::{Board, flash};
use ota_image::Role;

/// More instructions than any step takes.
const LIMIT: u64 = 3_000_000_000;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The firmware with some features.
#[derive(Clone, Copy)]
pub(crate) struct Variant {
    /// Of the bootloader, and of the application.
    pub(crate) features: [&'static str; 2],
    pub(crate) product: Product,
    /// The name of its flash map.
    pub(crate) map: &'static str,
}

impl Variant {
    /// Reads the ELF file of a part.
    fn build(&self, part: &str, features: &str, settings: [&str; 2]) -> Result<Vec<u8>> {
        let target = repository().join("target/boards");
        fs::create_dir_all(&target)?;
        // The builds have the same name: one after another, also of several processes.
        let lock = File::create(target.join("lock"))?;
        lock.lock()?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let [version, behaviour] = settings;
        let output = Command::new(cargo)
            .args(["build", "--release", "--quiet", "--locked"])
            .args(["--features", features])
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

    /// A release of the application, signed in both roles.
    pub(crate) fn release(&self, version: &str, behaviour: &str, sequence: u64) -> Result<Release> {
        let [_, features] = self.features;
        let elf = self.build("app", features, [version, behaviour])?;
        let product = &self.product;
        let load_address = product.load_addresses[0];
        let image = Firmware::parse(elf.clone())?.at(load_address)?;
        let recipe = Recipe {
            vendor: product.vendor,
            class: product.class,
            hardware: (product.hardware, product.hardware),
            component: product.component,
            load_address,
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
        Ok(Release { elf, package })
    }

    /// A board with this release in slot 0, put together as by `ota image`.
    pub(crate) fn board(&self, first: &Release) -> Result<Board> {
        let map = Map::load(Path::new(self.map))?;
        let [features, _] = self.features;
        let bootloader = self.build("bootloader", features, ["", ""])?;
        let bootloader = Firmware::parse(bootloader)?.at(map.flash.base)?;
        let image = FlashImage::build(&map, &first.package, Some(&bootloader.bytes))?;
        let mut flash = flash();
        flash.load(0, image.as_bytes());
        let mut board = Board::new(flash);
        board.load_defmt(&first.elf)?;
        Ok(board)
    }
}

/// An application, and the release that it is in.
pub(crate) struct Release {
    elf: Vec<u8>,
    pub(crate) package: Package,
}

/// Runs until all this was logged, in this order.
pub(crate) fn until(board: &mut Board, said: &[&str]) -> Result<()> {
    for text in said {
        let exit = board.run_until(text, LIMIT);
        let log = board.logs().iter().map(|line| format!("{line}\n"));
        ensure!(
            exit == Exit::Seen,
            "{text:?}: {exit:?} at {:#x}\n{}",
            board.pc(),
            log.collect::<String>()
        );
    }
    Ok(())
}

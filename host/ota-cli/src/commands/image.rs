//! `ota image`

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use ota_esp32c3::memory::Loader;

use crate::files::{self, Access, Existing};
use crate::flash::FlashImage;
use crate::input::{Firmware, Reading, Target};
use crate::map::Map;
use crate::output::Format;
use crate::package::Package;

const EXAMPLES: &str = "\
Examples:
  ota image --map rp2040 --app app-1.0.0.ota --bootloader boot.elf -o factory.uf2
  ota image --map board.toml --app app-1.0.0.ota --bootloader boot.bin -o factory.hex

The bootloader, the app in the active slot, its envelope and digest table in bank 0; the rest is
erased, the journal too. A .bin is the whole flash; a .uf2 holds whole erase units, blank ones for
journal and bank 1, so that what a used board remembers is gone; a .hex holds what was written, so
erase a used chip first.

MAP is a TOML file or a built-in map: rp2040, stm32l476, stm32l476-dual-bank, esp32c3. The built-in
ones are in host/ota-cli/maps, to copy from.";

/// Make the flash contents for the factory
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The flash map: a TOML file, or rp2040, stm32l476, stm32l476-dual-bank, esp32c3
    #[arg(long)]
    map: PathBuf,
    /// The first release; it must fit the map, and need not be signed yet
    #[arg(long, value_name = "NAME.ota")]
    app: PathBuf,
    /// The bootloader: .bin, or .elf linked for the map's bootloader region; .hex with --format hex
    #[arg(long, value_name = "FILE")]
    bootloader: Option<PathBuf>,
    #[command(flatten)]
    reading: super::reading::ReadingArgs,
    /// The file to write: .bin, .uf2 or .hex
    #[arg(short, long, value_name = "FLASH")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let format = Format::of(&args.out)?;
    let map = Map::load(&args.map)?;
    let package = Package::load(&args.app)?;
    let bootloader = args
        .bootloader
        .as_ref()
        .map(|path| bootloader(path, &args.reading.reading(), &map))
        .transpose()?;
    let image = FlashImage::build(&map, &package, bootloader.as_deref())
        .with_context(|| format!("{} for {}", args.app.display(), map.name))?;
    let bytes = format.encode(&image)?;
    files::write(&args.out, &bytes, Access::Everyone, Existing::Replace)?;
    super::print(&format!(
        "{}: {} {}{}",
        args.out.display(),
        map.name,
        package.manifest()?.version,
        if bootloader.is_some() {
            " with its bootloader"
        } else {
            " without a bootloader"
        },
    ))
}

fn bootloader(path: &std::path::Path, reading: &Reading, map: &Map) -> Result<Vec<u8>> {
    let base = map.flash.base + map.regions.bootloader.offset;
    let target = Target {
        map,
        loader: Loader::MaskRom,
        address: base,
    };
    let firmware = Firmware::load(path, reading, Some(&target))?;
    super::warn(path, &firmware.remarks);
    let linked = firmware.address;
    let firmware = firmware
        .at(base)
        .with_context(|| path.display().to_string())?;
    ensure!(
        firmware.bytes.len() <= map.regions.bootloader.size as usize,
        "{} ({} bytes{}) does not fit the map's bootloader region of {} bytes",
        path.display(),
        firmware.bytes.len(),
        linked
            .map(|a| format!(", linked for {a:#010x}"))
            .unwrap_or_default(),
        map.regions.bootloader.size
    );
    Ok(firmware.bytes)
}

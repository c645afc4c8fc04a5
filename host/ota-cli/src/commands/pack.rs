//! `ota pack`

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use ota_bootloader::BOOT_FORMAT;
use ota_esp32c3::memory::Loader;

use crate::ids;
use crate::input::{Firmware, Target};
use crate::map::Map;
use crate::number::{parse, parse_chunk_size, parse_range, parse_u32};
use crate::package::{Package, Recipe};
use crate::refusal::Refusal;
use crate::sequence;

const EXAMPLES: &str = "\
Examples:
  ota pack app.elf --version 1.4.2 --counter 7 --vendor acme --class sensor -o app-1.4.2.ota
  ota pack app.bin --load-address 0x10020000 --hw 1-3 --chunk-size 2048 \\
      --version 1.4.2 --counter 7 --vendor acme --class sensor -o app-1.4.2.ota
  ota pack app.bin --map rp2040 --version 1.4.2 --counter 7 \\
      --vendor 5bd98a2b-f186-505c-9abd-abeea11dba9e --class sensor -o app-1.4.2.ota
  ota pack app.hex --format hex --map stm32l476 --only slot0 --skip 0x0808_0000..0x0808_0800 \\
      --version 1.4.2 --counter 7 --vendor acme --class sensor -o app-1.4.2.ota

The counter is for security: raise it when no older release may ever run again. The sequence is
the order of releases. Vendor and class are names, from which UUIDs are derived, or UUIDs.";

/// Make an unsigned package from a firmware image
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The firmware: a flat .bin, or an .elf (its segments by load address, gaps filled with 0xFF);
    /// Intel HEX with --format hex
    image: PathBuf,
    /// The release's version, for people: 1 to 32 visible ASCII characters
    #[arg(long)]
    version: String,
    /// Security counter: devices refuse releases below their floor, for ever
    #[arg(long, value_name = "N", value_parser = parse_u32)]
    counter: u32,
    /// Who makes the device: a name or a UUID
    #[arg(long, value_name = "V")]
    vendor: String,
    /// Which kind of device: a name (within the vendor's) or a UUID
    #[arg(long, value_name = "C")]
    class: String,
    /// Hardware revisions that it runs on: N, or A-B inclusive
    #[arg(long, value_name = "A-B", default_value = "0-65535", value_parser = parse_range)]
    hw: (u16, u16),
    /// Bytes that a device fetches and checks at a time: 1024 to 16384, a power of two
    #[arg(long, value_name = "BYTES", default_value = "4096", value_parser = parse_chunk_size)]
    chunk_size: u32,
    /// Where the image is linked to run; by default where the ELF begins, or the map's slot
    #[arg(long, value_name = "A", value_parser = parse_u32)]
    load_address: Option<u32>,
    /// A flash map (file or built-in name): gives the load address, and the image must fit it
    #[arg(long, value_name = "MAP")]
    map: Option<PathBuf>,
    #[command(flatten)]
    reading: super::reading::ReadingArgs,
    /// The order of releases; by default the time in milliseconds since 1970
    #[arg(long, value_name = "N", value_parser = parse)]
    sequence: Option<u64>,
    /// The sequence is meant, though it is ahead of the clock: no warning
    #[arg(long, requires = "sequence")]
    allow_future_sequence: bool,
    /// The lowest boot format that the image works with; by default that of this version
    #[arg(long, value_name = "N", default_value_t = BOOT_FORMAT)]
    boot_format: u8,
    /// Devices stop trusting their bootloader's Nth boot key, counted from 0; may be repeated
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..8))]
    revoke_boot_key: Vec<u8>,
    /// The package to write
    #[arg(short, long, value_name = "NAME.ota")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let map = args.map.as_deref().map(Map::load).transpose()?;
    let sequence = sequence_of(args)?;
    let firmware = place(args, map.as_ref())?;
    let package = Package::build(&recipe(args, sequence, &firmware)?, &firmware.bytes)?;
    let manifest = package.manifest()?;
    if let Some(map) = &map {
        let limits = map.expected()?.limits(&manifest);
        manifest
            .check(&limits)
            .map_err(Refusal::from)
            .with_context(|| map.name.clone())?;
    }
    ensure!(
        !is_same_file(&args.image, &args.out),
        "the package would replace its own image"
    );
    package.save(&args.out)?;
    super::warn(&args.image, &firmware.remarks);
    super::print(&format!(
        "{}: {} {}, {} bytes, chunks: {}, unsigned",
        args.out.display(),
        args.class,
        manifest.version,
        manifest.image_length,
        manifest.chunk_count(),
    ))
}

/// The image at the address it is for.
fn place(args: &Args, map: Option<&Map>) -> Result<Firmware> {
    let given = args.load_address.or(map.map(|map| map.load_addresses()[0]));
    let target = map.zip(given).map(|(map, address)| Target {
        map,
        loader: Loader::SecondStage,
        address,
    });
    let firmware = Firmware::load(&args.image, &args.reading.reading(), target.as_ref())?;
    let address = given
        .or(firmware.address)
        .context("a flat image does not say where it is linked: give --load-address or --map")?;
    firmware
        .at(address)
        .with_context(|| args.image.display().to_string())
}

fn recipe(args: &Args, sequence: u64, firmware: &Firmware) -> Result<Recipe> {
    let vendor = ids::vendor(&args.vendor)?;
    Ok(Recipe {
        vendor,
        class: ids::class(vendor, &args.class)?,
        hardware: args.hw,
        component: 0,
        load_address: firmware.address.unwrap_or_default(),
        version: args.version.clone(),
        sequence,
        security_counter: args.counter,
        chunk_size: args.chunk_size,
        lowest_boot_format: args.boot_format,
        revoked_boot_keys: args
            .revoke_boot_key
            .iter()
            .fold(0, |mask, key| mask | 1 << key),
    })
}

/// The sequence that was given, or the time.
fn sequence_of(args: &Args) -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let Some(sequence) = args.sequence else {
        return sequence::from_clock(
            now.context("the clock is before 1970: set it, or give --sequence")?,
        );
    };
    sequence::check(sequence)?;
    // A clock before 1970 is behind every sequence.
    let remark = sequence::ahead(sequence, now.unwrap_or_default());
    if let Some(remark) = remark.filter(|_| !args.allow_future_sequence) {
        super::note(&format!("warning: {remark}"));
    }
    Ok(sequence)
}

fn is_same_file(a: &std::path::Path, b: &std::path::Path) -> bool {
    a.canonicalize()
        .is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

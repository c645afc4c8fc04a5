//! `ota device new`

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::device::{Device, Settings};
use crate::ids;
use crate::keys::Anchors;
use crate::map::Map;
use crate::number::parse_u32;
use crate::package::Package;

const EXAMPLES: &str = "\
Examples:
  ota device new dev --map rp2040 --app app-1.0.0.ota --release release.pub --boot boot.pub
  ota device new dev --map board.toml --app app-1.0.0.ota --release release.pub \\
      --boot boot.pub --hw 2 --attempts 1 --window 4

What is not given is taken from the package: vendor, class, the lowest hardware revision, the
counter as the floor. The package must be one that the device would take, with both signatures.";

/// Make a device, as a factory does
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder to make
    device: PathBuf,
    /// The flash map: a TOML file, or rp2040, stm32l476, stm32l476-dual-bank, esp32c3
    #[arg(long)]
    map: PathBuf,
    /// The first release
    #[arg(long, value_name = "NAME.ota")]
    app: PathBuf,
    /// A release key that it trusts; may be repeated
    #[arg(long, value_name = "R.pub", required = true)]
    release: Vec<PathBuf>,
    /// A boot key that it trusts, in the bootloader's order; may be repeated
    #[arg(long, value_name = "B.pub", required = true)]
    boot: Vec<PathBuf>,
    /// Who made it: a name or a UUID
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
    /// Which kind it is: a name (within the vendor's) or a UUID
    #[arg(long, value_name = "C")]
    class: Option<String>,
    /// Its hardware revision
    #[arg(long, value_name = "N")]
    hw: Option<u16>,
    /// The lowest security counter, compiled in
    #[arg(long, value_name = "N", value_parser = parse_u32)]
    floor: Option<u32>,
    /// Starts of a new image before the former one comes back
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    attempts: Option<u8>,
    /// Power failures during a trial that cost no attempt
    #[arg(long, value_name = "N")]
    interruptions: Option<u8>,
    /// Chunks that one request asks for
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    window: Option<u32>,
    /// Milliseconds in which a new image must prove itself; real devices take a minute and more
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..))]
    health_window_ms: Option<u32>,
    /// Replace a device that exists
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let map = Map::load(&args.map)?;
    let anchors = Anchors::load(&args.release, &args.boot)?;
    let package = Package::load(&args.app)?;
    let mut settings = Settings::new(map, &package, &anchors)?;
    change(&mut settings, args)?;
    settings
        .check(&package)
        .with_context(|| args.app.display().to_string())?;
    let device = Device::create(&args.device, &settings, &package, args.force)?;
    super::super::print(&format!(
        "{}: {} with version {}, floor {}",
        args.device.display(),
        device.map().name,
        package.manifest()?.version,
        settings.floor,
    ))
}

/// What was given takes the place of what the package says.
fn change(settings: &mut Settings, args: &Args) -> Result<()> {
    fn set<T: Copy>(setting: &mut T, given: Option<T>) {
        *setting = given.unwrap_or(*setting);
    }
    let vendor = ids::vendor(args.vendor.as_deref().unwrap_or(&settings.vendor))?;
    let class = ids::class(vendor, args.class.as_deref().unwrap_or(&settings.class))?;
    settings.vendor = ids::display(vendor);
    settings.class = ids::display(class);
    set(&mut settings.hardware, args.hw);
    set(&mut settings.floor, args.floor);
    set(&mut settings.attempts, args.attempts);
    set(&mut settings.interruptions, args.interruptions);
    set(&mut settings.window, args.window);
    set(&mut settings.health_window_ms, args.health_window_ms);
    Ok(())
}

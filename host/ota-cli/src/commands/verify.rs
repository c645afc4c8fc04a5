//! `ota verify`

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use ota_image::{Distribution, Verified};
use serde::Serialize;

use crate::ids;
use crate::keys::Anchors;
use crate::map::Map;
use crate::number::parse_u32;
use crate::package::{Expected, Package};
use crate::refusal::Refusal;

const EXAMPLES: &str = "\
Examples:
  ota verify app-1.4.2.ota --release release.pub --boot boot.pub
  ota verify app-1.4.2.ota --release release.pub --boot boot.pub \\
      --vendor acme --class sensor --hw 2 --floor 7 --map rp2040 --json

Makes every check that a device makes, with the device's own code: both signatures, the manifest,
every page of the digest table, every chunk, the whole image; and, as far as it is told what
device it is for, vendor, class, hardware, floor, load address, and whether it fits.

JSON: {\"ok\": true, \"release_id\", \"version\", \"sequence\", \"security_counter\"}
   or {\"ok\": false, \"code\": 513 or null, \"reason\"} with exit status 1.";

/// Check a package as a device does
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The package
    package: PathBuf,
    /// A release key that devices trust; may be repeated
    #[arg(long, value_name = "R.pub", required = true)]
    release: Vec<PathBuf>,
    /// A boot key that devices trust, in the bootloader's order; may be repeated
    #[arg(long, value_name = "B.pub", required = true)]
    boot: Vec<PathBuf>,
    /// Who made the device: a name or a UUID
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
    /// Which kind it is: a name (within the vendor's) or a UUID
    #[arg(long, value_name = "C")]
    class: Option<String>,
    /// The device's hardware revision
    #[arg(long, value_name = "N")]
    hw: Option<u16>,
    /// The lowest security counter that the device lets run
    #[arg(long, value_name = "N", value_parser = parse_u32)]
    floor: Option<u32>,
    /// The device's flash map (file or built-in name): load address, and what fits
    #[arg(long, value_name = "MAP")]
    map: Option<PathBuf>,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints. Fields are only ever added.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Good {
        ok: bool,
        release_id: String,
        version: String,
        sequence: u64,
        security_counter: u32,
    },
    Refused {
        ok: bool,
        code: Option<u16>,
        reason: String,
    },
}

pub(super) fn run(args: &Args) -> Result<()> {
    let checked = check(args);
    if args.json {
        super::print_json(&outcome(&checked))?;
    }
    let verified = checked?;
    if args.json {
        return Ok(());
    }
    super::print(&format!(
        "{}: good, version {}, release {}",
        args.package.display(),
        verified.version,
        verified.id()
    ))
}

fn check(args: &Args) -> Result<Verified<Distribution>> {
    let anchors = Anchors::load(&args.release, &args.boot)?;
    let package = Package::load(&args.package)?;
    package
        .verify(&anchors, &expected(args, &package)?)
        .with_context(|| args.package.display().to_string())
}

fn expected(args: &Args, package: &Package) -> Result<Expected> {
    let map = args.map.as_deref().map(Map::load).transpose()?;
    let known = map
        .map(|map| map.expected())
        .transpose()?
        .unwrap_or_default();
    let vendor = args.vendor.as_deref().map(ids::vendor).transpose()?;
    // A class's name means something within a vendor only: the expected one, or the package's own.
    let within = vendor.map_or_else(|| package.manifest().map(|m| m.vendor), Ok)?;
    Ok(Expected {
        vendor,
        class: args
            .class
            .as_deref()
            .map(|name| ids::class(within, name))
            .transpose()?,
        hardware: args.hw,
        floor: args.floor,
        ..known
    })
}

fn outcome(checked: &Result<Verified<Distribution>>) -> Outcome {
    match checked {
        Ok(verified) => Outcome::Good {
            ok: true,
            release_id: verified.id().to_string(),
            version: verified.version.to_string(),
            sequence: verified.sequence,
            security_counter: verified.security_counter,
        },
        Err(error) => Outcome::Refused {
            ok: false,
            code: Refusal::of(error).map(Refusal::code),
            reason: super::one_line(error),
        },
    }
}

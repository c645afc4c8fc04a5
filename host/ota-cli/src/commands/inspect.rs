//! `ota inspect`

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use ota_image::{Algorithm, FORMAT_VERSION, Manifest, Role, SignatureEntry};
use serde::Serialize;

use crate::ids;
use crate::keys::{algorithm_name, role_name};
use crate::package::Package;

const EXAMPLES: &str = "\
Examples:
  ota inspect app-1.4.2.ota
  ota inspect app-1.4.2.ota --json | jq -r .version

Shows what the package says about itself, and whether its digests fit its contents. Whether it is
authentic, only `ota verify` tells, which has the keys.

JSON: format, release_id, version, sequence, security_counter, vendor, class, hardware_min,
hardware_max, component, load_address, image_length, image_sha256, chunk_size, chunks, pages,
package_length, payload_format, lowest_boot_format, revoked_boot_keys, fields [{tag, length}],
signatures [{role, algorithm, key_id}], intact, damage (null if intact). Fields are only added.";

/// Show what a package contains
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The package
    package: PathBuf,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints. Fields are only ever added.
#[derive(Serialize)]
struct Report {
    format: u16,
    release_id: String,
    version: String,
    sequence: u64,
    security_counter: u32,
    vendor: String,
    class: String,
    hardware_min: u16,
    hardware_max: u16,
    component: u8,
    load_address: u32,
    image_length: u32,
    image_sha256: String,
    chunk_size: u32,
    chunks: u32,
    pages: u32,
    package_length: u32,
    payload_format: u8,
    lowest_boot_format: u8,
    revoked_boot_keys: Vec<u8>,
    fields: Vec<Field>,
    signatures: Vec<Signature>,
    intact: bool,
    damage: Option<String>,
}

/// A field added to the format later.
#[derive(Serialize)]
struct Field {
    tag: u16,
    length: usize,
}

#[derive(Serialize)]
struct Signature {
    role: String,
    algorithm: String,
    key_id: String,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let name = || args.package.display().to_string();
    let package = Package::load(&args.package)?;
    let manifest = package.manifest().with_context(name)?;
    let contents = package.check_contents();
    let report = report(&package, &manifest, contents.as_ref().err())?;
    if args.json {
        super::print_json(&report)?;
    } else {
        super::print(&table(&report))?;
    }
    contents.with_context(name)
}

fn report(
    package: &Package,
    manifest: &Manifest,
    damage: Option<&anyhow::Error>,
) -> Result<Report> {
    let fields = package.fields()?;
    Ok(Report {
        format: FORMAT_VERSION,
        release_id: package.release_id()?.to_string(),
        version: manifest.version.to_string(),
        sequence: manifest.sequence,
        security_counter: manifest.security_counter,
        vendor: ids::display(manifest.vendor),
        class: ids::display(manifest.class),
        hardware_min: manifest.hardware_min,
        hardware_max: manifest.hardware_max,
        component: manifest.component,
        load_address: manifest.load_address,
        image_length: manifest.image_length,
        image_sha256: manifest.image_digest.to_string(),
        chunk_size: manifest.chunk_size.bytes(),
        chunks: manifest.chunk_count(),
        pages: manifest.page_count(),
        package_length: manifest.package_len(),
        payload_format: manifest.payload_format,
        lowest_boot_format: manifest.lowest_boot_format,
        revoked_boot_keys: (0..8)
            .filter(|i| manifest.revoked_boot_keys >> i & 1 == 1)
            .collect(),
        fields: fields
            .iter()
            .map(|f| Field {
                tag: f.tag,
                length: f.value.len(),
            })
            .collect(),
        signatures: package.signatures()?.iter().map(signature).collect(),
        intact: damage.is_none(),
        damage: damage.map(super::one_line),
    })
}

fn signature(entry: &SignatureEntry) -> Signature {
    let unknown = |number: u8| format!("unknown ({number})");
    let (role, algorithm) = (
        Role::from_u8(entry.role),
        Algorithm::from_u8(entry.algorithm),
    );
    Signature {
        role: role.map_or_else(|| unknown(entry.role), |r| role_name(r).into()),
        algorithm: algorithm.map_or_else(|| unknown(entry.algorithm), |a| algorithm_name(a).into()),
        key_id: entry
            .key_id
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    }
}

fn table(report: &Report) -> String {
    let revoked: Vec<_> = report.revoked_boot_keys.iter().map(u8::to_string).collect();
    let mut rows = vec![
        ("version", report.version.clone()),
        ("release", report.release_id.clone()),
        ("sequence", report.sequence.to_string()),
        ("counter", report.security_counter.to_string()),
        ("vendor", report.vendor.clone()),
        ("class", report.class.clone()),
        (
            "hardware",
            format!("{} to {}", report.hardware_min, report.hardware_max),
        ),
        ("component", report.component.to_string()),
        ("load address", format!("{:#010x}", report.load_address)),
        ("image", format!("{} bytes", report.image_length)),
        ("image SHA-256", report.image_sha256.clone()),
        (
            "chunks",
            format!("{} of {} bytes", report.chunks, report.chunk_size),
        ),
        (
            "package",
            format!("{} bytes, format {}", report.package_length, report.format),
        ),
        (
            "boot format",
            format!("{} or newer", report.lowest_boot_format),
        ),
    ];
    if report.payload_format != 0 {
        rows.push(("payload format", report.payload_format.to_string()));
    }
    if !revoked.is_empty() {
        rows.push(("revokes", format!("boot keys {}", revoked.join(", "))));
    }
    for field in &report.fields {
        rows.push((
            "field",
            format!("tag {:#06x}, {} bytes", field.tag, field.length),
        ));
    }
    for s in &report.signatures {
        rows.push((
            "signature",
            format!("{} key {}, {} (not checked)", s.role, s.key_id, s.algorithm),
        ));
    }
    if report.signatures.is_empty() {
        rows.push(("signature", "none".into()));
    }
    rows.push((
        "contents",
        report.damage.clone().unwrap_or("fit the digests".into()),
    ));
    let lines: Vec<_> = rows
        .iter()
        .map(|(name, value)| format!("{name:<14} {value}"))
        .collect();
    lines.join("\n")
}

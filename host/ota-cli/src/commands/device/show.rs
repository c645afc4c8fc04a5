//! `ota device show`

use std::path::PathBuf;

use anyhow::Result;

use crate::device::{Device, Status};

const EXAMPLES: &str = "\
Examples:
  ota device show dev
  ota device show dev --json

Reads a copy of the flash, with the device's own code: looking changes nothing, and works while the
device runs.

JSON: version (or null), state (unknown, confirmed, downloading, staged, swapping, trial, reverting,
restoring), attempts_left (or null), floor, last_failure (null, crash, watchdog, gave-up,
interrupted, unknown, refused), last_problem (its code, or null), fallback (true or false),
position (pieces acknowledged: pages of the digest table, then chunks), candidate (a sequence, or null), failed [{release, sequence,
reason}], revoked_boot_keys, journal_erases (of each unit), journal_failed_units (a mask), fruitless (updates
requested since one was confirmed), requests, bytes_asked, bytes_asked_for_checks.";

/// Say what a device is in
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The device's folder
    device: PathBuf,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let device = Device::open(&args.device)?;
    let status = device.status()?;
    if args.json {
        super::super::print_json(&status)
    } else {
        super::super::print(&text(&device, &status))
    }
}

fn text(device: &Device, status: &Status) -> String {
    let mut lines = vec![
        ("map", device.map().name.clone()),
        (
            "version",
            status.version.clone().unwrap_or_else(|| "unknown".into()),
        ),
        ("state", status.state.to_owned()),
    ];
    if let Some(left) = status.attempts_left {
        lines.push(("attempts left", left.to_string()));
    }
    if let Some(sequence) = status.candidate {
        lines.push(("candidate", format!("sequence {sequence}")));
        lines.push(("position", format!("{} pieces", status.position)));
    }
    lines.push(("floor", status.floor.to_string()));
    let fallback = if status.fallback { "available" } else { "gone" };
    lines.push(("fallback", fallback.to_owned()));
    if let (Some(failure), Some(code)) = (&status.last_failure, status.last_problem) {
        let code = match failure.as_str() {
            "refused" => format!(" (code {code:#06x})"),
            _ => String::new(),
        };
        lines.push(("last failure", format!("{failure}{code}")));
    }
    for failed in &status.failed {
        lines.push((
            "failed",
            format!(
                "sequence {}, release {}...: {}",
                failed.sequence, failed.release, failed.reason
            ),
        ));
    }
    if status.journal_failed_units != 0 {
        let units = format!("units worn out: {:#010b}", status.journal_failed_units);
        lines.push(("journal", units));
    }
    lines.push((
        "asked",
        format!(
            "{} bytes in {} requests, {} bytes of them for checks",
            status.traffic.bytes_asked,
            status.traffic.requests,
            status.traffic.bytes_asked_for_checks
        ),
    ));
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name:<14}{value}"));
    lines.collect::<Vec<_>>().join("\n")
}

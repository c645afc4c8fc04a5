//! `ota device run`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use ota_http::Url;
use ota_sim::Cut;

use super::Report;
use crate::device::{self, Behave, Client, Device, End, Options, parse_cut};

const EXAMPLES: &str = "\
Examples:
  ota device run dev --url http://127.0.0.1:8080/app.ota
  ota device run dev --url http://127.0.0.1:8080/app.ota --behave 1.2.0=crash
  ota device run dev --url http://127.0.0.1:8080/app.ota --cut 170:3; echo $?      99
  ota device run dev --url http://127.0.0.1:8080/app.ota --json

One power cycle after the other of the real bootloader and the real client, until there is nothing
more to do: the server offers what is running (status 0), the device refuses what it offers or the
download fails (1, with the reason; what was staged is kept), or the power is cut (99).

An operation is a page of at most 256 bytes programmed, or a unit erased. --cut N:SEED leaves
anything in it; N:TEAR one pattern: before, after, front, back, patches, first-word, last-word,
mixed, noise, saturated, blank-weak, blank-spoiled, fading, late, unstable, unreadable.

JSON: one object a line, with the field \"event\": power-up, swap, rejected, rollback, boot, trial,
behaves, health, confirm, give-up, request, download, progress, retry, staged, up-to-date, refused,
failed, recovery, power-cut, end. Codes are stable numbers; fields are only ever added.";

/// The status after a power cut.
const CUT: u8 = 99;

/// Run a device until there is nothing more to do
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The device's folder
    device: PathBuf,
    /// Where the package is; http
    #[arg(long, value_parser = parse_url)]
    url: String,
    /// VERSION=crash, =hang or =unhealthy: how the firmware of a version behaves; may be repeated
    #[arg(long, value_name = "VERSION=HOW")]
    behave: Vec<Behave>,
    /// Cut the power in the Nth flash operation of this run, torn, and end with status 99
    #[arg(long, value_name = "N[:SEED]", value_parser = parse_cut)]
    cut: Option<Cut>,
    /// Stop after so many power cycles, with status 0
    #[arg(long, value_name = "MAX", value_parser = clap::value_parser!(u32).range(1..))]
    cycles: Option<u32>,
    /// Faults in a row before a download is given up
    #[arg(long, value_name = "N", default_value_t = Client::DEFAULT.retries)]
    retries: u8,
    /// The wait after the first fault, doubled after each further one
    #[arg(long, value_name = "MS", default_value_t = ms(Client::DEFAULT.backoff))]
    backoff_ms: u32,
    /// How long an answer, and then each piece of it, may take
    #[arg(long, value_name = "MS", default_value_t = ms(Client::DEFAULT.stall))]
    stall_ms: u32,
    /// Print events as JSON, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let device = Device::open(&args.device)?;
    let options = Options {
        url: args.url.clone(),
        behave: args.behave.clone(),
        cut: args.cut,
        cycles: args.cycles,
        client: Client {
            retries: args.retries,
            backoff: Duration::from_millis(args.backoff_ms.into()),
            stall: Duration::from_millis(args.stall_ms.into()),
        },
    };
    let mut report = if args.json {
        Report::json()
    } else {
        Report::lines()
    };
    let end = device::run(&device, &options, &mut |event| report.event(event))?;
    report.finish()?;
    match end {
        End::UpToDate | End::Stopped => Ok(ExitCode::SUCCESS),
        End::Refused(refusal) | End::Failed(refusal) | End::Recovery(refusal) => {
            Err(refusal.into())
        }
        End::PowerCut(cut) => {
            super::super::note(&format!(
                "power cut ({cut}): the next run is the next power-up"
            ));
            Ok(CUT.into())
        }
    }
}

fn parse_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.is_secure() {
        return Err("virtual devices speak plain http only".to_owned());
    }
    Ok(text.to_owned())
}

fn ms(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

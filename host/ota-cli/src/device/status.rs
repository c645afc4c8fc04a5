//! What a device is in, read from its flash as its own code reads it.

use anyhow::{Result, anyhow};
use ota_bootloader::{
    BootState, Failure, Fallback, Index, JournalWear, OpenError, Product, Record, Region, Updater,
};
use ota_image::{Boot, BootKeys, ENVELOPE_LEN, Envelope, SoftwareCrypto, Verified};
use ota_sim::Flash;
use serde::Serialize;

use super::flash::{self, Power};
use super::{Device, Traffic};

/// The state of a device. `ota device show --json` prints it; fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The version of the active image; `None` if its manifest is not good.
    pub version: Option<String>,
    /// `unknown` (a blank journal), `confirmed`, `downloading`, `staged`, `swapping`, `trial`,
    /// `reverting` or `restoring`.
    pub state: &'static str,
    /// Starts that remain to an image on trial.
    pub attempts_left: Option<u8>,
    /// The lowest security counter that boots.
    pub floor: u32,
    /// How an image last failed (`crash`, `watchdog`, `gave-up`, `interrupted`, `unknown`), or
    /// `refused` for a release that the bootloader did not take.
    pub last_failure: Option<String>,
    /// The code of what last went wrong.
    pub last_problem: Option<u16>,
    /// Whether the former image can be gone back to.
    pub fallback: bool,
    /// Pieces of the release on its way that are acknowledged: pages of the digest table, then
    /// chunks.
    pub position: u32,
    /// The sequence of the release on its way, staged or on trial.
    pub candidate: Option<u64>,
    /// Releases that spent their attempts, newest first.
    pub failed: Vec<FailedRelease>,
    /// The mask of boot keys that were revoked.
    pub revoked_boot_keys: u8,
    /// How often each erase unit of the journal has been erased, about.
    pub journal_erases: u32,
    /// The mask of units of the journal that do not take records any more.
    pub journal_failed_units: u8,
    /// Updates that were requested since one was last confirmed.
    pub fruitless: u8,
    /// What was asked of servers.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// A release that is not fetched again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRelease {
    /// The first 8 bytes of its release id, in hexadecimal.
    pub release: String,
    /// Its sequence.
    pub sequence: u64,
    /// How it failed.
    pub reason: String,
}

impl Status {
    pub(super) fn read(device: &Device, flash: &mut Flash) -> Result<Self> {
        let (product, anchors) = (&device.product, device.anchors.get()?);
        let (record, wear) = record(product, flash)?;
        let version = manifest(product, &anchors.boot(), flash, record.active)
            .map(|manifest| manifest.version.to_string());
        let on_its_way = matches!(record.state, BootState::Downloading | BootState::Staged);
        Ok(Self {
            version,
            state: state_name(record.state),
            attempts_left: attempts_left(record.state),
            floor: product.floor.max(record.floor),
            last_failure: last_failure(record.last_problem),
            last_problem: Some(record.last_problem).filter(|code| *code != 0),
            fallback: matches!(
                record.state,
                BootState::Confirmed(Fallback::Available) | BootState::Trial(_)
            ),
            position: if on_its_way { record.position } else { 0 },
            candidate: (on_its_way || !is_settled(record.state))
                .then_some(record.candidate.sequence),
            failed: failed(&record),
            revoked_boot_keys: record.revoked,
            journal_erases: wear.erases,
            journal_failed_units: wear.failed_units,
            fruitless: record.fruitless,
            traffic: device.traffic()?,
        })
    }
}

/// The newest record, and how worn the journal is; those of a new device if there is none.
fn record(product: &Product, flash: &mut Flash) -> Result<(Record, JournalWear)> {
    let storage = flash::storage(flash, &Power::default(), product.map)?;
    match Updater::open(product, storage, SoftwareCrypto) {
        Ok(updater) => Ok((updater.record(), updater.journal_wear())),
        Err(OpenError::NotProvisioned) => Ok((Record::unknown(), JournalWear::default())),
        Err(error) => Err(anyhow!("{error}")),
    }
}

/// The manifest in a bank, if its boot signature is good.
pub(super) fn manifest(
    product: &Product,
    keys: &BootKeys<'_>,
    flash: &mut Flash,
    bank: Index,
) -> Option<Verified<Boot>> {
    let mut bytes = [0; ENVELOPE_LEN];
    let at = product.map.area(Region::Bank(bank)).offset;
    flash.read(at, &mut bytes).ok()?;
    let envelope = Envelope::parse(&bytes).ok()?;
    envelope.verify_boot(&mut SoftwareCrypto, keys, 0).ok()
}

fn state_name(state: BootState) -> &'static str {
    match state {
        BootState::Unknown => "unknown",
        BootState::Confirmed(_) => "confirmed",
        BootState::Downloading => "downloading",
        BootState::Staged => "staged",
        BootState::Swapping => "swapping",
        BootState::Trial(_) => "trial",
        BootState::Reverting(_) => "reverting",
        BootState::Restoring(..) => "restoring",
    }
}

fn is_settled(state: BootState) -> bool {
    matches!(state, BootState::Unknown | BootState::Confirmed(_))
}

pub(super) fn attempts_left(state: BootState) -> Option<u8> {
    match state {
        BootState::Trial(trial) => Some(trial.attempts_left),
        _ => None,
    }
}

fn last_failure(problem: u16) -> Option<String> {
    let failure = u8::try_from(problem).map(Failure::from_code);
    match (problem, failure) {
        (0, _) => None,
        (_, Ok(Some(failure))) => Some(failure.to_string()),
        _ => Some("refused".to_owned()),
    }
}

fn failed(record: &Record) -> Vec<FailedRelease> {
    let entries = record.failed.iter().flatten();
    entries
        .map(|failed| FailedRelease {
            release: crate::keys::hex(&failed.release.id),
            sequence: failed.release.sequence,
            reason: failed.reason.to_string(),
        })
        .collect()
}

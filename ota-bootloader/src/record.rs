//! One journal record: the whole state in 128 bytes.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | magic `OTAJ` |
//! | 4 | 1 | record format, 1 |
//! | 5 | 1 | state |
//! | 6 | 1 | active bank, 0 or 1 |
//! | 7 | 1 | detail of the state |
//! | 8 | 4 | sequence |
//! | 12 | 4 | map id |
//! | 16 | 4 | floor: the lowest security counter that may boot |
//! | 20 | 4 | download position: pieces acknowledged, the pages of the digest table first, then chunks |
//! | 24 | 1 | attempts left; confirmed: crashes in a row |
//! | 25 | 1 | interruptions left |
//! | 26 | 1 | phase of the trial |
//! | 27 | 1 | revoked boot keys, a mask |
//! | 28 | 2 | what last went wrong: a stable code, 0 for nothing |
//! | 30 | 1 | units of the journal that have failed, a mask |
//! | 31 | 1 | updates requested since one was last confirmed |
//! | 32 | 16 | candidate: tag of the release last admitted |
//! | 48 | 68 | failed releases, newest first: four times tag (16) and the low byte of the reason |
//! | 116 | 4 | the high bytes of these reasons; a reason of 0: none |
//! | 120 | 8 | CRC-64/XZ of bytes 0 to 119 |
//!
//! Numbers are little-endian. A tag is the first 8 bytes of the release id and the sequence (8):
//! it only tells releases apart that were signed, so there is nobody to search for a collision
//! but the signer.
//! CRC-64 finds *every* damage within 64 bits in a row, so every torn word of up to 8 bytes.

use crc::{CRC_64_XZ, Crc, Table};

use ota_image::Verified;

use crate::state::{BootState, Cause, Failure, Fallback, Phase, Rebuilt, TrialState, Which};
use crate::storage::Index;

/// Size of a record on flash, in bytes.
pub const RECORD_LEN: usize = 128;
/// Version of the record format.
pub const RECORD_FORMAT: u8 = 1;
/// How many failed releases are remembered.
pub const FAILED_RELEASES: usize = 4;

const MAGIC: [u8; 4] = *b"OTAJ";
const CHECKED_LEN: usize = 120;
const CRC: Crc<u64, Table<0>> = Crc::<u64, Table<0>>::new(&CRC_64_XZ);

/// Tells signed releases apart, in 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReleaseTag {
    /// The first 8 bytes of the release id.
    pub id: [u8; 8],
    /// The release's place in the order of releases.
    pub sequence: u64,
}

impl ReleaseTag {
    /// The tag of a verified release.
    pub fn of<L>(manifest: &Verified<L>) -> Self {
        let mut id = [0; 8];
        for (place, byte) in id.iter_mut().zip(manifest.id().digest().0) {
            *place = byte;
        }
        Self {
            id,
            sequence: manifest.sequence,
        }
    }
}

/// Why a release is not taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It spent its attempts, or was left.
    Failed(Failure),
    /// The bootloader refused it, with this code.
    Refused(u16),
}

impl Reason {
    /// Stable code for telemetry, never 0: below 256 that of a [`Failure`].
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Failed(failure) => failure.code() as u16,
            Self::Refused(code) => code,
        }
    }

    fn from_code(low: u8, high: u8) -> Option<Self> {
        match high {
            0 => Failure::from_code(low).map(Self::Failed),
            _ => Some(Self::Refused(u16::from_le_bytes([low, high]))),
        }
    }
}

impl core::fmt::Display for Reason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Failed(failure) => core::fmt::Display::fmt(failure, f),
            Self::Refused(code) => write!(f, "refused-0x{code:04x}"),
        }
    }
}

/// A release that failed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedRelease {
    /// Which.
    pub release: ReleaseTag,
    /// How.
    pub reason: Reason,
}

/// Everything that is remembered between two boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the device is in.
    pub state: BootState,
    /// The bank of the active image.
    pub active: Index,
    /// The lowest security counter that may boot.
    pub floor: u32,
    /// Pieces of the candidate that are acknowledged: the pages of its digest table, then its
    /// chunks.
    pub position: u32,
    /// Revoked boot keys: bit *i* is the *i*-th.
    pub revoked: u8,
    /// What last went wrong: a [`Failure`] code below 256, or the code of an error. 0: nothing.
    pub last_problem: u16,
    /// The release last admitted: on its way to staging, staged, or on trial.
    pub candidate: ReleaseTag,
    /// Releases that failed, newest first.
    pub failed: [Option<FailedRelease>; FAILED_RELEASES],
    /// Resets in a row by which a confirmed image ended before it said that it is
    /// [alive](crate::Updater::alive). Kept while the image is confirmed, and counted only if
    /// [`TrialLimits::crashes`](crate::TrialLimits::crashes) says so.
    pub crashes: u8,
    /// Updates that were requested since one was last confirmed.
    pub fruitless: u8,
}

impl Record {
    /// The record of a device that has none.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            state: BootState::Unknown,
            active: Index::Zero,
            floor: 0,
            position: 0,
            revoked: 0,
            last_problem: 0,
            candidate: ReleaseTag {
                id: [0; 8],
                sequence: 0,
            },
            failed: [None; FAILED_RELEASES],
            crashes: 0,
            fruitless: 0,
        }
    }

    /// Whether this release failed here, and how.
    #[must_use]
    pub fn failure_of(&self, release: &ReleaseTag) -> Option<Reason> {
        self.failed
            .iter()
            .flatten()
            .find(|failed| failed.release == *release)
            .map(|failed| failed.reason)
    }

    /// Takes a release off the failed ones.
    pub(crate) fn forgive(&mut self, release: &ReleaseTag) {
        for entry in &mut self.failed {
            entry.take_if(|failed| failed.release == *release);
        }
    }

    /// Puts the candidate at the head of the failed releases; the oldest falls off.
    pub(crate) fn blame(&mut self, reason: Reason) {
        let release = self.candidate;
        self.last_problem = reason.code();
        let mut next = Some(FailedRelease { release, reason });
        for entry in &mut self.failed {
            if next.is_none() {
                break;
            }
            core::mem::swap(entry, &mut next);
            if next.is_some_and(|old| old.release == release) {
                break;
            }
        }
    }
}

/// Writes fields one after another into a record.
struct Writer {
    bytes: [u8; RECORD_LEN],
    at: usize,
}

impl Writer {
    fn put(&mut self, field: &[u8]) {
        let end = self.at.saturating_add(field.len());
        if let Some(place) = self.bytes.get_mut(self.at..end) {
            for (to, from) in place.iter_mut().zip(field) {
                *to = *from;
            }
        }
        self.at = end;
    }

    fn put_tag(&mut self, tag: ReleaseTag) {
        self.put(&tag.id);
        self.put(&tag.sequence.to_le_bytes());
    }
}

/// Reads fields one after another; past the end there are only zeros.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }

    fn tag(&mut self) -> ReleaseTag {
        ReleaseTag {
            id: self.take(),
            sequence: u64::from_le_bytes(self.take()),
        }
    }

    fn byte(&mut self) -> u8 {
        let [byte] = self.take::<1>();
        byte
    }
}

/// State tag, detail, trial.
type StateBytes = (u8, u8, Option<TrialState>);

const fn state_bytes(state: BootState) -> StateBytes {
    match state {
        BootState::Unknown => (0, 0, None),
        BootState::Confirmed(Fallback::Available) => (1, 1, None),
        BootState::Confirmed(Fallback::Gone) => (1, 0, None),
        BootState::Downloading => (2, 0, None),
        BootState::Staged => (3, 0, None),
        BootState::Swapping => (4, 0, None),
        BootState::Trial(trial) => (5, 0, Some(trial)),
        BootState::Reverting(Cause::Failed) => (6, 0, None),
        BootState::Reverting(Cause::Abandoned) => (6, 1, None),
        BootState::Reverting(Cause::Left) => (6, 2, None),
        BootState::Restoring(Which::Active, Rebuilt::Confirmed) => (7, 0, None),
        BootState::Restoring(Which::Other, Rebuilt::Confirmed) => (7, 1, None),
        BootState::Restoring(Which::Active, Rebuilt::Trial(trial)) => (7, 2, Some(trial)),
        BootState::Restoring(Which::Other, Rebuilt::Trial(trial)) => (7, 3, Some(trial)),
    }
}

fn state_from(tag: u8, detail: u8, trial: TrialState) -> Option<BootState> {
    Some(match (tag, detail) {
        (1, 1) => BootState::Confirmed(Fallback::Available),
        (1, 0) => BootState::Confirmed(Fallback::Gone),
        (2, 0) => BootState::Downloading,
        (3, 0) => BootState::Staged,
        (4, 0) => BootState::Swapping,
        (5, 0) => BootState::Trial(trial),
        (6, 0) => BootState::Reverting(Cause::Failed),
        (6, 1) => BootState::Reverting(Cause::Abandoned),
        (6, 2) => BootState::Reverting(Cause::Left),
        (7, 0) => BootState::Restoring(Which::Active, Rebuilt::Confirmed),
        (7, 1) => BootState::Restoring(Which::Other, Rebuilt::Confirmed),
        (7, 2) => BootState::Restoring(Which::Active, Rebuilt::Trial(trial)),
        (7, 3) => BootState::Restoring(Which::Other, Rebuilt::Trial(trial)),
        _ => return None,
    })
}

const fn phase_byte(phase: Phase) -> u8 {
    match phase {
        Phase::Pending => 0,
        Phase::Running => 1,
        Phase::GaveUp => 2,
    }
}

/// What a place of the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing that reads as a record.
    Invalid,
    /// A whole record of another map or format.
    Foreign,
    /// A record of ours, and its sequence.
    Ours(u32),
}

/// Where the high bytes of the reasons stand.
const HIGH_BYTES_AT: usize = 116;
/// Where the units of the journal stand that have failed.
pub(crate) const FAILED_UNITS_AT: usize = 30;

pub(crate) fn encode(
    record: &Record,
    sequence: u32,
    map_id: u32,
    failed_units: u8,
) -> [u8; RECORD_LEN] {
    let (tag, detail, trial) = state_bytes(record.state);
    let trial = trial.unwrap_or(TrialState {
        attempts_left: record.crashes,
        interruptions_left: 0,
        phase: Phase::Pending,
    });
    let mut out = Writer {
        bytes: [0; RECORD_LEN],
        at: 0,
    };
    out.put(&MAGIC);
    out.put(&[RECORD_FORMAT, tag, record.active.number(), detail]);
    out.put(&sequence.to_le_bytes());
    out.put(&map_id.to_le_bytes());
    out.put(&record.floor.to_le_bytes());
    out.put(&record.position.to_le_bytes());
    out.put(&[
        trial.attempts_left,
        trial.interruptions_left,
        phase_byte(trial.phase),
        record.revoked,
    ]);
    out.put(&record.last_problem.to_le_bytes());
    out.put(&[failed_units, record.fruitless]);
    out.put_tag(record.candidate);
    let mut high_bytes_at = HIGH_BYTES_AT;
    for failed in &record.failed {
        let (release, reason) = failed.map_or((ReleaseTag::default(), 0), |failed| {
            (failed.release, failed.reason.code())
        });
        let [low, high] = reason.to_le_bytes();
        out.put_tag(release);
        out.put(&[low]);
        let next = core::mem::replace(&mut out.at, high_bytes_at);
        out.put(&[high]);
        high_bytes_at = core::mem::replace(&mut out.at, next);
    }
    out.at = CHECKED_LEN;
    let check = CRC.checksum(out.bytes.split_at(CHECKED_LEN).0);
    out.put(&check.to_le_bytes());
    out.bytes
}

pub(crate) fn place(bytes: &[u8; RECORD_LEN], map_id: u32) -> Place {
    let (checked, check) = bytes.split_at(CHECKED_LEN);
    let mut fields = Reader(checked);
    if fields.take() != MAGIC || CRC.checksum(checked).to_le_bytes() != *check {
        return Place::Invalid;
    }
    let [format, _, _, _] = fields.take();
    let sequence = u32::from_le_bytes(fields.take());
    if format != RECORD_FORMAT || u32::from_le_bytes(fields.take()) != map_id {
        return Place::Foreign;
    }
    Place::Ours(sequence)
}

/// What a record of ours says.
pub(crate) fn decode(bytes: &[u8; RECORD_LEN]) -> Option<Record> {
    let mut fields = Reader(bytes);
    let (_magic, [_format, tag, active, detail]) = (fields.take::<4>(), fields.take());
    let (_sequence, _map_id) = (fields.take::<4>(), fields.take::<4>());
    let floor = u32::from_le_bytes(fields.take());
    let position = u32::from_le_bytes(fields.take());
    let [attempts_left, interruptions_left, phase, revoked] = fields.take();
    let last_problem = u16::from_le_bytes(fields.take());
    let [_failed_units, fruitless] = fields.take();
    let candidate = fields.tag();
    let mut failed = [None; FAILED_RELEASES];
    let mut high_bytes = Reader(bytes.get(HIGH_BYTES_AT..).unwrap_or_default());
    for entry in &mut failed {
        let release = fields.tag();
        let reason = Reason::from_code(fields.byte(), high_bytes.byte());
        *entry = reason.map(|reason| FailedRelease { release, reason });
    }
    let phase = match phase {
        0 => Phase::Pending,
        1 => Phase::Running,
        2 => Phase::GaveUp,
        _ => return None,
    };
    let active = match active {
        0 => Index::Zero,
        1 => Index::One,
        _ => return None,
    };
    let state = state_from(
        tag,
        detail,
        TrialState {
            attempts_left,
            interruptions_left,
            phase,
        },
    )?;
    let crashes = match state {
        BootState::Confirmed(_) => attempts_left,
        _ => 0,
    };
    Some(Record {
        state,
        active,
        floor,
        position,
        revoked,
        last_problem,
        candidate,
        failed,
        crashes,
        fruitless,
    })
}

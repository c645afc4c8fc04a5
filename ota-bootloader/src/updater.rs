//! The application's side: admit a release, stage it, ask for it.

use ota_image::{
    BootKeys, Crypto, Distribution, ENVELOPE_LEN, Envelope, FrameError, Limits, Manifest,
    PolicyError, Reader, TrustAnchors, Verified, VerifyError,
};

use crate::bank::{BankLost, write_bank};
use crate::io::{At, Io, holds};
use crate::journal::{Journal, JournalWear, KEPT, RENEWED, SAVED, SETTLED};
use crate::product::{Product, verify_bank};
use crate::record::{FAILED_RELEASES, Reason, Record, ReleaseTag};
use crate::staging::{StagedImage, Staging};
use crate::state::{Action, BootEvent, BootState, Failure, Fallback, step};
use crate::storage::{Index, Region, Storage};

/// Why an application cannot update this flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The journal is empty: the bootloader has not run yet.
    NotProvisioned,
    /// The journal is of another map or record format: this application was built for another
    /// bootloader.
    OtherMap,
    /// The flash of the journal does not answer.
    Unreadable,
}

impl OpenError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotProvisioned => 0x1101,
            Self::OtherMap => 0x1102,
            Self::Unreadable => 0x1103,
        }
    }
}

impl core::fmt::Display for OpenError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotProvisioned => {
                "no journal on this flash; start the device through its bootloader once"
            }
            Self::OtherMap => {
                "the journal is of another flash map or format; build with the bootloader's map"
            }
            Self::Unreadable => "the journal cannot be read; check the flash, and try again",
        })
    }
}

impl core::error::Error for OpenError {}

/// Why a release is not taken. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmitError {
    /// Its envelope does not verify.
    Verify(VerifyError),
    /// It is not for this device.
    Policy(PolicyError),
    /// Its sequence is not above that of the running release.
    NotNewer {
        /// Its sequence.
        offered: u64,
        /// That of the running release.
        running: u64,
    },
    /// Its sequence is more than [`MAX_SEQUENCE_STEP`] above that of the running release: with a
    /// slip in it, nothing would ever be newer again.
    SequenceTooFar {
        /// Its sequence.
        offered: u64,
        /// That of the running release.
        running: u64,
    },
    /// It failed on this device: it spent its attempts, or was left.
    FailedBefore(Failure),
    /// This device's bootloader refused it, with this code.
    RefusedBefore(u16),
    /// The running image is not confirmed: confirm it, or let the trial end, and try again.
    NotConfirmed,
    /// The running image's envelope does not verify, so nobody can say what is newer; and its
    /// fallback, which a download would overwrite, is what the next boot goes back to.
    RunningUnknown,
    /// The flash does not take it (state, bank): after this the release was not begun.
    Flash,
}

impl AdmitError {
    /// Stable code for telemetry; those of `ota-image` keep theirs.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Verify(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::NotNewer { .. } => 0x1111,
            Self::FailedBefore(_) => 0x1112,
            Self::NotConfirmed => 0x1113,
            Self::Flash => 0x1114,
            Self::RunningUnknown => 0x1115,
            Self::SequenceTooFar { .. } => 0x1116,
            Self::RefusedBefore(_) => 0x1117,
        }
    }
}

impl core::fmt::Display for AdmitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Verify(error) => core::fmt::Display::fmt(error, f),
            Self::Policy(error) => core::fmt::Display::fmt(error, f),
            Self::NotNewer { offered, running } => write!(
                f,
                "the release is not newer: its sequence is {offered}, that of the running one {running}; pack it with a higher one"
            ),
            Self::SequenceTooFar { offered, running } => write!(
                f,
                "the sequence {offered} is too far above {running}, that of the running release; pack it with a lower one"
            ),
            Self::RefusedBefore(code) => {
                write!(
                    f,
                    "the bootloader of this device refused this release before (code 0x{code:04x}); publish another one, or ask for it explicitly"
                )
            }
            Self::FailedBefore(failure) => {
                write!(
                    f,
                    "this release failed here before ({failure}); publish a corrected one"
                )
            }
            Self::NotConfirmed => {
                f.write_str("the running image is not confirmed yet; confirm it first")
            }
            Self::RunningUnknown => f.write_str(
                "the running image's envelope does not verify; reset, and its fallback comes back",
            ),
            Self::Flash => f.write_str("the flash cannot be written; check it"),
        }
    }
}

impl core::error::Error for AdmitError {}

/// Why an update was not requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// What was staged is not what the journal says is being staged.
    OtherRelease,
    /// The journal cannot be written.
    Flash,
}

impl RequestError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::OtherRelease => 0x1121,
            Self::Flash => 0x1122,
        }
    }
}

impl core::fmt::Display for RequestError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::OtherRelease => "another release was begun since; download again",
            Self::Flash => "the journal cannot be written; check the flash",
        })
    }
}

impl core::error::Error for RequestError {}

/// Why an update was not cancelled, or the former image not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevertError {
    /// The running image is not confirmed: let the trial end, or give up.
    NotConfirmed,
    /// There is no former image, or it is not whole, not signed for this device, or below the floor.
    NoFallback,
    /// The journal cannot be written.
    Flash,
}

impl RevertError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotConfirmed => 0x1161,
            Self::NoFallback => 0x1162,
            Self::Flash => 0x1163,
        }
    }
}

impl core::fmt::Display for RevertError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotConfirmed => "the running image is on trial; give it up instead",
            Self::NoFallback => "there is no former image that could boot; publish a new release",
            Self::Flash => "the journal cannot be written; check the flash",
        })
    }
}

impl core::error::Error for RevertError {}

/// What becomes of a release that was offered.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is nowhere else to put it"
)]
pub enum Admission {
    /// It is running.
    UpToDate,
    /// It is staged already: reset, after [`Updater::reset_pause_s`].
    AlreadyStaged,
    /// To be staged: poll it.
    Download(Staging),
}

/// What [`Updater::judge`] thinks of a release.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is nowhere else to put it"
)]
pub enum Judgement<'e> {
    /// It is running.
    UpToDate,
    /// It is staged already: reset, after [`Updater::reset_pause_s`].
    AlreadyStaged,
    /// This device wants it: [`Updater::begin`].
    Wanted(Offer<'e>),
}

/// A release that this device wants. Nothing was recorded or written for it.
#[derive(Debug)]
pub struct Offer<'e> {
    manifest: Verified<Distribution>,
    envelope: &'e [u8; ENVELOPE_LEN],
}

impl Offer<'_> {
    /// The manifest, both signatures checked.
    #[must_use]
    pub const fn manifest(&self) -> &Verified<Distribution> {
        &self.manifest
    }
}

/// How far above the running release's sequence another may be: 2^42, which is 139 years in milliseconds.
/// The same idea as [`ota_image::MAX_COUNTER_STEP`].
pub const MAX_SEQUENCE_STEP: u64 = 1 << 42;

/// Places that the journal must have left when an update is requested: three for the swap, two for
/// the first start, three for the confirmation or the way back.
const ROOM_FOR_UPDATE: u32 = 8;

/// Requests in a row that cost no pause: a release that rots or is bad is followed by its correction
/// at once.
const FREE_REQUESTS: u8 = 3;

/// How long to wait for a reset with so many requests since the last confirmation: not at all for the
/// first three, then a minute, twice as long each further time, a day at most.
const fn pause_s(requests: u8) -> u32 {
    const MINUTE: u32 = 60;
    const DAY: u32 = 24 * 60 * MINUTE;
    match requests.saturating_sub(FREE_REQUESTS) {
        0 => 0,
        beyond @ 1..=11 => MINUTE << (beyond - 1),
        _ => DAY,
    }
}

/// The application's handle on the update state. One at a time; open it again after a reset.
pub struct Updater<'a, S, C> {
    pub(crate) product: &'a Product,
    pub(crate) storage: S,
    pub(crate) crypto: C,
    pub(crate) journal: Journal,
    /// The staged release was requested in this power cycle, as far as this value knows.
    requested: bool,
}

impl<'a, S: Storage, C: Crypto> Updater<'a, S, C> {
    /// Reads the journal.
    ///
    /// # Errors
    /// [`OpenError`]: there is none of this map.
    pub fn open(product: &'a Product, mut storage: S, crypto: C) -> Result<Self, OpenError> {
        let journal = Journal::open(&mut storage, product.map.id());
        match journal.record() {
            _ if journal.silent() => Err(OpenError::Unreadable),
            Some(_) if journal.foreign() => Err(OpenError::OtherMap),
            Some(_) => Ok(Self {
                product,
                storage,
                crypto,
                journal,
                requested: false,
            }),
            None if journal.foreign() => Err(OpenError::OtherMap),
            None => Err(OpenError::NotProvisioned),
        }
    }

    /// Gives storage and cryptography back.
    pub fn close(self) -> (S, C) {
        (self.storage, self.crypto)
    }

    /// The state as it is on flash.
    #[must_use]
    pub fn record(&self) -> Record {
        self.journal.record().copied().unwrap_or(Record::unknown())
    }

    /// The lowest security counter that may boot here, by what is known now. To burn it into a
    /// hardware counter, take it from [`confirm`](Self::confirm): behind a power cut, what the
    /// journal says now may not be what it says after the next one.
    #[must_use]
    pub fn floor(&self) -> u32 {
        self.product.floor.max(self.record().floor)
    }

    /// How worn the journal is, for telemetry.
    #[must_use]
    pub fn journal_wear(&self) -> JournalWear {
        self.journal.wear()
    }

    pub(crate) fn io(&mut self) -> Io<'_, S, C> {
        Io::new(&mut self.storage, &mut self.crypto)
    }

    /// Continues from flash what was begun before a reset, without asking the server for the
    /// envelope again. The envelope on flash is read into `buffer`, which must have at least
    /// 1024 bytes, and verified there, both signatures included.
    ///
    /// `None`: nothing is in progress, or its manifest is damaged; offer the server's envelope to
    /// [`admit`](Self::admit).
    pub fn resume(&mut self, anchors: &TrustAnchors<'_>, buffer: &mut [u8]) -> Option<Staging> {
        let record = self.record();
        let envelope = buffer.first_chunk_mut::<ENVELOPE_LEN>()?;
        if record.state != BootState::Downloading {
            return None;
        }
        let bank = record.active.other();
        let manifest =
            verify_bank(&mut self.io(), bank, anchors, record.revoked, envelope)?.ok()?;
        let limits = self.limits(bank, &record);
        if ReleaseTag::of(&manifest) != record.candidate || manifest.check(&limits).is_err() {
            return None;
        }
        // Units of staging will be erased on the strength of this record.
        self.journal
            .write(&mut self.storage, &record, RENEWED)
            .ok()?;
        Some(Staging::resumed(
            manifest,
            bank,
            record.position,
            self.product,
        ))
    }

    /// Judges an envelope (1024 bytes, from anywhere) and begins it, if this device wants it:
    /// [`judge`](Self::judge) and [`begin`](Self::begin) in one, for who knows nothing more of the
    /// release than its envelope.
    ///
    /// # Errors
    /// [`AdmitError`]: nothing was written to a slot.
    pub fn admit(
        &mut self,
        anchors: &TrustAnchors<'_>,
        envelope: &[u8],
    ) -> Result<Admission, AdmitError> {
        Ok(match self.judge(anchors, envelope)? {
            Judgement::UpToDate => Admission::UpToDate,
            Judgement::AlreadyStaged => Admission::AlreadyStaged,
            Judgement::Wanted(offer) => Admission::Download(self.begin(anchors, offer)?),
        })
    }

    /// Judges an envelope (1024 bytes, from anywhere): both signatures, then whether this device
    /// wants it. Records nothing: what else is known of the release, such as the length of its
    /// file, can be compared with the manifest before [`begin`](Self::begin).
    ///
    /// # Errors
    /// [`AdmitError`].
    pub fn judge<'e>(
        &mut self,
        anchors: &TrustAnchors<'_>,
        envelope: &'e [u8],
    ) -> Result<Judgement<'e>, AdmitError> {
        let record = self.record();
        let frame = Envelope::parse(envelope).map_err(|error| AdmitError::Verify(error.into()))?;
        let envelope = envelope
            .first_chunk::<ENVELOPE_LEN>()
            .ok_or(AdmitError::Verify(FrameError::WrongLength.into()))?;
        let manifest = frame
            .verify(&mut self.crypto, anchors, record.revoked)
            .map_err(AdmitError::Verify)?;
        // What the bootloader would refuse is worth neither a download nor the former image.
        Manifest::decode_unverified(frame.body(), Reader::Bootloader)
            .map_err(|error| AdmitError::Verify(error.into()))?;
        let active = self
            .running(&anchors.boot())
            .map(|manifest| ReleaseTag::of(&manifest));
        let offered = ReleaseTag::of(&manifest);
        if active == Some(offered) {
            return Ok(Judgement::UpToDate);
        }
        let bank = record.active.other();
        manifest
            .check(&self.limits(bank, &record))
            .map_err(AdmitError::Policy)?;
        judge_order(&record, active, offered)?;
        self.judge_history(anchors, &record, offered)?;
        if record.state == BootState::Staged && record.candidate == offered {
            self.request_again(&record)?;
            return Ok(Judgement::AlreadyStaged);
        }
        if step(record.state, BootEvent::DownloadBegun).action == Action::Refuse {
            return Err(AdmitError::NotConfirmed);
        }
        Ok(Judgement::Wanted(Offer { manifest, envelope }))
    }

    /// Whether the release failed here before.
    fn judge_history(
        &mut self,
        anchors: &TrustAnchors<'_>,
        record: &Record,
        offered: ReleaseTag,
    ) -> Result<(), AdmitError> {
        match record.failure_of(&offered) {
            None => Ok(()),
            Some(Reason::Failed(failure)) => Err(AdmitError::FailedBefore(failure)),
            Some(Reason::Refused(_))
                if record.candidate == offered && self.is_candidate_rotten(anchors, record) =>
            {
                Ok(())
            }
            Some(Reason::Refused(code)) => Err(AdmitError::RefusedBefore(code)),
        }
    }

    /// Whether the candidate was refused by the bootloader and is not what its bank holds: then
    /// it had rotted there, which is no fault of the release.
    fn is_candidate_rotten(&mut self, anchors: &TrustAnchors<'_>, record: &Record) -> bool {
        let reason = record.failure_of(&record.candidate);
        matches!(reason, Some(Reason::Refused(_)))
            && matches!(record.state, BootState::Confirmed(_))
            && !self.bank_is(
                record.active.other(),
                record.candidate,
                anchors,
                record.revoked,
            )
    }

    /// A staged release that this power cycle did not ask for was not taken by the bootloader:
    /// that counts as another request, and the journal has to show that it can carry it.
    fn request_again(&mut self, record: &Record) -> Result<(), AdmitError> {
        if self.requested {
            return Ok(());
        }
        let next = Record {
            fruitless: record.fruitless.saturating_add(1),
            ..*record
        };
        self.journal
            .save_with_room(&mut self.storage, &next, ROOM_FOR_UPDATE)
            .map_err(|_| AdmitError::Flash)?;
        self.requested = true;
        Ok(())
    }

    fn limits(&self, bank: Index, record: &Record) -> Limits {
        self.product.limits(
            self.product.running_slot(bank),
            self.product.floor.max(record.floor),
        )
    }

    /// Whether a bank holds the manifest of this release with signatures that are good.
    #[inline(never)] // One kilobyte of stack.
    fn bank_is(
        &mut self,
        bank: Index,
        release: ReleaseTag,
        anchors: &TrustAnchors<'_>,
        revoked: u8,
    ) -> bool {
        let mut buffer = [0; ENVELOPE_LEN];
        let stored = verify_bank(&mut self.io(), bank, anchors, revoked, &mut buffer);
        matches!(stored, Some(Ok(stored)) if ReleaseTag::of(&stored) == release)
    }

    /// Begins to stage a release. The start is recorded: from here on there is no fallback. Then
    /// the envelope is written to the bank that is not in use. A download that is under way, and a
    /// release that is staged, are replaced.
    ///
    /// # Errors
    /// [`AdmitError`]: nothing was written to a slot.
    pub fn begin(
        &mut self,
        anchors: &TrustAnchors<'_>,
        offer: Offer<'_>,
    ) -> Result<Staging, AdmitError> {
        let Offer { manifest, envelope } = offer;
        let record = &self.record();
        let transition = step(record.state, BootEvent::DownloadBegun);
        if transition.action == Action::Refuse {
            return Err(AdmitError::NotConfirmed);
        }
        let candidate = ReleaseTag::of(&manifest);
        // A position counts only for the release that it is stored with.
        let running = record.state == BootState::Downloading && record.candidate == candidate;
        let position = if running { record.position } else { 0 };
        let mut next = Record {
            state: transition.next,
            candidate,
            position,
            ..*record
        };
        if self.is_candidate_rotten(anchors, record) {
            // Only its bank can tell, and that is about to be written.
            next.forgive(&record.candidate);
        }
        self.journal
            .write(&mut self.storage, &next, RENEWED)
            .map_err(|_| AdmitError::Flash)?;
        let bank = self
            .mend_table(&anchors.boot(), &next)
            .map_err(|BankLost| AdmitError::Flash)?
            .other();
        let at = At {
            region: Region::Bank(bank),
            offset: 0,
        };
        // With other signatures it is still the same manifest: nothing to write.
        let kept = running
            && (holds(&mut self.storage, at, envelope)
                || self.bank_is(bank, candidate, anchors, record.revoked));
        if !kept
            && write_bank(&mut self.storage, bank, envelope, manifest.payload_offset()).is_err()
        {
            return Err(AdmitError::Flash);
        }
        Ok(if running {
            Staging::resumed(manifest, bank, position, self.product)
        } else if record.candidate == candidate {
            // It was here before (the bootloader refused it, say): most of it may still be.
            Staging::mended(manifest, bank, self.product)
        } else {
            Staging::begun(manifest, bank, self.product)
        })
    }

    /// Asks the bootloader to take the staged release at the next reset, which should come after
    /// [`reset_pause_s`](Self::reset_pause_s). Refused if the journal does not show that it can
    /// take the records of an update.
    ///
    /// # Errors
    /// [`RequestError`]: the state is what it was.
    pub fn request(&mut self, staged: StagedImage) -> Result<(), RequestError> {
        let record = self.record();
        let transition = step(record.state, BootEvent::UpdateRequested);
        if transition.action == Action::Refuse || record.candidate != staged.release() {
            return Err(RequestError::OtherRelease);
        }
        let next = Record {
            state: transition.next,
            fruitless: record.fruitless.saturating_add(1),
            ..record
        };
        self.journal
            .save_with_room(&mut self.storage, &next, ROOM_FOR_UPDATE)
            .map_err(|_| RequestError::Flash)?;
        self.requested = true;
        Ok(())
    }

    /// How many seconds to wait before the reset that a requested update needs: 0 for the first
    /// three requests since an update was confirmed; for the fourth a minute, then twice as long each
    /// time, a day at most, whatever it was that the others came to nothing by. So a release that no
    /// check foresees to be trouble cannot keep a device busy with resets.
    #[must_use]
    pub fn reset_pause_s(&self) -> u32 {
        pause_s(self.record().fruitless)
    }

    /// Drops the release that is on its way or staged; the next one may be a lower one, if it is
    /// above what runs. There is no fallback, for staging has been written. Without such a
    /// release it does nothing.
    ///
    /// # Errors
    /// [`RevertError::NotConfirmed`] on trial, [`RevertError::Flash`].
    pub fn cancel(&mut self) -> Result<(), RevertError> {
        let record = self.record();
        let transition = step(record.state, BootEvent::UpdateCancelled);
        if transition.action == Action::Refuse {
            return Err(RevertError::NotConfirmed);
        }
        let next = Record {
            state: transition.next,
            ..record
        };
        self.journal
            .write(&mut self.storage, &next, KEPT)
            .map_err(|_| RevertError::Flash)
    }

    /// Leaves a confirmed image that turned out bad for the former one: reset afterwards, and the
    /// bootloader brings it back. The release that is left is remembered as failed. Hashes the
    /// former image.
    ///
    /// # Errors
    /// [`RevertError`]; the running image stays.
    pub fn revert(&mut self, keys: &BootKeys<'_>) -> Result<(), RevertError> {
        let record = self.record();
        let transition = step(record.state, BootEvent::RevertRequested);
        if transition.action == Action::Refuse {
            return Err(match record.state {
                BootState::Confirmed(_) | BootState::Downloading | BootState::Staged => {
                    RevertError::NoFallback
                }
                _ => RevertError::NotConfirmed,
            });
        }
        if self.find_fallback(keys, &record) == Fallback::Gone {
            return Err(RevertError::NoFallback);
        }
        let mut next = Record {
            state: transition.next,
            active: record.active.other(),
            crashes: 0,
            ..record
        };
        next.blame(Reason::Failed(Failure::Reverted));
        self.journal
            .write(&mut self.storage, &next, SETTLED)
            .map_err(|_| RevertError::Flash)
    }

    /// Says that the running, confirmed image has run for as long as it takes to trust it: resets
    /// before do not count against it any more. Only with
    /// [`TrialLimits::crashes`](crate::TrialLimits::crashes); otherwise, and if there is nothing to forget, nothing is
    /// written.
    ///
    /// # Errors
    /// [`RevertError::Flash`].
    pub fn alive(&mut self) -> Result<(), RevertError> {
        let next = Record {
            crashes: 0,
            ..self.record()
        };
        self.journal
            .write(&mut self.storage, &next, SAVED)
            .map_err(|_| RevertError::Flash)
    }

    /// Forgets which releases failed or were refused here, and how many updates came to nothing: an
    /// operator's explicit wish to try again.
    ///
    /// # Errors
    /// [`RevertError::Flash`].
    pub fn forget_failures(&mut self) -> Result<(), RevertError> {
        let next = Record {
            failed: [None; FAILED_RELEASES],
            fruitless: 0,
            ..self.record()
        };
        self.journal
            .write(&mut self.storage, &next, SAVED)
            .map_err(|_| RevertError::Flash)
    }

    /// Records how many pieces are acknowledged.
    pub(crate) fn acknowledge(&mut self, position: u32) -> Result<(), RequestError> {
        let next = Record {
            position,
            ..self.record()
        };
        self.journal
            .write(&mut self.storage, &next, SAVED)
            .map_err(|_| RequestError::Flash)
    }
}

/// The order of releases: above what runs, and not so far that nothing would be above it. What
/// failed, was withdrawn or is on its way is no yardstick. Where it is not known what runs, a
/// release that the floor lets in may be all that helps, unless there is a fallback.
fn judge_order(
    record: &Record,
    active: Option<ReleaseTag>,
    offered: ReleaseTag,
) -> Result<(), AdmitError> {
    if active.is_none() && record.state == BootState::Confirmed(Fallback::Available) {
        return Err(AdmitError::RunningUnknown);
    }
    let offered = offered.sequence;
    let running = active.map_or(0, |active| active.sequence);
    if active.is_some() && offered <= running {
        Err(AdmitError::NotNewer { offered, running })
    } else if offered - running > MAX_SEQUENCE_STEP {
        Err(AdmitError::SequenceTooFar { offered, running })
    } else {
        Ok(())
    }
}

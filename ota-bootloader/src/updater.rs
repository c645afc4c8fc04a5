//! The application's side: admit a release, stage it, ask for it.

use ota_image::{
    Crypto, Distribution, ENVELOPE_LEN, Envelope, FrameError, Limits, PolicyError, TrustAnchors,
    Verified, VerifyError,
};

use crate::bank::{BankLost, write_bank};
use crate::io::{At, Io, holds};
use crate::journal::Journal;
use crate::product::{Product, verify_bank};
use crate::record::{Record, ReleaseTag};
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
}

impl OpenError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotProvisioned => 0x1101,
            Self::OtherMap => 0x1102,
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
    /// It is not newer than what runs here, is on its way here, or failed here.
    NotNewer,
    /// It spent its attempts on this device.
    FailedBefore(Failure),
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
            Self::NotNewer => 0x1111,
            Self::FailedBefore(_) => 0x1112,
            Self::NotConfirmed => 0x1113,
            Self::Flash => 0x1114,
            Self::RunningUnknown => 0x1115,
        }
    }
}

impl core::fmt::Display for AdmitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Verify(error) => core::fmt::Display::fmt(error, f),
            Self::Policy(error) => core::fmt::Display::fmt(error, f),
            Self::NotNewer => f.write_str("the release is not newer than what this device has; pack it with a higher sequence"),
            Self::FailedBefore(failure) => {
                write!(f, "this release failed here before ({failure}); publish a corrected one")
            }
            Self::NotConfirmed => f.write_str("the running image is not confirmed yet; confirm it first"),
            Self::RunningUnknown => f.write_str("the running image's envelope does not verify; reset, and its fallback comes back"),
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

/// What becomes of a release that was offered.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is nowhere else to put it"
)]
pub enum Admission {
    /// It is running.
    UpToDate,
    /// It is staged already: reset.
    AlreadyStaged,
    /// To be staged: poll it.
    Download(Staging),
}

/// The application's handle on the update state. One at a time; open it again after a reset.
pub struct Updater<'a, S, C> {
    pub(crate) product: &'a Product,
    pub(crate) storage: S,
    pub(crate) crypto: C,
    pub(crate) journal: Journal,
}

impl<'a, S: Storage, C: Crypto> Updater<'a, S, C> {
    /// Reads the journal.
    ///
    /// # Errors
    /// [`OpenError`]: there is none of this map.
    pub fn open(product: &'a Product, mut storage: S, crypto: C) -> Result<Self, OpenError> {
        let journal = Journal::open(&mut storage, product.map.id());
        match journal.record() {
            Some(_) if journal.foreign() => Err(OpenError::OtherMap),
            Some(_) => Ok(Self {
                product,
                storage,
                crypto,
                journal,
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

    pub(crate) fn io(&mut self) -> Io<'_, S, C> {
        Io {
            storage: &mut self.storage,
            crypto: &mut self.crypto,
        }
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
        self.journal.settle(&mut self.storage, &record).ok()?;
        Some(Staging::resumed(
            manifest,
            bank,
            record.position,
            self.product,
        ))
    }

    /// Judges an envelope (1024 bytes, from anywhere): both signatures, then whether this device
    /// wants it. If it does, the start is recorded (from here on there is no fallback), and the
    /// envelope is written to the bank that is not in use. A running download is replaced only
    /// by a release of higher sequence.
    ///
    /// # Errors
    /// [`AdmitError`]: nothing was written to a slot.
    pub fn admit(
        &mut self,
        anchors: &TrustAnchors<'_>,
        envelope: &[u8],
    ) -> Result<Admission, AdmitError> {
        let record = self.record();
        let frame = Envelope::parse(envelope).map_err(|error| AdmitError::Verify(error.into()))?;
        let bytes = envelope
            .first_chunk::<ENVELOPE_LEN>()
            .ok_or(AdmitError::Verify(FrameError::WrongLength.into()))?;
        let manifest = frame
            .verify(&mut self.crypto, anchors, record.revoked)
            .map_err(AdmitError::Verify)?;
        let active = self
            .running(&anchors.boot())
            .map(|manifest| ReleaseTag::of(&manifest));
        if active == Some(ReleaseTag::of(&manifest)) {
            return Ok(Admission::UpToDate);
        }
        let bank = record.active.other();
        manifest
            .check(&self.limits(bank, &record))
            .map_err(AdmitError::Policy)?;
        judge_order(&record, active, ReleaseTag::of(&manifest))?;
        if record.state == BootState::Staged && record.candidate == ReleaseTag::of(&manifest) {
            return Ok(Admission::AlreadyStaged);
        }
        self.begin(anchors, &record, manifest, bytes)
            .map(Admission::Download)
    }

    fn limits(&self, bank: Index, record: &Record) -> Limits {
        self.product.limits(
            self.product.running_slot(bank),
            self.product.floor.max(record.floor),
        )
    }

    /// Whether a bank holds this manifest with signatures that are good.
    #[inline(never)] // One kilobyte of stack.
    fn bank_is(
        &mut self,
        bank: Index,
        manifest: &Verified<Distribution>,
        anchors: &TrustAnchors<'_>,
        revoked: u8,
    ) -> bool {
        let mut buffer = [0; ENVELOPE_LEN];
        let stored = verify_bank(&mut self.io(), bank, anchors, revoked, &mut buffer);
        matches!(stored, Some(Ok(stored)) if stored.id() == manifest.id())
    }

    fn begin(
        &mut self,
        anchors: &TrustAnchors<'_>,
        record: &Record,
        manifest: Verified<Distribution>,
        envelope: &[u8; ENVELOPE_LEN],
    ) -> Result<Staging, AdmitError> {
        let transition = step(record.state, BootEvent::DownloadBegun);
        if transition.action == Action::Refuse {
            return Err(AdmitError::NotConfirmed);
        }
        let candidate = ReleaseTag::of(&manifest);
        // A position counts only for the release that it is stored with.
        let running = record.state == BootState::Downloading && record.candidate == candidate;
        let position = if running { record.position } else { 0 };
        let next = Record {
            state: transition.next,
            candidate,
            position,
            ..*record
        };
        self.journal
            .settle(&mut self.storage, &next)
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
                || self.bank_is(bank, &manifest, anchors, record.revoked));
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

    /// Asks the bootloader to take the staged release at the next reset.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn request(&mut self, staged: StagedImage) -> Result<(), RequestError> {
        let record = self.record();
        let transition = step(record.state, BootEvent::UpdateRequested);
        if transition.action == Action::Refuse || record.candidate != staged.release() {
            return Err(RequestError::OtherRelease);
        }
        let next = Record {
            state: transition.next,
            ..record
        };
        self.journal
            .save(&mut self.storage, &next)
            .map_err(|_| RequestError::Flash)
    }

    /// Records how many pieces are acknowledged.
    pub(crate) fn acknowledge(&mut self, position: u32) -> Result<(), RequestError> {
        let next = Record {
            position,
            ..self.record()
        };
        self.journal
            .save(&mut self.storage, &next)
            .map_err(|_| RequestError::Flash)
    }
}

/// The order of releases: above what runs, what failed, and what is on its way, unless it is
/// that. Where it is not known what runs, a release that the floor lets in may be all that helps,
/// unless there is a fallback.
fn judge_order(
    record: &Record,
    active: Option<ReleaseTag>,
    offered: ReleaseTag,
) -> Result<(), AdmitError> {
    if let Some(failure) = record.failure_of(&offered) {
        return Err(AdmitError::FailedBefore(failure));
    }
    if active.is_none() && record.state == BootState::Confirmed(Fallback::Available) {
        return Err(AdmitError::RunningUnknown);
    }
    let on_its_way = match record.state {
        BootState::Downloading | BootState::Staged if record.candidate == offered => None,
        BootState::Downloading | BootState::Staged => Some(record.candidate),
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Reverting(_)
        | BootState::Restoring(..) => None,
    };
    let failed = record.failed.iter().flatten().map(|failed| failed.release);
    let mut known = active.into_iter().chain(on_its_way).chain(failed);
    if known.any(|release| offered.sequence <= release.sequence) {
        return Err(AdmitError::NotNewer);
    }
    Ok(())
}

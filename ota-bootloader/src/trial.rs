//! The application's side of a trial: prove that it is healthy, and say so.

use ota_image::{
    Boot, BootKeys, Crypto, ENVELOPE_LEN, Envelope, TrustAnchors, Verified, VerifyError, Version,
};

use crate::image::Image;
use crate::io::At;
use crate::journal::{JournalWear, KEPT, SAVED, SETTLED};
use crate::product::verify_bank;
use crate::record::Record;
use crate::state::{Action, BootEvent, BootState, Effect, Fallback, step};
use crate::storage::{Index, Region, Storage};
use crate::updater::Updater;

/// What confirming an image came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The lowest security counter that boots from now on. Burn it into the hardware counter, if
    /// there is one.
    pub floor: u32,
    /// Whether the former image can still be gone back to; a raised floor or a revoked key may
    /// have retired it.
    pub fallback: Fallback,
}

/// Why the running image could not be confirmed, or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmError {
    /// There is no trial.
    NotOnTrial,
    /// The running image's own manifest does not verify under these keys: an image that would
    /// refuse its successors must not stay.
    Verify(VerifyError),
    /// The bank or the journal cannot be read or written.
    Flash,
}

impl ConfirmError {
    /// Stable code for telemetry; those of `ota-image` keep theirs.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotOnTrial => 0x1151,
            Self::Verify(error) => error.code(),
            Self::Flash => 0x1152,
        }
    }
}

impl core::fmt::Display for ConfirmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotOnTrial => f.write_str("the running image is not on trial; nothing to do"),
            Self::Verify(error) => {
                write!(
                    f,
                    "the running image does not verify under its own keys ({error}); build it with the right ones"
                )
            }
            Self::Flash => f.write_str("state cannot be read or written; check the flash"),
        }
    }
}

impl core::error::Error for ConfirmError {}

/// What a device tells its fleet about itself.
#[derive(Clone, Debug)]
pub struct HealthReport<'c> {
    /// What the device is in: confirmed, on trial, downloading, ...
    pub state: BootState,
    /// The version that runs; `None` if its manifest cannot be read.
    pub version: Option<Version>,
    /// Starts of this image that were counted since its trial began; 0 after it.
    pub attempts_used: u8,
    /// What last went wrong: a [`Failure`](crate::Failure) code below 256, or the code of an
    /// error. 0: nothing.
    pub last_problem: u16,
    /// Whether the former image can be gone back to.
    pub fallback: Fallback,
    /// The lowest security counter that boots.
    pub floor: u32,
    /// How worn the journal is.
    pub journal: JournalWear,
    /// Updates that were requested since one was last confirmed.
    pub fruitless: u8,
    /// Seconds since the start, from the application.
    pub uptime_s: u32,
    /// Error counters, from the application.
    pub counters: &'c [(&'c str, u32)],
}

impl<S: Storage, C: Crypto> Updater<'_, S, C> {
    /// Ends the trial: the running image stays. Raises the floor to its security counter and
    /// revokes what its manifest revokes. Saying so again is harmless.
    ///
    /// Call it when the health window's checks have all passed, and only then. It hashes the
    /// former image, to know whether it can be gone back to.
    ///
    /// # Errors
    /// [`ConfirmError`]; then the trial goes on, and ends in the former image.
    pub fn confirm(&mut self, anchors: &TrustAnchors<'_>) -> Result<Confirmation, ConfirmError> {
        let record = self.record();
        let BootState::Trial(_) = record.state else {
            return self.confirm_again(&record);
        };
        let (counter, revokes) = self.verify_running(anchors, &record)?;
        let floor = record.floor.max(counter);
        let revoked = record.revoked | revokes;
        let fallback = self.find_fallback(
            &anchors.boot(),
            &Record {
                floor,
                revoked,
                ..record
            },
        );
        let transition = step(record.state, BootEvent::HealthConfirmed(fallback));
        if transition.action == Action::Refuse {
            return Err(ConfirmError::NotOnTrial);
        }
        let mut next = Record {
            state: transition.next,
            ..record
        };
        if transition.effect == Effect::RaiseFloor {
            (next.floor, next.revoked) = (floor, revoked);
            next.fruitless = 0;
        }
        self.journal
            .write(&mut self.storage, &next, SETTLED)
            .map_err(|_| ConfirmError::Flash)?;
        Ok(Confirmation {
            floor: self.floor(),
            fallback,
        })
    }

    /// The image is confirmed already, but a cut may have left the record that says so to fade: it
    /// is made firm. A floor above the product's own may be about to be burned: for that no copy is
    /// believed that was only found.
    fn confirm_again(&mut self, record: &Record) -> Result<Confirmation, ConfirmError> {
        let transition = step(record.state, BootEvent::HealthConfirmed(Fallback::Gone));
        if transition.action == Action::Refuse {
            return Err(ConfirmError::NotOnTrial);
        }
        let made_firm = if record.floor > self.product.floor {
            self.journal.write(&mut self.storage, record, SETTLED)
        } else {
            self.journal.write(&mut self.storage, record, KEPT)
        };
        made_firm.map_err(|_| ConfirmError::Flash)?;
        Ok(Confirmation {
            floor: self.floor(),
            fallback: fallback_of(record),
        })
    }

    #[inline(never)] // One kilobyte of stack.
    fn verify_running(
        &mut self,
        anchors: &TrustAnchors<'_>,
        record: &Record,
    ) -> Result<(u32, u8), ConfirmError> {
        let mut buffer = [0; ENVELOPE_LEN];
        let manifest = verify_bank(
            &mut self.io(),
            record.active,
            anchors,
            record.revoked,
            &mut buffer,
        )
        .ok_or(ConfirmError::Flash)?
        .map_err(ConfirmError::Verify)?;
        Ok((manifest.security_counter, manifest.revoked_boot_keys))
    }

    pub(crate) fn find_fallback(&mut self, keys: &BootKeys<'_>, record: &Record) -> Fallback {
        let bank = record.active.other();
        let at = self.product.former_at(bank);
        let floor = self.product.floor.max(record.floor);
        match self.load(keys, bank, record.revoked) {
            Some(former) if former.security_counter >= floor => {
                let whole = Image::new(former, bank).is_whole(&mut self.io(), at);
                if whole {
                    Fallback::Available
                } else {
                    Fallback::Gone
                }
            }
            _ => Fallback::Gone,
        }
    }

    /// The manifest of a bank, its boot signature checked.
    #[inline(never)] // One kilobyte of stack.
    pub(crate) fn load(
        &mut self,
        keys: &BootKeys<'_>,
        bank: Index,
        revoked: u8,
    ) -> Option<Verified<Boot>> {
        let mut bytes = [0; ENVELOPE_LEN];
        let mut io = self.io();
        io.read_envelope(
            At {
                region: Region::Bank(bank),
                offset: 0,
            },
            &mut bytes,
        )
        .ok()?;
        Envelope::parse(&bytes)
            .ok()?
            .verify_boot(io.crypto, keys, revoked)
            .ok()
    }

    /// The manifest of the running image, its boot signature checked.
    pub fn running(&mut self, keys: &BootKeys<'_>) -> Option<Verified<Boot>> {
        let active = self.record().active;
        self.load(keys, active, 0)
    }

    /// Ends this start of a trial as unhealthy: reset afterwards. When the attempts are spent,
    /// the former image comes back.
    ///
    /// # Errors
    /// [`ConfirmError::NotOnTrial`], or the journal cannot be written.
    pub fn give_up(&mut self) -> Result<(), ConfirmError> {
        let record = self.record();
        let transition = step(record.state, BootEvent::HealthDenied);
        if transition.action == Action::Refuse {
            return Err(ConfirmError::NotOnTrial);
        }
        let next = Record {
            state: transition.next,
            ..record
        };
        self.journal
            .write(&mut self.storage, &next, SAVED)
            .map_err(|_| ConfirmError::Flash)
    }

    /// What the fleet wants to know. `uptime_s` and `counters` are the application's.
    pub fn health<'c>(
        &mut self,
        keys: &BootKeys<'_>,
        uptime_s: u32,
        counters: &'c [(&'c str, u32)],
    ) -> HealthReport<'c> {
        let record = self.record();
        let attempts_used = match record.state {
            BootState::Trial(trial) => self
                .product
                .trial
                .attempts
                .max(1)
                .saturating_sub(trial.attempts_left),
            BootState::Unknown
            | BootState::Confirmed(_)
            | BootState::Downloading
            | BootState::Staged
            | BootState::Swapping
            | BootState::Reverting(_)
            | BootState::Restoring(..) => 0,
        };
        HealthReport {
            state: record.state,
            version: self.running(keys).map(|manifest| manifest.version),
            attempts_used,
            last_problem: record.last_problem,
            fallback: fallback_of(&record),
            floor: self.floor(),
            journal: self.journal.wear(),
            fruitless: record.fruitless,
            uptime_s,
            counters,
        }
    }
}

const fn fallback_of(record: &Record) -> Fallback {
    match record.state {
        BootState::Confirmed(fallback) => fallback,
        BootState::Trial(_) => Fallback::Available,
        BootState::Unknown
        | BootState::Downloading
        | BootState::Staged
        | BootState::Swapping
        | BootState::Reverting(_)
        | BootState::Restoring(..) => Fallback::Gone,
    }
}

/// What a health window says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Checks are missing, and there is time: milliseconds left.
    Waiting(u32),
    /// All checks passed in time: [`Updater::confirm`].
    Healthy,
    /// The window closed without this check: [`Updater::give_up`], then reset.
    Unhealthy(&'static str),
}

/// Named checks that must all pass inside a window. Time is a parameter: milliseconds since any
/// fixed moment.
///
/// Feed the watchdog from the main loop, and only while [`may_feed`](Self::may_feed) says so:
/// then firmware that hangs, and firmware that never gets healthy, are both reset.
#[derive(Clone, Debug)]
pub struct HealthWindow<const N: usize> {
    checks: [(&'static str, bool); N],
    closes_ms: u64,
}

impl<const N: usize> HealthWindow<N> {
    /// Opens a window of `window_ms` (the mission's range is 60,000 to 300,000) at `now_ms`.
    #[must_use]
    pub fn open(checks: [&'static str; N], now_ms: u64, window_ms: u32) -> Self {
        Self {
            checks: checks.map(|name| (name, false)),
            closes_ms: now_ms.saturating_add(u64::from(window_ms)),
        }
    }

    /// A check passed at `now_ms`. `false`: there is no such check, or the window has closed.
    pub fn pass(&mut self, check: &str, now_ms: u64) -> bool {
        if now_ms >= self.closes_ms {
            return false;
        }
        match self.checks.iter_mut().find(|(name, _)| *name == check) {
            Some((_, passed)) => {
                *passed = true;
                true
            }
            None => false,
        }
    }

    /// What the window says at `now_ms`.
    #[must_use]
    pub fn verdict(&self, now_ms: u64) -> Verdict {
        match self.checks.iter().find(|(_, passed)| !passed) {
            None => Verdict::Healthy,
            Some((missing, _)) if now_ms >= self.closes_ms => Verdict::Unhealthy(missing),
            Some(_) => Verdict::Waiting(u32::try_from(self.closes_ms - now_ms).unwrap_or(u32::MAX)),
        }
    }

    /// Whether the watchdog may be fed: all checks passed, or there is time left.
    #[must_use]
    pub fn may_feed(&self, now_ms: u64) -> bool {
        !matches!(self.verdict(now_ms), Verdict::Unhealthy(_))
    }
}

//! The boot decision: reads, asks the state machine, performs, persists, until there is an image
//! to jump to.

use ota_image::{Boot, BootKeys, Crypto, ENVELOPE_LEN, Envelope, VerifyError};

use crate::image::Image;
use crate::io::{At, Bad, Io};
use crate::journal::{Journal, KEPT, SAVED, SETTLED};
use crate::map::Strategy;
use crate::product::Product;
use crate::record::{Reason, Record, ReleaseTag};
use crate::state::{Action, BootEvent, BootState, Effect, ResetCause, Which, crash, step};
use crate::storage::{Index, Region, Storage};
use crate::swap::{Direction, Exchange};

/// More transitions than any boot takes; a flash that fails under our hands ends in recovery.
const MOST_TRANSITIONS: u32 = 16;

/// The image to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The slot it lies in.
    pub slot: Index,
    /// The address it is linked for.
    pub load_address: u32,
    /// It is on trial: arm the watchdog before the jump.
    pub trial: bool,
}

/// Why no image can be booted. Each has a stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// No image passes its checks, nor can one be put together. The code says what was wrong
    /// with the active one.
    NoImage(Refusal),
}

impl Recovery {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NoImage(refusal) => refusal.code(),
        }
    }
}

impl core::fmt::Display for Recovery {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoImage(refusal) => write!(
                f,
                "no bootable image ({refusal}); write a signed one over the debug port"
            ),
        }
    }
}

/// Why an image may not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bank cannot be read.
    Unreadable,
    /// The envelope does not verify.
    Envelope(VerifyError),
    /// It is authentic, but not for this device or not any more.
    Policy(ota_image::PolicyError),
    /// It is not the release that was requested.
    OtherRelease,
    /// The image's SHA-256 is not that of the manifest.
    Image,
    /// The images cannot change places: flash does not hold what the digest tables say.
    Exchange,
}

impl Refusal {
    /// Stable code for telemetry; those of `ota-image` keep theirs.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Unreadable => 0x1001,
            Self::Envelope(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::OtherRelease => 0x1002,
            Self::Image => 0x1003,
            Self::Exchange => 0x1004,
        }
    }
}

impl Refusal {
    /// Whether the reason lies in the release, so that the same one would be refused again; and
    /// not in what the flash has made of it.
    const fn is_of_release(self) -> bool {
        matches!(self, Self::Envelope(_) | Self::Policy(_))
    }

    /// Whether nothing was found that an image could be judged by.
    pub(crate) const fn is_of_blank(self) -> bool {
        matches!(
            self,
            Self::Unreadable | Self::Envelope(VerifyError::Frame(_))
        )
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unreadable => f.write_str("the manifest bank cannot be read"),
            Self::Envelope(error) => core::fmt::Display::fmt(error, f),
            Self::Policy(error) => core::fmt::Display::fmt(error, f),
            Self::OtherRelease => {
                f.write_str("the staged release is not the one that was requested")
            }
            Self::Image => f.write_str("the image does not have the SHA-256 of its manifest"),
            Self::Exchange => f.write_str("the slots do not hold what the digest tables say"),
        }
    }
}

impl core::error::Error for Refusal {}

/// What to do after [`Bootloader::boot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Jump.
    Boot(Start),
    /// Nothing can be booted: offer another way in (serial, USB), or wait.
    Recovery(Recovery),
}

/// The bootloader: owns nothing but what it is lent for one boot.
pub struct Bootloader<'a, S, C> {
    pub(crate) product: &'a Product,
    keys: BootKeys<'a>,
    storage: S,
    crypto: C,
    pub(crate) journal: Journal,
    pub(crate) record: Record,
    pub(crate) refusal: Refusal,
    /// A start of a trial could not be recorded in this boot.
    unrecorded: bool,
}

impl<'a, S: Storage, C: Crypto> Bootloader<'a, S, C> {
    /// Reads the journal.
    pub fn new(product: &'a Product, keys: BootKeys<'a>, mut storage: S, crypto: C) -> Self {
        let journal = Journal::open(&mut storage, product.map.id());
        let record = journal.record().copied().unwrap_or(Record::unknown());
        Self {
            product,
            keys,
            storage,
            crypto,
            journal,
            record,
            refusal: Refusal::Unreadable,
            unrecorded: false,
        }
    }

    /// The state as it is known.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Decides what to boot, and does what has to be done before. Restartable: it may be cut off
    /// at any flash operation and called again after the next reset.
    ///
    /// An ordinary boot reads the journal, the active manifest and the active image, and writes
    /// nothing.
    pub fn boot(&mut self, cause: ResetCause) -> Decision {
        if self.journal.silent() {
            return self.boot_without_journal();
        }
        self.journal.expel_foreign(&mut self.storage);
        let began = self.record.state;
        let mut event = self.awake(cause);
        for _ in 0..MOST_TRANSITIONS {
            let transition = step(self.record.state, event);
            self.record.state = transition.next;
            self.apply(transition.effect);
            event = match transition.action {
                Action::VerifyActive => self.verify_active(),
                Action::VerifyStaged => self.verify_staged(),
                Action::FindRescue => self.find_rescue(),
                Action::Swap | Action::Revert | Action::Restore => {
                    // Slots will be erased on the strength of this record. Away from an image
                    // that was not confirmed is a way that can be gone again without it.
                    let settled = self.journal.write(&mut self.storage, &self.record, SETTLED);
                    let needed = match transition.action {
                        Action::Swap => true,
                        Action::Revert => matches!(began, BootState::Confirmed(_)),
                        _ => false,
                    };
                    if settled.is_err() && needed {
                        BootEvent::Unrecorded
                    } else {
                        self.perform(transition.action, began)
                    }
                }
                Action::Boot => match self.start() {
                    Some(start) => return Decision::Boot(start),
                    None => BootEvent::Unrecorded,
                },
                Action::Recover | Action::Refuse | Action::Continue => break,
            };
        }
        Decision::Recovery(Recovery::NoImage(self.refusal))
    }

    /// What the reset means. Resets of a confirmed image are counted if the product wants it.
    fn awake(&mut self, cause: ResetCause) -> BootEvent {
        let limit = self.product.trial.crashes;
        if limit > 0
            && let Some(failure) = crash(self.record.state, cause)
        {
            self.record.crashes = self.record.crashes.saturating_add(1).min(limit);
            if self.record.crashes == limit && self.former_is_whole() {
                return BootEvent::Relapsed(failure);
            }
        }
        BootEvent::PowerUp(cause)
    }

    fn former_is_whole(&mut self) -> bool {
        let bank = self.record.active.other();
        self.check_installed(bank, self.product.former_at(bank))
            .is_ok()
    }

    /// The flash of the journal does not answer, which may pass. Until then nothing is written,
    /// and what boots is an image that lies whole in its place; of two the one with the lower
    /// sequence, which was confirmed for certain.
    fn boot_without_journal(&mut self) -> Decision {
        match self.find_rescue() {
            BootEvent::RescueFound(which, _) => {
                Decision::Boot(self.start_of(self.bank_of(which), false))
            }
            _ => Decision::Recovery(Recovery::NoImage(self.refusal)),
        }
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            // The floor rises in the application, at confirmation.
            Effect::None | Effect::RaiseFloor => {}
            Effect::Activate => self.record.active = self.record.active.other(),
            Effect::ActivateAndBlame(failure) => {
                self.record.active = self.record.active.other();
                self.record.crashes = 0;
                self.record.blame(Reason::Failed(failure));
            }
            Effect::NoteRefusal | Effect::BlameRefused => {
                let code = self.refusal.code();
                self.record.last_problem = code;
                if effect == Effect::BlameRefused && self.refusal.is_of_release() {
                    self.record.blame(Reason::Refused(code));
                }
            }
            Effect::NoteFailure(failure) => self.record.last_problem = u16::from(failure.code()),
        }
    }

    /// Persists, then hands over: an attempt is on record before the jump. An image that is not
    /// on trial needs no record; with a journal that takes none it boots all the same.
    ///
    /// `None`: the attempt cannot be recorded. The second time in a boot there is no other image
    /// left, and this one starts uncounted.
    fn start(&mut self) -> Option<Start> {
        let trial = matches!(self.record.state, BootState::Trial(_));
        let how = match self.record.state {
            BootState::Trial(_) => SETTLED,
            BootState::Confirmed(_) => KEPT,
            _ => SAVED,
        };
        let saved = self.journal.write(&mut self.storage, &self.record, how);
        if saved.is_err() && trial && !core::mem::replace(&mut self.unrecorded, true) {
            return None;
        }
        Some(self.start_of(self.record.active, trial))
    }

    const fn start_of(&self, bank: Index, trial: bool) -> Start {
        let slot = self.product.running_slot(bank);
        Start {
            slot,
            load_address: slot.of(&self.product.load_addresses),
            trial,
        }
    }

    pub(crate) fn io(&mut self) -> Io<'_, S, C> {
        Io::new(&mut self.storage, &mut self.crypto)
    }

    fn floor(&self) -> u32 {
        self.product.floor.max(self.record.floor)
    }

    /// Reads and verifies a bank.
    #[inline(never)] // One kilobyte of stack, given back before anything is hashed.
    pub(crate) fn load(&mut self, bank: Index) -> Result<Image<Boot>, Refusal> {
        let (keys, revoked) = (self.keys, self.record.revoked);
        let mut bytes = [0; ENVELOPE_LEN];
        let mut io = self.io();
        io.read_envelope(
            At {
                region: Region::Bank(bank),
                offset: 0,
            },
            &mut bytes,
        )
        .map_err(|Bad| Refusal::Unreadable)?;
        let envelope = Envelope::parse(&bytes).map_err(|error| Refusal::Envelope(error.into()))?;
        let manifest = envelope
            .verify_boot(io.crypto, &keys, revoked)
            .map_err(Refusal::Envelope)?;
        Ok(Image::new(manifest, bank))
    }

    /// Loads a bank whose image was installed: the distance of its counter to the floor was
    /// judged when it was staged, and is not judged again (a lost journal lowers the floor).
    pub(crate) fn load_installed(&mut self, bank: Index) -> Result<Image<Boot>, Refusal> {
        let image = self.load(bank)?;
        let near = image
            .manifest
            .security_counter
            .saturating_sub(ota_image::MAX_COUNTER_STEP);
        let limits = self
            .product
            .limits(self.product.running_slot(bank), self.floor().max(near));
        image.manifest.check(&limits).map_err(Refusal::Policy)?;
        Ok(image)
    }

    fn verify_active(&mut self) -> BootEvent {
        let bank = self.record.active;
        let at = self.product.active_at(bank);
        match self
            .check_installed(bank, at)
            .or_else(|_| self.check_installed(bank, at))
        {
            Ok(()) => BootEvent::ActiveVerified,
            Err(refusal) => {
                self.refusal = refusal;
                BootEvent::ActiveBad
            }
        }
    }

    /// Whether an image that was installed may run, and lies whole at `at`.
    fn check_installed(&mut self, bank: Index, at: At) -> Result<(), Refusal> {
        let image = self.load_installed(bank)?;
        if image.is_whole(&mut self.io(), at) {
            Ok(())
        } else {
            Err(Refusal::Image)
        }
    }

    fn verify_staged(&mut self) -> BootEvent {
        // A bit may have been read wrong: nobody is refused, nor blamed, for one look.
        match self.check_staged().or_else(|_| self.check_staged()) {
            Ok(()) => BootEvent::StagedVerified,
            Err(refusal) => {
                self.refusal = refusal;
                BootEvent::StagedRefused
            }
        }
    }

    /// The same checks that the client made, by the one who has to live with the result.
    #[inline(never)] // Once is enough.
    fn check_staged(&mut self) -> Result<(), Refusal> {
        let bank = self.record.active.other();
        let image = self.load(bank)?;
        if ReleaseTag::of(&image.manifest) != self.record.candidate {
            return Err(Refusal::OtherRelease);
        }
        let limits = self
            .product
            .limits(self.product.running_slot(bank), self.floor());
        image.manifest.check(&limits).map_err(Refusal::Policy)?;
        let at = self.product.staged_at(bank);
        if image.is_whole(&mut self.io(), at) {
            Ok(())
        } else {
            Err(Refusal::Image)
        }
    }

    fn perform(&mut self, action: Action, began: BootState) -> BootEvent {
        let (result, done) = match (action, self.record.state) {
            (Action::Swap, _) => (
                self.exchange(Direction::Forward, began),
                BootEvent::SwapDone(self.product.trial),
            ),
            (Action::Revert, _) => (
                self.exchange(Direction::Backward, began),
                BootEvent::RevertDone,
            ),
            (_, BootState::Restoring(which, _)) => (
                self.restore(self.bank_of(which), began),
                BootEvent::RestoreDone,
            ),
            _ => (Err(Bad), BootEvent::Stuck),
        };
        match result {
            Ok(()) => done,
            Err(Bad) => {
                self.refusal = Refusal::Exchange;
                BootEvent::Stuck
            }
        }
    }

    /// Forward, the other bank's image enters; backward, the active bank's.
    fn exchange(&mut self, direction: Direction, began: BootState) -> Result<(), Bad> {
        if self.product.map.strategy() == Strategy::Ab {
            // Nothing moves. But what is not whole does not come back: there may be another image.
            return match direction {
                Direction::Backward if self.verify_active() == BootEvent::ActiveBad => Err(Bad),
                Direction::Forward | Direction::Backward => Ok(()),
            };
        }
        let (leaving, entering) = match direction {
            Direction::Forward => (self.record.active, self.record.active.other()),
            Direction::Backward => (self.record.active.other(), self.record.active),
        };
        // A leaving image that may not run any more is saved all the same.
        let mut leaving = self.load(leaving).map_err(|_| Bad)?;
        let mut entering = self.load(entering).map_err(|_| Bad)?;
        let map = self.product.map;
        let mut exchange = Exchange::new(&mut leaving, &mut entering, direction, &map);
        let mut io = self.io();
        let undisturbed = matches!(
            began,
            BootState::Staged | BootState::Trial(_) | BootState::Confirmed(_)
        );
        exchange.run(&mut io, undisturbed)
    }

    pub(crate) const fn bank_of(&self, which: Which) -> Index {
        match which {
            Which::Active => self.record.active,
            Which::Other => self.record.active.other(),
        }
    }
}

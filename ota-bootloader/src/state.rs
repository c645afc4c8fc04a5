//! The state machine: the only place that decides.
//!
//! [`step`] is a pure function of what the device is in and what happened. It reads and writes
//! nothing. Bootloader, application side and client all perform what it says, in this order:
//! persist the next state with its effect, then act.

/// Whether the image before this one can be gone back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// It is whole in the staging slot, and was confirmed once.
    Available,
    /// There is none.
    Gone,
}

/// Where a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The image has not been started since the last accounting.
    Pending,
    /// It was started, and has not reported.
    Running,
    /// It reported that it is not healthy.
    GaveUp,
}

/// A trial: an image that still has to prove itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialState {
    /// Starts that remain.
    pub attempts_left: u8,
    /// Power failures during a start that remain without costing an attempt.
    pub interruptions_left: u8,
    /// What the last start came to.
    pub phase: Phase,
}

/// How an image failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The firmware reset itself, or faulted.
    Crash,
    /// The watchdog reset it.
    Watchdog,
    /// It reported that it is not healthy.
    GaveUp,
    /// The power failed more often than is allowed for.
    Interrupted,
    /// The cause of the reset is not known.
    Unknown,
    /// The application asked for the former image, though this one was confirmed.
    Reverted,
}

impl Failure {
    /// All, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::Crash,
        Self::Watchdog,
        Self::GaveUp,
        Self::Interrupted,
        Self::Unknown,
        Self::Reverted,
    ];

    /// Stable code for telemetry, never 0.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Crash => 1,
            Self::Watchdog => 2,
            Self::GaveUp => 3,
            Self::Interrupted => 4,
            Self::Unknown => 5,
            Self::Reverted => 6,
        }
    }

    /// The failure of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.code() == code)
    }
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Crash => "crash",
            Self::Watchdog => "watchdog",
            Self::GaveUp => "gave-up",
            Self::Interrupted => "interrupted",
            Self::Unknown => "unknown",
            Self::Reverted => "reverted",
        })
    }
}

/// Why images change places back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The trial spent its attempts.
    Failed,
    /// The way forward was given up: the swap or the journal could not go on. The release is not
    /// blamed.
    Abandoned,
    /// A confirmed image is left, by the application's wish or because it crashed again and again.
    Left,
}

/// What a rebuilt image starts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// It was confirmed before, or nothing is known of it.
    Confirmed,
    /// It was never confirmed, and has these attempts.
    Trial(TrialState),
}

/// Which of the two images, seen from the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The image of the active bank.
    Active,
    /// The image of the other bank.
    Other,
}

/// What the device is in. Stored in every journal record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootState {
    /// The journal has no valid record: a new device, or a lost journal.
    Unknown,
    /// The active image has proved itself.
    Confirmed(Fallback),
    /// As `Confirmed(Gone)`, and a release is being written to staging.
    Downloading,
    /// A whole release is in staging, and the application asked for it.
    Staged,
    /// Forward: the images change places.
    Swapping,
    /// The active image is on trial.
    Trial(TrialState),
    /// Backward: the images change places again.
    Reverting(Cause),
    /// The active image was found bad, and one is put together from what both slots hold.
    Restoring(Which, Rebuilt),
}

/// Why the processor came out of reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetCause {
    /// Power-on or brown-out: says nothing about the firmware.
    Power,
    /// The watchdog.
    Watchdog,
    /// Software asked for it: a panic handler, a fault handler, a deliberate reset.
    Software,
    /// Anything else, or not to be known on this chip.
    Unknown,
}

/// The bounds of a trial, and of what comes after it. `Default`: 3 attempts, 3 interruptions, and
/// a confirmed image is not left by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialLimits {
    /// Starts before the previous image comes back; 0 counts as 1.
    pub attempts: u8,
    /// Power failures during a start that cost no attempt.
    pub interruptions: u8,
    /// Watchdog and software resets in a row after which a confirmed image is left for the former
    /// one, if that is whole and above the floor. Each
    /// [`Updater::alive`](crate::Updater::alive) begins the count anew. 0: never.
    pub crashes: u8,
}

impl Default for TrialLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TrialLimits {
    /// What suits most products.
    pub const DEFAULT: Self = Self {
        attempts: 3,
        interruptions: 3,
        crashes: 0,
    };

    const fn start(self) -> TrialState {
        TrialState {
            attempts_left: if self.attempts == 0 { 1 } else { self.attempts },
            interruptions_left: self.interruptions,
            phase: Phase::Pending,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootEvent {
    /// Application: a release was admitted, and is about to be written.
    DownloadBegun,
    /// Application: the release is whole, and the application wants it.
    UpdateRequested,
    /// Application: the release on its way, or staged, is not wanted any more.
    UpdateCancelled,
    /// Application: the confirmed image is to be left for the former one, which is whole.
    RevertRequested,
    /// Application: the running image is healthy.
    HealthConfirmed(Fallback),
    /// Application: the running image is not healthy.
    HealthDenied,
    /// Bootloader: the processor came out of reset.
    PowerUp(ResetCause),
    /// Bootloader: the processor came out of reset, the confirmed image has now crashed too often
    /// in a row, and the former one is whole.
    Relapsed(Failure),
    /// Bootloader: the journal does not take the record that the next action needs.
    Unrecorded,
    /// Bootloader: the staged release passed every check.
    StagedVerified,
    /// Bootloader: the staged release did not.
    StagedRefused,
    /// Bootloader: the images have changed places.
    SwapDone(TrialLimits),
    /// Bootloader: the images have changed places back.
    RevertDone,
    /// Bootloader: no way on in this direction; the flash does not hold what it must.
    Stuck,
    /// Bootloader: the active image passed every check.
    ActiveVerified,
    /// Bootloader: the active image did not.
    ActiveBad,
    /// Bootloader: this image can be put together.
    RescueFound(Which, TrialLimits),
    /// Bootloader: no image can be.
    RescueNone,
    /// Bootloader: it has been put together.
    RestoreDone,
}

/// What to do after the next state is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the application goes on.
    Continue,
    /// The event does not belong in this state. Nothing changes.
    Refuse,
    /// Check the staged release, then `StagedVerified` or `StagedRefused`.
    VerifyStaged,
    /// Swap forward, then `SwapDone` or `Stuck`.
    Swap,
    /// Swap back, then `RevertDone` or `Stuck`.
    Revert,
    /// Check the active image, then `ActiveVerified` or `ActiveBad`.
    VerifyActive,
    /// See which image can be put together, then `RescueFound` or `RescueNone`.
    FindRescue,
    /// Put it together, then `RestoreDone` or `Stuck`.
    Restore,
    /// Jump to the active image.
    Boot,
    /// Nothing can be booted.
    Recover,
}

/// What else changes in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The other bank becomes the active one.
    Activate,
    /// The other bank becomes the active one, and the release that failed is remembered with
    /// this reason.
    ActivateAndBlame(Failure),
    /// The reason why the images could not change places is recorded.
    NoteRefusal,
    /// The reason why a staged release was not taken is recorded, and the release remembered with
    /// it if the reason lies in the release.
    BlameRefused,
    /// Floor and revoked keys rise to those of the active image.
    RaiseFloor,
    /// What failed in the last attempt is recorded.
    NoteFailure(Failure),
}

/// One transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state to be in.
    pub next: BootState,
    /// What changes with it.
    pub effect: Effect,
    /// What to do then.
    pub action: Action,
}

const fn to(next: BootState, effect: Effect, action: Action) -> Transition {
    Transition {
        next,
        effect,
        action,
    }
}

/// How a confirmed image failed, if a reset is to be counted against it.
#[must_use]
pub(crate) const fn crash(state: BootState, cause: ResetCause) -> Option<Failure> {
    match (state, cause) {
        (BootState::Confirmed(Fallback::Available), ResetCause::Watchdog) => {
            Some(Failure::Watchdog)
        }
        (BootState::Confirmed(Fallback::Available), ResetCause::Software) => Some(Failure::Crash),
        _ => None,
    }
}

/// The state machine. Total: an event that does not belong is refused and changes nothing.
#[must_use]
pub const fn step(state: BootState, event: BootEvent) -> Transition {
    match event {
        BootEvent::DownloadBegun => download_begun(state),
        BootEvent::UpdateRequested => update_requested(state),
        BootEvent::UpdateCancelled => update_cancelled(state),
        BootEvent::RevertRequested => leave(state, Failure::Reverted, Action::Continue),
        BootEvent::Relapsed(failure) => leave(state, failure, Action::Revert),
        BootEvent::Unrecorded => unrecorded(state),
        BootEvent::HealthConfirmed(fallback) => health_confirmed(state, fallback),
        BootEvent::HealthDenied => health_denied(state),
        BootEvent::PowerUp(cause) => power_up(state, cause),
        BootEvent::StagedVerified => staged(state, BootState::Swapping, Effect::None, Action::Swap),
        BootEvent::StagedRefused => staged(
            state,
            BootState::Confirmed(Fallback::Gone),
            Effect::BlameRefused,
            Action::VerifyActive,
        ),
        BootEvent::SwapDone(limits) => swap_done(state, limits),
        BootEvent::RevertDone => revert_done(state),
        BootEvent::Stuck => stuck(state),
        BootEvent::ActiveVerified => active_verified(state),
        BootEvent::ActiveBad => active_bad(state),
        BootEvent::RescueFound(which, limits) => rescue_found(state, which, limits),
        BootEvent::RescueNone => to(state, Effect::None, Action::Recover),
        BootEvent::RestoreDone => restore_done(state),
    }
}

const fn refuse(state: BootState) -> Transition {
    to(state, Effect::None, Action::Refuse)
}

const fn download_begun(state: BootState) -> Transition {
    match state {
        BootState::Confirmed(_) | BootState::Downloading | BootState::Staged => {
            to(BootState::Downloading, Effect::None, Action::Continue)
        }
        BootState::Unknown
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn update_requested(state: BootState) -> Transition {
    match state {
        BootState::Downloading | BootState::Staged => {
            to(BootState::Staged, Effect::None, Action::Continue)
        }
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn update_cancelled(state: BootState) -> Transition {
    match state {
        BootState::Downloading | BootState::Staged => to(
            BootState::Confirmed(Fallback::Gone),
            Effect::None,
            Action::Continue,
        ),
        // There is nothing to cancel.
        BootState::Confirmed(_) => to(state, Effect::None, Action::Continue),
        BootState::Unknown
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

/// A confirmed image is left for the former one.
const fn leave(state: BootState, failure: Failure, action: Action) -> Transition {
    match state {
        BootState::Confirmed(Fallback::Available) => to(
            BootState::Reverting(Cause::Left),
            Effect::ActivateAndBlame(failure),
            action,
        ),
        BootState::Unknown
        | BootState::Confirmed(Fallback::Gone)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

/// A worn journal costs the update, never the confirmed image.
const fn unrecorded(state: BootState) -> Transition {
    match state {
        BootState::Swapping => to(
            BootState::Confirmed(Fallback::Gone),
            Effect::None,
            Action::VerifyActive,
        ),
        // Nor is the confirmed image left without a record of it.
        BootState::Reverting(Cause::Left) => to(
            BootState::Confirmed(Fallback::Available),
            Effect::Activate,
            Action::VerifyActive,
        ),
        // A start that cannot be counted is not made.
        BootState::Trial(_) => to(
            BootState::Reverting(Cause::Abandoned),
            Effect::Activate,
            Action::Revert,
        ),
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Reverting(Cause::Failed | Cause::Abandoned)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn health_confirmed(state: BootState, fallback: Fallback) -> Transition {
    match state {
        BootState::Trial(TrialState {
            phase: Phase::Running,
            ..
        }) => to(
            BootState::Confirmed(fallback),
            Effect::RaiseFloor,
            Action::Continue,
        ),
        // Saying so twice is harmless.
        BootState::Confirmed(_) | BootState::Downloading | BootState::Staged => {
            to(state, Effect::None, Action::Continue)
        }
        BootState::Unknown
        | BootState::Swapping
        | BootState::Trial(TrialState {
            phase: Phase::Pending | Phase::GaveUp,
            ..
        })
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn health_denied(state: BootState) -> Transition {
    match state {
        BootState::Trial(trial) => match trial.phase {
            Phase::Running | Phase::GaveUp => {
                let trial = TrialState {
                    phase: Phase::GaveUp,
                    ..trial
                };
                to(BootState::Trial(trial), Effect::None, Action::Continue)
            }
            Phase::Pending => refuse(state),
        },
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Swapping
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn power_up(state: BootState, cause: ResetCause) -> Transition {
    match state {
        BootState::Unknown => to(state, Effect::None, Action::FindRescue),
        BootState::Confirmed(_) | BootState::Downloading => {
            to(state, Effect::None, Action::VerifyActive)
        }
        BootState::Staged => to(state, Effect::None, Action::VerifyStaged),
        BootState::Swapping => to(state, Effect::None, Action::Swap),
        BootState::Trial(trial) => account(trial, cause),
        BootState::Reverting(_) => to(state, Effect::None, Action::Revert),
        BootState::Restoring(..) => to(state, Effect::None, Action::Restore),
    }
}

/// What the last start of a trial came to.
const fn account(trial: TrialState, cause: ResetCause) -> Transition {
    let failure = match (trial.phase, cause) {
        (Phase::Pending, _) => {
            return to(BootState::Trial(trial), Effect::None, Action::VerifyActive);
        }
        (Phase::GaveUp, _) => Failure::GaveUp,
        (Phase::Running, ResetCause::Power) => {
            if trial.interruptions_left > 0 {
                // The user pulled the plug: the attempt is given back.
                let again = TrialState {
                    attempts_left: trial.attempts_left.saturating_add(1),
                    interruptions_left: trial.interruptions_left - 1,
                    phase: Phase::Pending,
                };
                return to(
                    BootState::Trial(again),
                    Effect::NoteFailure(Failure::Interrupted),
                    Action::VerifyActive,
                );
            }
            Failure::Interrupted
        }
        (Phase::Running, ResetCause::Watchdog) => Failure::Watchdog,
        (Phase::Running, ResetCause::Software) => Failure::Crash,
        (Phase::Running, ResetCause::Unknown) => Failure::Unknown,
    };
    if trial.attempts_left == 0 {
        return to(
            BootState::Reverting(Cause::Failed),
            Effect::ActivateAndBlame(failure),
            Action::Revert,
        );
    }
    let again = TrialState {
        phase: Phase::Pending,
        ..trial
    };
    to(
        BootState::Trial(again),
        Effect::NoteFailure(failure),
        Action::VerifyActive,
    )
}

const fn staged(state: BootState, next: BootState, effect: Effect, action: Action) -> Transition {
    match state {
        BootState::Staged => to(next, effect, action),
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn swap_done(state: BootState, limits: TrialLimits) -> Transition {
    match state {
        BootState::Swapping => to(
            BootState::Trial(limits.start()),
            Effect::Activate,
            Action::VerifyActive,
        ),
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Trial(_)
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn revert_done(state: BootState) -> Transition {
    match state {
        // What staging holds now has failed or is damaged: it is no fallback.
        BootState::Reverting(_) => to(
            BootState::Confirmed(Fallback::Gone),
            Effect::None,
            Action::VerifyActive,
        ),
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn stuck(state: BootState) -> Transition {
    match state {
        BootState::Swapping => to(
            BootState::Reverting(Cause::Abandoned),
            Effect::NoteRefusal,
            Action::Revert,
        ),
        BootState::Reverting(_) | BootState::Restoring(..) => {
            to(state, Effect::None, Action::FindRescue)
        }
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Trial(_) => refuse(state),
    }
}

const fn active_verified(state: BootState) -> Transition {
    match state {
        BootState::Confirmed(_) | BootState::Downloading => to(state, Effect::None, Action::Boot),
        BootState::Trial(trial) => match trial.phase {
            Phase::Pending => {
                // Recorded before the jump: a start that never reports has been counted.
                let running = TrialState {
                    attempts_left: trial.attempts_left.saturating_sub(1),
                    interruptions_left: trial.interruptions_left,
                    phase: Phase::Running,
                };
                to(BootState::Trial(running), Effect::None, Action::Boot)
            }
            Phase::Running | Phase::GaveUp => refuse(state),
        },
        BootState::Unknown
        | BootState::Staged
        | BootState::Swapping
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

const fn active_bad(state: BootState) -> Transition {
    match state {
        BootState::Confirmed(_) | BootState::Downloading | BootState::Trial(_) => {
            to(state, Effect::None, Action::FindRescue)
        }
        BootState::Unknown
        | BootState::Staged
        | BootState::Swapping
        | BootState::Reverting(_)
        | BootState::Restoring(..) => refuse(state),
    }
}

/// The images that may be put together in a state, best first. What failed is never among them.
#[must_use]
#[inline(never)] // Once is enough: 148 bytes on a Cortex-M0+.
pub const fn rescues(state: BootState) -> &'static [Which] {
    const BOTH: &[Which] = &[Which::Active, Which::Other];
    const ACTIVE: &[Which] = &[Which::Active];
    const OTHER: &[Which] = &[Which::Other];
    const NONE: &[Which] = &[];
    match state {
        BootState::Unknown
        | BootState::Confirmed(Fallback::Available)
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Reverting(Cause::Abandoned | Cause::Left) => BOTH,
        BootState::Confirmed(Fallback::Gone)
        | BootState::Downloading
        | BootState::Reverting(Cause::Failed)
        | BootState::Restoring(Which::Active, _) => ACTIVE,
        BootState::Restoring(Which::Other, _) => OTHER,
        BootState::Staged => NONE,
    }
}

/// Whether an image may be put together in a state.
const fn may_rescue(state: BootState, which: Which) -> bool {
    let mut list = rescues(state);
    while let [first, rest @ ..] = list {
        if *first as u8 == which as u8 {
            return true;
        }
        list = rest;
    }
    false
}

const fn rescue_found(state: BootState, which: Which, limits: TrialLimits) -> Transition {
    if !may_rescue(state, which) {
        return refuse(state);
    }
    let rebuilt = match (state, which) {
        // On trial already: it keeps what attempts it has.
        (BootState::Trial(trial), Which::Active) => Rebuilt::Trial(trial),
        // Going forward was given up, but the untried image is all that is left.
        (BootState::Reverting(Cause::Abandoned) | BootState::Swapping, Which::Other) => {
            Rebuilt::Trial(limits.start())
        }
        (BootState::Restoring(_, rebuilt), _) => rebuilt,
        (
            BootState::Unknown
            | BootState::Confirmed(_)
            | BootState::Downloading
            | BootState::Reverting(_)
            | BootState::Swapping,
            _,
        )
        | (BootState::Trial(_), Which::Other) => Rebuilt::Confirmed,
        (BootState::Staged, _) => return refuse(state),
    };
    to(
        BootState::Restoring(which, rebuilt),
        Effect::None,
        Action::Restore,
    )
}

const fn restore_done(state: BootState) -> Transition {
    match state {
        BootState::Restoring(which, rebuilt) => {
            let effect = match which {
                Which::Active => Effect::None,
                Which::Other => Effect::Activate,
            };
            let next = match rebuilt {
                Rebuilt::Confirmed => BootState::Confirmed(Fallback::Gone),
                Rebuilt::Trial(trial) => BootState::Trial(TrialState {
                    phase: Phase::Pending,
                    ..trial
                }),
            };
            to(next, effect, Action::VerifyActive)
        }
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Swapping
        | BootState::Trial(_)
        | BootState::Reverting(_) => refuse(state),
    }
}

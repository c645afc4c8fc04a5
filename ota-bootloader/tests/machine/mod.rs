//! Every state and every event of the state machine, and how the page writes them.

pub(crate) mod show;

mod life;
mod promises;

use ota_bootloader::{
    BootEvent, BootState, Cause, Failure, Fallback, Phase, Rebuilt, ResetCause, TrialLimits,
    TrialState, Which,
};

pub(crate) const CAUSES: [ResetCause; 4] = [
    ResetCause::Power,
    ResetCause::Watchdog,
    ResetCause::Software,
    ResetCause::Unknown,
];
const FALLBACKS: [Fallback; 2] = [Fallback::Available, Fallback::Gone];
const WHICH: [Which; 2] = [Which::Active, Which::Other];

const fn trial(attempts_left: u8, interruptions_left: u8, phase: Phase) -> TrialState {
    TrialState {
        attempts_left,
        interruptions_left,
        phase,
    }
}

/// All states, with these trials.
fn states_with(trials: &[TrialState], rebuilt: &[TrialState]) -> Vec<BootState> {
    let mut states = vec![BootState::Unknown];
    states.extend(FALLBACKS.map(BootState::Confirmed));
    states.extend([
        BootState::Downloading,
        BootState::Staged,
        BootState::Swapping,
    ]);
    states.extend(trials.iter().copied().map(BootState::Trial));
    states.extend([Cause::Failed, Cause::Abandoned, Cause::Left].map(BootState::Reverting));
    for which in WHICH {
        states.push(BootState::Restoring(which, Rebuilt::Confirmed));
        for trial in rebuilt {
            states.push(BootState::Restoring(which, Rebuilt::Trial(*trial)));
        }
    }
    states
}

/// One state for every kind that behaves in its own way.
pub(crate) fn representatives() -> Vec<BootState> {
    let trials = [
        trial(3, 3, Phase::Pending),
        trial(2, 3, Phase::Running),
        trial(2, 0, Phase::Running),
        trial(0, 3, Phase::Running),
        trial(0, 0, Phase::Running),
        trial(2, 3, Phase::GaveUp),
        trial(0, 3, Phase::GaveUp),
    ];
    states_with(&trials, &[trial(3, 3, Phase::Pending)])
}

/// All states; numbers in trials from both ends of their range.
pub(crate) fn states() -> Vec<BootState> {
    const NUMBERS: [u8; 7] = [0, 1, 2, 3, 4, 254, 255];
    let mut trials = vec![];
    for phase in [Phase::Pending, Phase::Running, Phase::GaveUp] {
        for attempts in NUMBERS {
            for interruptions in NUMBERS {
                trials.push(trial(attempts, interruptions, phase));
            }
        }
    }
    states_with(&trials, &trials)
}

/// All events, with these limits.
pub(crate) fn events(limits: &[TrialLimits]) -> Vec<BootEvent> {
    let mut events = vec![
        BootEvent::DownloadBegun,
        BootEvent::UpdateRequested,
        BootEvent::UpdateCancelled,
        BootEvent::RevertRequested,
    ];
    events.extend(FALLBACKS.map(BootEvent::HealthConfirmed));
    events.push(BootEvent::HealthDenied);
    events.extend(CAUSES.map(BootEvent::PowerUp));
    events.extend([Failure::Crash, Failure::Watchdog].map(BootEvent::Relapsed));
    events.push(BootEvent::Unrecorded);
    events.extend([BootEvent::StagedVerified, BootEvent::StagedRefused]);
    events.extend(limits.iter().copied().map(BootEvent::SwapDone));
    events.extend([
        BootEvent::RevertDone,
        BootEvent::Stuck,
        BootEvent::ActiveVerified,
        BootEvent::ActiveBad,
    ]);
    for which in WHICH {
        events.extend(limits.iter().map(|l| BootEvent::RescueFound(which, *l)));
    }
    events.extend([BootEvent::RescueNone, BootEvent::RestoreDone]);
    events
}

/// Limits from both ends of their range.
pub(crate) fn limits() -> Vec<TrialLimits> {
    [0, 1, 3, 255]
        .into_iter()
        .flat_map(|attempts| {
            [0, 1, 3, 255].map(|interruptions| TrialLimits {
                attempts,
                interruptions,
                crashes: 0,
            })
        })
        .collect()
}

//! States, events and effects as the page writes them.

use ota_bootloader::{BootEvent, BootState, Effect, Rebuilt, TrialState};

use super::CAUSES;

fn trial(trial: TrialState) -> String {
    let TrialState {
        attempts_left,
        interruptions_left,
        phase,
    } = trial;
    format!("Trial{{{attempts_left}, {interruptions_left}, {phase:?}}}")
}

pub(crate) fn state(state: BootState) -> String {
    match state {
        BootState::Trial(t) => trial(t),
        BootState::Restoring(which, Rebuilt::Trial(t)) => {
            format!("Restoring({which:?}, {})", trial(t))
        }
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Swapping
        | BootState::Reverting(_)
        | BootState::Restoring(_, Rebuilt::Confirmed) => format!("{state:?}"),
    }
}

pub(crate) const fn kind(state: BootState) -> &'static str {
    match state {
        BootState::Unknown => "Unknown",
        BootState::Confirmed(_) => "Confirmed",
        BootState::Downloading => "Downloading",
        BootState::Staged => "Staged",
        BootState::Swapping => "Swapping",
        BootState::Trial(_) => "Trial",
        BootState::Reverting(_) => "Reverting",
        BootState::Restoring(..) => "Restoring",
    }
}

pub(crate) const fn event_name(event: BootEvent) -> &'static str {
    match event {
        BootEvent::DownloadBegun => "DownloadBegun",
        BootEvent::UpdateRequested => "UpdateRequested",
        BootEvent::UpdateCancelled => "UpdateCancelled",
        BootEvent::RevertRequested => "RevertRequested",
        BootEvent::HealthConfirmed(_) => "HealthConfirmed",
        BootEvent::HealthDenied => "HealthDenied",
        BootEvent::PowerUp(_) => "PowerUp",
        BootEvent::Relapsed(_) => "Relapsed",
        BootEvent::Unrecorded => "Unrecorded",
        BootEvent::StagedVerified => "StagedVerified",
        BootEvent::StagedRefused => "StagedRefused",
        BootEvent::SwapDone(_) => "SwapDone",
        BootEvent::RevertDone => "RevertDone",
        BootEvent::Stuck => "Stuck",
        BootEvent::ActiveVerified => "ActiveVerified",
        BootEvent::ActiveBad => "ActiveBad",
        BootEvent::RescueFound(..) => "RescueFound",
        BootEvent::RescueNone => "RescueNone",
        BootEvent::RestoreDone => "RestoreDone",
    }
}

fn detail(event: BootEvent) -> Option<String> {
    match event {
        BootEvent::HealthConfirmed(fallback) => Some(format!("{fallback:?}")),
        BootEvent::PowerUp(cause) => Some(format!("{cause:?}")),
        BootEvent::Relapsed(failure) => Some(format!("{failure:?}")),
        BootEvent::RescueFound(which, _) => Some(format!("{which:?}")),
        BootEvent::DownloadBegun
        | BootEvent::UpdateRequested
        | BootEvent::UpdateCancelled
        | BootEvent::RevertRequested
        | BootEvent::Unrecorded
        | BootEvent::HealthDenied
        | BootEvent::StagedVerified
        | BootEvent::StagedRefused
        | BootEvent::SwapDone(_)
        | BootEvent::RevertDone
        | BootEvent::Stuck
        | BootEvent::ActiveVerified
        | BootEvent::ActiveBad
        | BootEvent::RescueNone
        | BootEvent::RestoreDone => None,
    }
}

/// Events of one name: `PowerUp(Watchdog or Software)`, `PowerUp(any)`.
pub(crate) fn events(events: &[BootEvent]) -> String {
    let name = event_name(events[0]);
    let details: Vec<_> = events.iter().copied().filter_map(detail).collect();
    let all = match events[0] {
        BootEvent::PowerUp(_) => CAUSES.len(),
        _ => 2,
    };
    match details.len() {
        0 => name.to_owned(),
        count if count == all => format!("{name}(any)"),
        _ => format!("{name}({})", details.join(" or ")),
    }
}

pub(crate) fn effect(effect: Effect) -> String {
    match effect {
        Effect::None => String::new(),
        Effect::Activate => "the other bank becomes active".to_owned(),
        Effect::ActivateAndBlame(failure) => {
            format!("the other bank becomes active; the candidate failed: `{failure:?}`")
        }
        Effect::NoteRefusal => "the reason is noted".to_owned(),
        Effect::BlameRefused => {
            "the reason is noted; the candidate was refused, if it lies in the release".to_owned()
        }
        Effect::RaiseFloor => "floor and revoked keys rise to the active image's".to_owned(),
        Effect::NoteFailure(failure) => format!("`{failure:?}` is noted"),
    }
}

//! Everything that can happen to a device, from its first power-up on.

use std::collections::HashSet;

use ota_bootloader::{
    Action, BootEvent, BootState, Failure, Fallback, ResetCause, Transition, TrialLimits, rescues,
    step,
};

use super::{CAUSES, FALLBACKS};

/// What the bootloader can answer to an action; `None`: the boot has ended.
pub(crate) fn answers(state: BootState, action: Action) -> Option<Vec<BootEvent>> {
    let limits = TrialLimits::default();
    Some(match action {
        Action::VerifyActive => vec![BootEvent::ActiveVerified, BootEvent::ActiveBad],
        Action::VerifyStaged => vec![BootEvent::StagedVerified, BootEvent::StagedRefused],
        Action::Swap => vec![
            BootEvent::SwapDone(limits),
            BootEvent::Stuck,
            BootEvent::Unrecorded,
        ],
        Action::Revert => vec![BootEvent::RevertDone, BootEvent::Stuck],
        Action::Restore => vec![BootEvent::RestoreDone, BootEvent::Stuck],
        Action::FindRescue => {
            let found = rescues(state).iter();
            found
                .map(|which| BootEvent::RescueFound(*which, limits))
                .chain([BootEvent::RescueNone])
                .collect()
        }
        Action::Boot | Action::Recover => return None,
        Action::Continue | Action::Refuse => panic!("{action:?} in {state:?}"),
    })
}

/// What can happen next: a reset at any time, what the application may ask for while it runs, and
/// the answer to what the bootloader does.
fn next_events(state: BootState, action: Action) -> Vec<BootEvent> {
    let mut events = CAUSES.map(BootEvent::PowerUp).to_vec();
    if state == BootState::Confirmed(Fallback::Available) {
        events.extend([Failure::Crash, Failure::Watchdog].map(BootEvent::Relapsed));
    }
    if let (BootState::Trial(_), Action::Boot) = (state, action) {
        events.push(BootEvent::Unrecorded);
    }
    match action {
        Action::Boot | Action::Continue | Action::Refuse => {
            events.extend([
                BootEvent::DownloadBegun,
                BootEvent::UpdateRequested,
                BootEvent::UpdateCancelled,
                BootEvent::RevertRequested,
                BootEvent::HealthDenied,
            ]);
            events.extend(FALLBACKS.map(BootEvent::HealthConfirmed));
        }
        _ => events.extend(answers(state, action).unwrap_or_default()),
    }
    events
}

/// All transitions that a device can make, from a blank journal on. A state that was not written
/// before the power went is one that was there before, so nothing else has to be looked at.
pub(crate) fn transitions() -> Vec<(BootState, BootEvent, Transition)> {
    let first = (BootState::Unknown, BootEvent::PowerUp(ResetCause::Power));
    let mut open = vec![first];
    let mut seen = HashSet::from([format!("{first:?}")]);
    let mut transitions = vec![];
    while let Some((state, event)) = open.pop() {
        let transition = step(state, event);
        transitions.push((state, event, transition));
        for event in next_events(transition.next, transition.action) {
            if seen.insert(format!("{:?}", (transition.next, event))) {
                open.push((transition.next, event));
            }
        }
    }
    transitions
}

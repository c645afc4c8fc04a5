//! What `step` promises, for every state and every event.

use std::collections::HashSet;

use ota_bootloader::{
    Action, BootEvent, BootState, Cause, Effect, Fallback, Phase, Rebuilt, ResetCause, Transition,
    TrialLimits, TrialState, Which, rescues, step,
};

use super::life::{self, answers};
use super::{CAUSES, events, limits, show, states};

/// Every state with every event.
fn everything() -> impl Iterator<Item = (BootState, BootEvent, Transition)> {
    let events = events(&limits());
    states().into_iter().flat_map(move |state| {
        let steps: Vec<_> = events
            .iter()
            .map(|e| (state, *e, step(state, *e)))
            .collect();
        steps
    })
}

/// The trial that a state carries, now or when its image is put together.
const fn trial_of(state: BootState) -> Option<TrialState> {
    match state {
        BootState::Trial(trial) | BootState::Restoring(_, Rebuilt::Trial(trial)) => Some(trial),
        BootState::Unknown
        | BootState::Confirmed(_)
        | BootState::Downloading
        | BootState::Staged
        | BootState::Swapping
        | BootState::Reverting(_)
        | BootState::Restoring(_, Rebuilt::Confirmed) => None,
    }
}

#[test]
fn a_refused_event_changes_nothing() {
    let mut refused = 0;
    for (state, event, transition) in everything() {
        if transition.action == Action::Refuse {
            assert_eq!(transition.next, state, "{event:?}");
            assert_eq!(transition.effect, Effect::None, "{state:?} {event:?}");
            refused += 1;
        }
    }
    assert_ne!(refused, 0);
}

#[test]
fn an_image_that_may_not_be_put_together_is_refused() {
    let mut refused = 0;
    for (state, event, transition) in everything() {
        if let BootEvent::RescueFound(which, _) = event
            && !rescues(state).contains(&which)
        {
            assert_eq!(transition.action, Action::Refuse, "{state:?} {event:?}");
            refused += 1;
        }
    }
    assert_ne!(refused, 0);
}

#[test]
fn no_event_raises_the_attempts_left_except_a_power_failure_which_spends_an_interruption() {
    let mut raised = 0;
    for (state, event, transition) in everything() {
        let (Some(before), Some(after)) = (trial_of(state), trial_of(transition.next)) else {
            continue;
        };
        assert!(
            after.interruptions_left <= before.interruptions_left,
            "{state:?} {event:?}"
        );
        if after.attempts_left > before.attempts_left {
            assert_eq!(event, BootEvent::PowerUp(ResetCause::Power), "{state:?}");
            assert_eq!(before.phase, Phase::Running, "only a start is given back");
            assert_eq!(after.attempts_left, before.attempts_left + 1);
            assert_eq!(after.interruptions_left + 1, before.interruptions_left);
            raised += 1;
        }
    }
    assert_ne!(raised, 0);
}

#[test]
fn a_trial_begins_only_with_an_image_that_was_just_swapped_in_or_was_never_started() {
    let mut begun = HashSet::new();
    for (state, event, transition) in everything() {
        let (None, Some(trial)) = (trial_of(state), trial_of(transition.next)) else {
            continue;
        };
        let ((BootState::Swapping, BootEvent::SwapDone(limits))
        | (
            BootState::Swapping | BootState::Reverting(Cause::Abandoned),
            BootEvent::RescueFound(Which::Other, limits),
        )) = (state, event)
        else {
            panic!("{state:?} {event:?} begins a trial")
        };
        assert_eq!(trial.attempts_left, limits.attempts.max(1));
        assert_eq!(trial.interruptions_left, limits.interruptions);
        assert_eq!(trial.phase, Phase::Pending);
        begun.insert((show::kind(state), show::event_name(event)));
    }
    assert_eq!(begun.len(), 3);
}

/// The most starts that a trial can still get, whatever the causes of its resets and whether it
/// gives up or not.
fn most_starts(state: BootState) -> u32 {
    let pending = match state {
        BootState::Trial(_) => step(state, BootEvent::ActiveVerified),
        _ => return 0,
    };
    assert_eq!(pending.action, Action::Boot);
    let silent = pending.next;
    let gave_up = step(silent, BootEvent::HealthDenied).next;
    let after = CAUSES.into_iter().flat_map(|cause| {
        [silent, gave_up].map(|state| most_starts(step(state, BootEvent::PowerUp(cause)).next))
    });
    1 + after.max().unwrap_or(0)
}

#[test]
fn a_trial_that_is_never_confirmed_is_started_as_often_as_its_limits_say_and_no_more() {
    for attempts in 0..=3u8 {
        for interruptions in 0..=3u8 {
            let limits = TrialLimits {
                attempts,
                interruptions,
                crashes: 0,
            };
            let trial = step(BootState::Swapping, BootEvent::SwapDone(limits)).next;
            assert_eq!(
                most_starts(trial),
                u32::from(attempts.max(1) + interruptions)
            );
        }
    }
}

#[test]
fn an_attempt_is_always_recorded_before_boot_in_a_trial() {
    let mut starts = 0;
    for (state, event, transition) in life::transitions() {
        let BootState::Trial(after) = transition.next else {
            continue;
        };
        if transition.action != Action::Boot {
            continue;
        }
        let BootState::Trial(before) = state else {
            panic!("{state:?} {event:?} starts a trial that was not accounted for")
        };
        assert_eq!(before.phase, Phase::Pending, "{event:?}");
        assert_eq!(after.phase, Phase::Running);
        assert_eq!(after.attempts_left + 1, before.attempts_left);
        starts += 1;
    }
    assert_ne!(starts, 0);
}

#[test]
fn no_event_is_refused_in_the_life_of_a_device_but_what_an_application_asks_out_of_turn() {
    for (state, event, transition) in life::transitions() {
        let by_application = matches!(
            event,
            BootEvent::DownloadBegun
                | BootEvent::UpdateRequested
                | BootEvent::UpdateCancelled
                | BootEvent::RevertRequested
                | BootEvent::HealthConfirmed(_)
                | BootEvent::HealthDenied
        );
        if transition.action == Action::Refuse {
            assert!(by_application, "{state:?} {event:?}");
        }
    }
}

#[test]
fn without_a_rescue_there_is_recovery_and_nothing_changes() {
    for state in states() {
        let transition = step(state, BootEvent::RescueNone);
        assert_eq!((transition.next, transition.effect), (state, Effect::None));
        assert_eq!(transition.action, Action::Recover);
    }
}

#[test]
fn only_a_started_trial_without_attempts_left_is_blamed_or_a_confirmed_image_that_is_left() {
    let (mut blamed, mut left) = (0, 0);
    for (state, event, transition) in everything() {
        let Effect::ActivateAndBlame(_) = transition.effect else {
            continue;
        };
        if state == BootState::Confirmed(Fallback::Available) {
            assert!(matches!(
                event,
                BootEvent::RevertRequested | BootEvent::Relapsed(_)
            ));
            assert_eq!(transition.next, BootState::Reverting(Cause::Left));
            left += 1;
            continue;
        }
        let BootState::Trial(trial) = state else {
            panic!("{state:?} {event:?} blames")
        };
        assert_eq!(trial.attempts_left, 0);
        assert_ne!(
            trial.phase,
            Phase::Pending,
            "an untried image has not failed"
        );
        assert!(matches!(event, BootEvent::PowerUp(_)));
        assert_eq!(transition.next, BootState::Reverting(Cause::Failed));
        assert_eq!(transition.action, Action::Revert);
        blamed += 1;
    }
    assert_ne!((blamed, left), (0, 0));
}

/// Where the image of a bank is after an effect.
const fn moved(which: Which, effect: Effect) -> Which {
    match (effect, which) {
        (Effect::Activate | Effect::ActivateAndBlame(_), Which::Active) => Which::Other,
        (Effect::Activate | Effect::ActivateAndBlame(_), Which::Other) => Which::Active,
        (
            Effect::None
            | Effect::NoteRefusal
            | Effect::BlameRefused
            | Effect::RaiseFloor
            | Effect::NoteFailure(_),
            which,
        ) => which,
    }
}

#[test]
fn a_release_that_failed_its_trial_is_never_among_the_rescues() {
    // From each failure on, wherever events can lead, until a download overwrites its bank.
    let mut open: Vec<(BootState, Which)> = everything()
        .filter(|(state, ..)| matches!(state, BootState::Trial(_)))
        .filter(|(.., t)| matches!(t.effect, Effect::ActivateAndBlame(_)))
        .map(|(.., t)| (t.next, moved(Which::Active, t.effect)))
        .collect();
    assert!(!open.is_empty());
    let mut seen = HashSet::new();
    while let Some((state, failed)) = open.pop() {
        if !seen.insert(format!("{state:?} {failed:?}")) {
            continue;
        }
        assert!(!rescues(state).contains(&failed), "{state:?}");
        for event in events(&limits()) {
            let possible = match event {
                BootEvent::DownloadBegun => false,
                BootEvent::RescueFound(which, _) => rescues(state).contains(&which),
                _ => true,
            };
            if possible {
                let transition = step(state, event);
                open.push((transition.next, moved(failed, transition.effect)));
            }
        }
    }
    assert!(seen.len() >= 3, "{seen:?}");
}

#[test]
fn the_floor_rises_only_on_confirmation() {
    let mut raised = 0;
    for (state, event, transition) in everything() {
        let confirms = matches!(
            (state, event),
            (
                BootState::Trial(TrialState {
                    phase: Phase::Running,
                    ..
                }),
                BootEvent::HealthConfirmed(_)
            )
        );
        assert_eq!(transition.effect == Effect::RaiseFloor, confirms);
        if let (true, BootEvent::HealthConfirmed(fallback)) = (confirms, event) {
            assert_eq!(transition.next, BootState::Confirmed(fallback));
            raised += 1;
        }
    }
    assert_ne!(raised, 0);
}

#[test]
fn a_fallback_is_claimed_only_by_a_confirmation_that_saw_it() {
    for (state, event, transition) in everything() {
        let available = BootState::Confirmed(Fallback::Available);
        // A relapse has seen it, and the journal did not take that it is gone back to.
        let relapsed = state == BootState::Reverting(Cause::Left) && event == BootEvent::Unrecorded;
        if transition.next == available && state != available && !relapsed {
            assert_eq!(event, BootEvent::HealthConfirmed(Fallback::Available));
        }
    }
}

#[test]
fn nothing_leads_to_a_state_that_says_nothing() {
    for (state, event, transition) in everything() {
        if transition.next == BootState::Unknown {
            assert_eq!(state, BootState::Unknown, "{event:?}");
        }
    }
}

/// The most steps from here to `Boot` or `Recover`, with at most so many rescues found.
fn longest(transition: Transition, rescues_left: u32) -> u32 {
    let Some(answers) = answers(transition.next, transition.action) else {
        return 0;
    };
    let rest = answers.into_iter().filter_map(|event| {
        let left = match event {
            BootEvent::RescueFound(..) => rescues_left.checked_sub(1)?,
            _ => rescues_left,
        };
        Some(longest(step(transition.next, event), left))
    });
    1 + rest.max().unwrap_or(0)
}

#[test]
fn every_power_up_ends_in_boot_or_recover_within_16_steps_whatever_the_answers() {
    // A flash that changes while it is looked at can find rescue after rescue that then cannot be
    // put together: only that goes round, and the bootloader's own bound of 16 ends it. Three
    // rescues in one boot fit.
    for state in states() {
        for cause in CAUSES {
            let steps = 1 + longest(step(state, BootEvent::PowerUp(cause)), 3);
            assert!(steps <= 16, "{steps} steps from {state:?}");
        }
    }
}

//! What to do first in an application that the stock bootloader has started.

use core::num::NonZeroU8;

use super::{Mark, OtaData, OtaDataError, OtaState, Record};

/// Why this application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It was confirmed, or nobody ever asked for a confirmation.
    Confirmed,
    /// It is on trial: check its health, then confirm.
    Trial {
        /// This is the attempt of this number, from 1.
        attempt: u8,
    },
    /// The bootloader was told to start this slot and did not: its image is bad. The running one
    /// is confirmed again.
    Refused {
        /// The slot that did not start.
        slot: u8,
    },
    /// Its attempts are spent. The former slot is selected: reset now.
    RollBack,
}

/// What the application does first: a record to write, if any, and then what it learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Why it runs.
    pub start: Start,
    /// Slot, state and mark of the record to write before anything else.
    pub write: Option<(u8, OtaState, Mark)>,
}

/// Decides what the application in slot `running` does first.
///
/// It works with a bootloader that has roll-back switched on, and leaves counting to that one: a
/// `Pending` without attempts of ours was written by it, and the second start is its to refuse.
/// With one that has not, which leaves a record `New` for ever, each start is counted here.
///
/// # Errors
/// If `running` is no slot.
pub fn step(data: &OtaData, running: u8, attempts: NonZeroU8) -> Result<Step, OtaDataError> {
    if running >= data.slots.get() {
        return Err(OtaDataError::NoSuchSlot);
    }
    let keep = |start| Step { start, write: None };
    let Some((_, record)) = data.active() else {
        return Ok(keep(Start::Confirmed)); // as delivered
    };
    let selected = data.slot_of(&record);
    if selected != running {
        let mark = Mark {
            attempts: 0,
            fallback: None,
        };
        return Ok(Step {
            start: Start::Refused { slot: selected },
            write: Some((running, OtaState::Valid, mark)),
        });
    }
    Ok(match (record.state, record.mark) {
        (OtaState::Valid, _) | (OtaState::Undefined, None) => keep(Start::Confirmed),
        (OtaState::Pending, None | Some(Mark { attempts: 0, .. })) => {
            keep(Start::Trial { attempt: 1 })
        }
        (_, mark) => count(data, &record, running, mark, attempts),
    })
}

/// Counts this start, or goes back if too many were.
fn count(
    data: &OtaData,
    record: &Record,
    running: u8,
    mark: Option<Mark>,
    attempts: NonZeroU8,
) -> Step {
    let before = mark.map_or(0, |mark| mark.attempts);
    let fallback = mark
        .map_or_else(|| guessed_fallback(data, record), |mark| mark.fallback)
        .filter(|&slot| slot != running && slot < data.slots.get());
    match fallback {
        Some(slot) if before >= attempts.get() => Step {
            start: Start::RollBack,
            write: Some((
                slot,
                OtaState::Valid,
                Mark {
                    attempts: 0,
                    fallback: None,
                },
            )),
        },
        _ => {
            let attempt = before.saturating_add(1);
            let mark = Mark {
                attempts: attempt,
                fallback,
            };
            Step {
                start: Start::Trial { attempt },
                write: Some((running, OtaState::Pending, mark)),
            }
        }
    }
}

/// Where a record without a mark came from: the slot of the other record, or the only other slot.
fn guessed_fallback(data: &OtaData, record: &Record) -> Option<u8> {
    let here = data.slot_of(record);
    [data.first, data.second]
        .into_iter()
        .flatten()
        .filter(|other| other.state.is_bootable())
        .map(|other| data.slot_of(&other))
        .find(|&slot| slot != here)
        .or_else(|| (data.slots.get() == 2).then_some(1 - here.min(1)))
}

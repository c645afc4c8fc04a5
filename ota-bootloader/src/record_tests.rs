//! What a record says comes back from its bytes.

extern crate std;

use std::vec::Vec;

use crate::record::{
    FAILED_RELEASES, FAILED_UNITS_AT, Place, Reason, Record, ReleaseTag, decode, encode, place,
};
use crate::state::{BootState, Cause, Failure, Fallback, Phase, Rebuilt, TrialState, Which};
use crate::storage::Index;

fn trials() -> impl Iterator<Item = TrialState> {
    let trial = |phase| TrialState {
        attempts_left: 2,
        interruptions_left: 200,
        phase,
    };
    [Phase::Pending, Phase::Running, Phase::GaveUp]
        .into_iter()
        .map(trial)
}

/// Every state that is ever written, each kind of trial in it.
fn states() -> Vec<BootState> {
    let mut states = std::vec![
        BootState::Confirmed(Fallback::Available),
        BootState::Confirmed(Fallback::Gone),
        BootState::Downloading,
        BootState::Staged,
        BootState::Swapping,
        BootState::Reverting(Cause::Failed),
        BootState::Reverting(Cause::Abandoned),
        BootState::Reverting(Cause::Left),
        BootState::Restoring(Which::Active, Rebuilt::Confirmed),
        BootState::Restoring(Which::Other, Rebuilt::Confirmed),
    ];
    for trial in trials() {
        states.push(BootState::Trial(trial));
        states.push(BootState::Restoring(Which::Active, Rebuilt::Trial(trial)));
        states.push(BootState::Restoring(Which::Other, Rebuilt::Trial(trial)));
    }
    states
}

fn tag(n: u8) -> ReleaseTag {
    ReleaseTag {
        id: [n; 8],
        sequence: n.into(),
    }
}

#[test]
fn every_state_comes_back_with_everything_beside_it() {
    for state in states() {
        for active in [Index::Zero, Index::One] {
            let mut record = Record {
                state,
                active,
                floor: 0x0102_0304,
                position: 0x0506_0708,
                revoked: 0x81,
                last_problem: 0x0A0B,
                candidate: tag(9),
                crashes: if matches!(state, BootState::Confirmed(_)) {
                    2
                } else {
                    0
                },
                fruitless: 3,
                ..Record::unknown()
            };
            let failures = Failure::ALL.map(Reason::Failed);
            let refusals = [0x0100, 0x040C, 0xFFFF].map(Reason::Refused);
            for (n, reason) in (1..).zip(failures.into_iter().chain(refusals)) {
                record.candidate = tag(n);
                record.blame(reason);
                let bytes = encode(&record, 77, 5, 0x82);
                assert_eq!(place(&bytes, 5), Place::Ours(77));
                assert_eq!(decode(&bytes), Some(record));
                assert_eq!(bytes[FAILED_UNITS_AT], 0x82);
            }
        }
    }
}

#[test]
fn the_unknown_state_is_never_read_back() {
    let bytes = encode(&Record::unknown(), 77, 5, 0);
    assert_eq!(decode(&bytes), None);
}

fn failed(record: &Record) -> Vec<(u8, Failure)> {
    let entries = record.failed.iter().flatten();
    entries
        .map(|entry| match entry.reason {
            Reason::Failed(failure) => (entry.release.id[0], failure),
            Reason::Refused(code) => panic!("{code}"),
        })
        .collect()
}

fn blame(record: &mut Record, n: u8, failure: Failure) {
    record.candidate = tag(n);
    record.blame(Reason::Failed(failure));
}

#[test]
fn a_release_that_fails_is_first_in_the_list_once_and_the_oldest_falls_off() {
    use Failure::{Crash, GaveUp, Watchdog};
    let mut record = Record::unknown();
    for n in [1, 2, 3] {
        blame(&mut record, n, Crash);
    }
    assert_eq!(failed(&record), [(3, Crash), (2, Crash), (1, Crash)]);
    blame(&mut record, 2, Watchdog);
    assert_eq!(failed(&record), [(2, Watchdog), (3, Crash), (1, Crash)]);
    blame(&mut record, 1, GaveUp);
    assert_eq!(failed(&record), [(1, GaveUp), (2, Watchdog), (3, Crash)]);
    blame(&mut record, 4, Crash);
    blame(&mut record, 5, Crash);
    assert_eq!(
        failed(&record),
        [(5, Crash), (4, Crash), (1, GaveUp), (2, Watchdog)]
    );
    assert_eq!(failed(&record).len(), FAILED_RELEASES);
    assert_eq!(record.failure_of(&tag(1)), Some(Reason::Failed(GaveUp)));
    assert_eq!(record.failure_of(&tag(3)), None);
}

#[test]
fn every_failure_has_a_code_and_a_word_of_its_own() {
    let words: Vec<_> = Failure::ALL
        .iter()
        .map(std::string::ToString::to_string)
        .collect();
    assert_eq!(
        words,
        [
            "crash",
            "watchdog",
            "gave-up",
            "interrupted",
            "unknown",
            "reverted"
        ]
    );
    let codes = Failure::ALL.map(Failure::code);
    assert_eq!(codes, [1, 2, 3, 4, 5, 6]);
    assert_eq!(codes.map(Failure::from_code), Failure::ALL.map(Some));
    assert_eq!((Failure::from_code(0), Failure::from_code(7)), (None, None));
}

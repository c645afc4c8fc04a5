//! Records as other tools make them, and what is done with them.

use std::num::NonZeroU8;

use ota_esp32c3::otadata::{
    Mark, OtaData, OtaDataError, OtaState, Record, Sector, Start, Step, step,
};
use proptest::prelude::*;

const VECTORS: &str = include_str!("vectors/otadata.txt");
const TWO: NonZeroU8 = NonZeroU8::new(2).unwrap();
const THREE: NonZeroU8 = NonZeroU8::new(3).unwrap();

fn hex(text: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// Maker, the state of the partition, the slot it selects.
fn vectors() -> Vec<(&'static str, OtaData, Option<u8>)> {
    VECTORS
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [maker, slots, slot, first, second] = words[..] else {
                panic!("{line}")
            };
            let data = OtaData {
                first: Record::decode(&hex(first)),
                second: Record::decode(&hex(second)),
                slots: slots.parse().unwrap(),
            };
            (maker, data, slot.parse().ok())
        })
        .collect()
}

#[test]
fn what_other_tools_wrote_selects_what_they_meant() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 36);
    assert_eq!(
        vectors
            .iter()
            .filter(|(maker, ..)| *maker == "otatool")
            .count(),
        15
    );
    for (maker, data, slot) in vectors {
        assert_eq!(data.active_slot(), slot, "{maker} {data:?}");
    }
}

#[test]
fn records_of_other_tools_are_written_the_same() {
    for line in VECTORS.lines() {
        for text in line.split(' ').skip(3) {
            if let Some(record) = Record::decode(&hex(text)) {
                assert_eq!(record.encode(), hex(text));
                assert_eq!(record.mark, None);
            }
        }
    }
}

/// Ours goes on from what the vendor's tool wrote, and selects the same slot as the tool did next,
/// with a sequence that is no lower.
#[test]
fn we_go_on_where_the_vendors_tool_was() {
    let mark = Mark {
        attempts: 0,
        fallback: None,
    };
    let all = vectors();
    let mut steps = 0;
    for pair in all.windows(2) {
        let [("otatool", before, _), ("otatool", after, Some(slot))] = pair else {
            continue;
        };
        let (sector, record) = before.next(*slot, OtaState::New, mark).unwrap();
        let mut ours = *before;
        match sector {
            Sector::First => ours.first = Some(record),
            Sector::Second => ours.second = Some(record),
        }
        assert_eq!(ours.active_slot(), Some(*slot));
        let theirs = after.active().unwrap().1.sequence;
        assert!(record.sequence >= theirs && record.sequence <= theirs + 3);
        steps += 1;
    }
    assert_eq!(steps, 13);
}

#[test]
fn one_bad_record_does_not_matter() {
    let good = Record {
        sequence: 5,
        state: OtaState::Valid,
        mark: None,
    };
    for at in (0..4).chain(28..32) {
        for bit in 0..8 {
            let mut bytes = Record {
                sequence: 6,
                ..good
            }
            .encode();
            bytes[at] ^= 1 << bit;
            assert_eq!(Record::decode(&bytes), None);
            let data = OtaData {
                first: Some(good),
                second: Record::decode(&bytes),
                slots: TWO,
            };
            assert_eq!(data.active(), Some((Sector::First, good)));
        }
    }
}

#[test]
fn sequences_end_with_an_error() {
    let mark = Mark {
        attempts: 0,
        fallback: None,
    };
    let at = |sequence| OtaData {
        first: Some(Record {
            sequence,
            state: OtaState::Valid,
            mark: None,
        }),
        second: None,
        slots: TWO,
    };
    let next = |sequence, slot| {
        at(sequence)
            .next(slot, OtaState::New, mark)
            .map(|(_, r)| r.sequence)
    };
    assert_eq!(next(u32::MAX - 3, 0), Ok(u32::MAX - 2));
    assert_eq!(next(u32::MAX - 2, 1), Ok(u32::MAX - 1));
    assert_eq!(next(u32::MAX - 2, 0), Err(OtaDataError::SequenceSpent));
    assert_eq!(next(u32::MAX - 1, 0), Err(OtaDataError::SequenceSpent));
    assert_eq!(next(u32::MAX - 1, 1), Err(OtaDataError::SequenceSpent));
    assert_eq!(next(1, 2), Err(OtaDataError::NoSuchSlot));
}

fn with(state: OtaState, mark: Option<Mark>) -> OtaData {
    OtaData {
        first: Some(Record {
            sequence: 3,
            state: OtaState::Valid,
            mark: None,
        }),
        second: Some(Record {
            sequence: 4,
            state,
            mark,
        }),
        slots: TWO,
    }
}

fn decide(data: &OtaData, running: u8) -> Step {
    step(data, running, THREE).unwrap()
}

#[test]
fn each_start_of_an_unconfirmed_image_is_counted() {
    let marked = |attempts| {
        Some(Mark {
            attempts,
            fallback: Some(0),
        })
    };
    let counted = |attempt| Step {
        start: Start::Trial { attempt },
        write: Some((1, OtaState::Pending, marked(attempt).unwrap())),
    };
    assert_eq!(decide(&with(OtaState::New, None), 1), counted(1));
    assert_eq!(decide(&with(OtaState::New, marked(0)), 1), counted(1));
    assert_eq!(decide(&with(OtaState::Pending, marked(1)), 1), counted(2));
    assert_eq!(decide(&with(OtaState::Pending, marked(2)), 1), counted(3));
    let back = decide(&with(OtaState::Pending, marked(3)), 1);
    assert_eq!(back.start, Start::RollBack);
    assert!(matches!(back.write, Some((0, OtaState::Valid, _))));
    // A torn state is no confirmation.
    assert_eq!(
        decide(&with(OtaState::Unknown(6), marked(1)), 1),
        counted(2)
    );
}

#[test]
fn a_bootloader_that_rolls_back_is_left_to_it() {
    let theirs = Step {
        start: Start::Trial { attempt: 1 },
        write: None,
    };
    assert_eq!(decide(&with(OtaState::Pending, None), 1), theirs);
    let selected = Some(Mark {
        attempts: 0,
        fallback: Some(0),
    });
    assert_eq!(decide(&with(OtaState::Pending, selected), 1), theirs);
}

#[test]
fn what_is_confirmed_or_was_never_on_trial_writes_nothing() {
    let quiet = Step {
        start: Start::Confirmed,
        write: None,
    };
    assert_eq!(decide(&with(OtaState::Valid, None), 1), quiet);
    assert_eq!(decide(&with(OtaState::Undefined, None), 1), quiet);
    assert_eq!(
        decide(
            &OtaData {
                first: None,
                second: None,
                slots: TWO
            },
            0
        ),
        quiet
    );
}

#[test]
fn an_image_that_the_bootloader_refused_is_deselected() {
    let refused = decide(&with(OtaState::New, None), 0);
    assert_eq!(refused.start, Start::Refused { slot: 1 });
    assert!(matches!(refused.write, Some((0, OtaState::Valid, _))));
    assert_eq!(
        step(&with(OtaState::New, None), 2, THREE),
        Err(OtaDataError::NoSuchSlot)
    );
}

#[test]
fn every_error_has_a_code_of_its_own_and_says_what_to_do() {
    use OtaDataError as E;
    let errors = [E::Flash, E::Partition, E::NoSuchSlot, E::SequenceSpent];
    for (number, error) in (0x4101..).zip(errors) {
        assert_eq!(error.code(), number);
        assert!(error.to_string().contains(';'));
        assert!(include_str!("../README.md").contains(&format!("0x{number:04X} | `{error:?}`")));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(sequence in 0..u32::MAX, state in 0..6_u32, attempts: u8, fallback in 0..17_u8) {
        let state = [OtaState::New, OtaState::Pending, OtaState::Valid, OtaState::Invalid, OtaState::Aborted, OtaState::Undefined][state as usize];
        let fallback = (fallback < 16).then_some(fallback);
        let record = Record { sequence, state, mark: Some(Mark { attempts, fallback }) };
        prop_assert_eq!(Record::decode(&record.encode()), Some(record));
    }

    /// Whatever stands there, the next record selects what it should, from the other sector.
    #[test]
    fn the_next_record_always_wins(
        sequences in prop::array::uniform2(0..u32::MAX - 40),
        states in prop::array::uniform2(prop::sample::select(vec![
            OtaState::New, OtaState::Pending, OtaState::Valid, OtaState::Invalid, OtaState::Aborted, OtaState::Undefined, OtaState::Unknown(9),
        ])),
        present: [bool; 2], slots in 1..17_u8, slot in 0..17_u8,
    ) {
        let record = |i: usize| present[i].then_some(Record { sequence: sequences[i], state: states[i], mark: None });
        let mut data = OtaData { first: record(0), second: record(1), slots: NonZeroU8::new(slots).unwrap() };
        let slot = slot % slots;
        let active = data.active().map(|(sector, _)| sector);
        let (sector, next) = data.next(slot, OtaState::New, Mark { attempts: 0, fallback: None }).unwrap();
        prop_assert_ne!(Some(sector), active);
        match sector {
            Sector::First => data.first = Some(next),
            Sector::Second => data.second = Some(next),
        }
        prop_assert_eq!(data.active(), Some((sector, next)));
        prop_assert_eq!(data.active_slot(), Some(slot));
    }
}

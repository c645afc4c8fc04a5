//! `otadata`: whatever two sectors hold, what is written next is what the stock bootloader goes by,
//! the record that was in use is untouched, and no more starts are given than allowed.

use std::num::NonZeroU8;

use ota_esp32c3::otadata::{
    Mark, OtaData, OtaDataError, OtaState, OtaStore, RECORD_LEN, Record, SECTOR, Sector, Start,
};
use ota_sim::{Config, Flash};

use crate::input::Input;

const ATTEMPTS: NonZeroU8 = NonZeroU8::new(3).expect("not zero");

/// Slots, two sectors, then what is done: guard, confirm or select, with a slot.
///
/// # Panics
/// If a promise does not hold.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let slots = NonZeroU8::MIN.saturating_add(input.byte() % 16);
    let mut flash = Flash::new(Config::new(2 * SECTOR, 4, SECTOR));
    for at in [0, SECTOR] {
        let bytes = sector(&mut input);
        flash.load(at, &bytes);
    }
    while !input.is_over() {
        let (act, slot) = (input.byte(), input.byte() % 17);
        let before = flash.clone();
        let mut store = OtaStore::new(flash.nor::<4, 4096>(), 0, slots).expect("a partition");
        let data = store.read();
        let (done, wanted) = match act % 3 {
            0 => {
                let start = store.start(slot, ATTEMPTS);
                if let Ok(start) = start {
                    counted(&data, slot, start);
                }
                (start.map(|_| ()), None)
            }
            1 => (store.confirm(slot), Some((slot, OtaState::Valid))),
            _ => (
                store.select(slot, data.active_slot().unwrap_or(0)),
                Some((slot, OtaState::New)),
            ),
        };
        let after = store.read();
        judge(&data, &after, &before, &flash, (done, wanted));
    }
}

/// A start beyond the attempts is given only where there is no slot to go back to.
fn counted(data: &OtaData, slot: u8, start: Start) {
    let Start::Trial { attempt } = start else {
        return;
    };
    let mark = data.active().and_then(|(_, record)| record.mark);
    let fallback = mark.and_then(|mark| mark.fallback);
    let way_back = fallback.is_some_and(|back| back != slot && back < data.slots.get());
    assert!(
        attempt > 0 && (attempt <= ATTEMPTS.get() || !way_back),
        "{data:?}"
    );
}

fn judge(
    data: &OtaData,
    after: &OtaData,
    before: &Flash,
    flash: &Flash,
    (done, wanted): (Result<(), OtaDataError>, Option<(u8, OtaState)>),
) {
    if flash.bytes() == before.bytes() {
        assert!(done.is_ok() || *data == *after);
        return;
    }
    assert_eq!(done, Ok(()), "an error, and something was written");
    let (sector, record) = after.active().expect("a record was written");
    assert!(record.state.is_bootable());
    if let Some((slot, state)) = wanted {
        assert_eq!((after.slot_of(&record), record.state), (slot, state));
    }
    // What was in use is still there.
    if let Some((used, _)) = data.active() {
        assert_eq!(sector, used.other(), "the record in use was written over");
        let at = match used {
            Sector::First => 0..RECORD_LEN,
            Sector::Second => SECTOR as usize..SECTOR as usize + RECORD_LEN,
        };
        assert_eq!(before.bytes()[at.clone()], flash.bytes()[at]);
    }
}

/// Blank, a record, or noise.
fn sector(input: &mut Input<'_>) -> [u8; RECORD_LEN] {
    let kind = input.byte();
    let sequence = input.u32();
    let state = match input.byte() % 8 {
        0 => OtaState::New,
        1 => OtaState::Pending,
        2 => OtaState::Valid,
        3 => OtaState::Invalid,
        4 => OtaState::Aborted,
        5 => OtaState::Undefined,
        other => OtaState::Unknown(u32::from(other) * 77),
    };
    let [marked, attempts, fallback] = input.array();
    let mark = (marked % 2 == 1).then_some(Mark {
        attempts,
        fallback: (fallback != 0xFF).then_some(fallback),
    });
    let record = Record {
        sequence,
        state,
        mark,
    };
    match kind % 3 {
        0 => [0xFF; RECORD_LEN],
        1 => {
            let bytes = record.encode();
            let read = Record::decode(&bytes);
            assert_eq!(read, (sequence != u32::MAX).then_some(record));
            bytes
        }
        _ => input.array(),
    }
}

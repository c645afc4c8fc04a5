//! `otadata` on a flash whose power goes.

use std::num::NonZeroU8;

use ota_esp32c3::otadata::{OtaData, OtaDataError, OtaState, OtaStore, Sector, Start};
use ota_sim::{Config, Cut, Flash, Tear};

const AT: u32 = 0xD000;
const TWO: NonZeroU8 = NonZeroU8::new(2).unwrap();

fn flash() -> Flash {
    Flash::new(Config::new(0x1_0000, 4, 4096))
}

fn on<T>(flash: &mut Flash, act: impl FnOnce(&mut OtaStore<ota_sim::Nor<'_, 4, 4096>>) -> T) -> T {
    act(&mut OtaStore::new(flash.nor(), AT, TWO).unwrap())
}

fn read(flash: &mut Flash) -> OtaData {
    OtaStore::new(flash.nor::<4, 4096>(), AT, TWO)
        .unwrap()
        .read()
}

fn slot(flash: &mut Flash) -> Option<u8> {
    read(flash).active_slot()
}

/// Slot 0 runs and is confirmed, by a record in either sector.
fn confirmed(times: u32) -> Flash {
    let mut flash = flash();
    on(&mut flash, |store| {
        for _ in 0..times {
            store.select(0, 1).unwrap();
            store.confirm(0).unwrap();
        }
    });
    flash
}

#[test]
fn a_healthy_update_stays_and_a_bad_one_goes_back() {
    let mut flash = confirmed(1);
    on(&mut flash, |store| {
        store.select(1, 0).unwrap();
        assert_eq!(store.start(1, TWO), Ok(Start::Trial { attempt: 1 }));
        store.confirm(1).unwrap();
        assert_eq!(store.start(1, TWO), Ok(Start::Confirmed));
        store.select(0, 1).unwrap();
        assert_eq!(store.start(0, TWO), Ok(Start::Trial { attempt: 1 }));
        assert_eq!(store.start(0, TWO), Ok(Start::Trial { attempt: 2 }));
        assert_eq!(store.start(0, TWO), Ok(Start::RollBack));
        assert_eq!(store.read().active_slot(), Some(1));
        assert_eq!(store.start(1, TWO), Ok(Start::Confirmed));
    });
}

#[test]
fn a_confirmation_that_was_given_is_not_written_again() {
    let mut flash = confirmed(1);
    let before = flash.operations();
    on(&mut flash, |store| store.confirm(0).unwrap());
    assert_eq!(flash.operations(), before);
}

type Act = fn(&mut Flash) -> Result<(), OtaDataError>;

/// Cuts each operation of `act` in every way. Right after, and after one more power-up, the
/// bootloader has a slot: the one of before or the one of after. Returns how many cuts fell.
fn sweep(start: &Flash, act: Act) -> u32 {
    let mut whole = start.clone();
    let before = slot(&mut whole);
    let done = whole.operations();
    act(&mut whole).unwrap();
    let after = slot(&mut whole);
    let mut cuts = 0;
    for operation in 1..=whole.operations() - done {
        for tear in Tear::ALL.into_iter().chain((0..20).map(Tear::Random)) {
            let mut flash = start.clone();
            flash.arm(Cut::new(operation, tear));
            assert_eq!(act(&mut flash), Err(OtaDataError::Flash));
            for _ in 0..2 {
                flash.power_up();
                let now = slot(&mut flash);
                assert!(
                    now.is_some() && (now == before || now == after),
                    "{}: {now:?}",
                    flash.history()
                );
            }
            cuts += 1;
        }
    }
    cuts
}

#[test]
fn every_cut_leaves_a_slot_selected() {
    for sector in [1, 2] {
        let start = confirmed(sector);
        let select: Act = |flash| on(flash, |store| store.select(1, 0));
        let guard: Act = |flash| on(flash, |store| store.start(1, TWO).map(|_| ()));
        let confirm: Act = |flash| on(flash, |store| store.confirm(1));
        let mut cuts = sweep(&start, select);
        let mut trial = start.clone();
        select(&mut trial).unwrap();
        for _ in 0..3 {
            cuts += sweep(&trial, guard) + sweep(&trial, confirm);
            guard(&mut trial).unwrap();
        }
        assert_eq!(slot(&mut trial), Some(0), "it went back");
        assert!(cuts > 400, "{cuts}");
    }
}

/// What the bootloader with roll-back does, in place: `New` becomes `Pending`, `Pending` becomes
/// `Aborted`.
fn bootloader(flash: &mut Flash) -> Option<u8> {
    let rewrite = |flash: &mut Flash, at: u32, state: u8| {
        let mut bytes = [0; 32];
        flash.read(at, &mut bytes).unwrap();
        bytes[24..28].copy_from_slice(&[state, 0, 0, 0]);
        flash.erase(at, at + 4096).unwrap();
        flash.program(at, &bytes).unwrap();
    };
    let data = read(flash);
    for (at, record) in [(AT, data.first), (AT + 4096, data.second)] {
        if record.is_some_and(|record| record.state == OtaState::Pending) {
            rewrite(flash, at, 4);
        }
    }
    let data = read(flash);
    let (sector, record) = data.active()?;
    if record.state == OtaState::New {
        rewrite(
            flash,
            if sector == Sector::First {
                AT
            } else {
                AT + 4096
            },
            1,
        );
    }
    Some(data.slot_of(&record))
}

#[test]
fn a_bootloader_with_roll_back_gives_one_attempt_and_we_agree() {
    let mut flash = confirmed(1);
    on(&mut flash, |store| store.select(1, 0).unwrap());
    assert_eq!(bootloader(&mut flash), Some(1));
    assert_eq!(
        on(&mut flash, |store| store.start(1, TWO)),
        Ok(Start::Trial { attempt: 1 })
    );
    assert_eq!(bootloader(&mut flash), Some(0), "not confirmed");
    assert_eq!(
        on(&mut flash, |store| store.start(0, TWO)),
        Ok(Start::Confirmed)
    );
    on(&mut flash, |store| store.select(1, 0).unwrap());
    assert_eq!(bootloader(&mut flash), Some(1));
    on(&mut flash, |store| store.start(1, TWO).unwrap());
    on(&mut flash, |store| store.confirm(1).unwrap());
    for _ in 0..3 {
        assert_eq!(bootloader(&mut flash), Some(1), "confirmed");
        assert_eq!(
            on(&mut flash, |store| store.start(1, TWO)),
            Ok(Start::Confirmed)
        );
    }
}

#[test]
fn a_partition_that_cannot_be_is_refused() {
    let mut flash = flash();
    for at in [0xF000, 0xD004, u32::MAX - 4095] {
        let store = OtaStore::new(flash.nor::<4, 4096>(), at, TWO);
        assert_eq!(store.err(), Some(OtaDataError::Partition));
    }
    let mut coarse = Flash::new(Config::new(0x2_0000, 64, 0x2000));
    assert!(OtaStore::new(coarse.nor::<64, 0x2000>(), 0x1_0000, TWO).is_err());
}

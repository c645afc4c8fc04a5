//! The model is harsh enough to break the protocols that break in the field, and fair enough
//! that a careful one survives everything it does.

use ota_sim::{Config, Cut, Flash, FlashError, Plan, Tear};
use std::collections::BTreeSet;

const UNIT: u32 = 256;
const WORD: u32 = 8;

fn config(ecc: bool) -> Config {
    let config = Config::new(4 * UNIT, WORD, UNIT);
    if ecc { config.with_ecc() } else { config }
}

fn word(flash: &mut Flash, at: u32) -> Result<u64, FlashError> {
    let mut bytes = [0; WORD as usize];
    flash
        .read(at, &mut bytes)
        .map(|()| u64::from_le_bytes(bytes))
}

/// A counter in three units: the newest record, the one before it, and one to be written.
mod careful {
    use super::{UNIT, WORD, word};
    use ota_sim::{Flash, FlashError};

    fn check(value: u64) -> u64 {
        (value ^ 0x5851_F42D_4C95_7F2D)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29)
    }

    /// An unreadable record is an invalid one; only the power matters to the caller.
    fn load(flash: &mut Flash, unit: u32) -> Result<Option<u64>, FlashError> {
        let words =
            word(flash, unit * UNIT).and_then(|a| Ok((a, word(flash, unit * UNIT + WORD)?)));
        match words {
            Ok((value, sum)) => Ok((sum == check(value)).then_some(value)),
            Err(FlashError::PowerCut) => Err(FlashError::PowerCut),
            Err(_) => Ok(None),
        }
    }

    fn all(flash: &mut Flash) -> Result<[Option<u64>; 3], FlashError> {
        Ok([load(flash, 0)?, load(flash, 1)?, load(flash, 2)?])
    }

    /// Writes to the unit that holds the least, never to the newest two.
    pub(super) fn store(flash: &mut Flash, value: u64) -> Result<(), FlashError> {
        let units = all(flash)?;
        let least = (0..3).min_by_key(|&unit| units[unit as usize]).unwrap();
        flash.erase(least * UNIT, (least + 1) * UNIT)?;
        let bytes = [value.to_le_bytes(), check(value).to_le_bytes()].concat();
        flash.program(least * UNIT, &bytes)?;
        assert_eq!(
            load(flash, least)?,
            Some(value),
            "after a whole erase nothing can fail"
        );
        Ok(())
    }

    /// The newest record may fade, so it is written again before anything rests on it.
    pub(super) fn boot(flash: &mut Flash) -> Result<u64, FlashError> {
        let value = all(flash)?.into_iter().flatten().max().unwrap_or(0);
        store(flash, value)?;
        Ok(value)
    }
}

/// Counts to four over power cuts; every boot must find what was acknowledged, or one more.
fn count_to_four(flash: &mut Flash) {
    let mut acknowledged = 0;
    while acknowledged < 4 {
        let mut cycle = || {
            let found = careful::boot(flash)?;
            let fits = (acknowledged..=acknowledged + 1).contains(&found);
            assert!(
                fits,
                "found {found} after {acknowledged}, replay {}",
                flash.history()
            );
            acknowledged = found;
            while acknowledged < 4 {
                careful::store(flash, acknowledged + 1)?;
                acknowledged += 1;
            }
            Ok(())
        };
        match cycle() {
            Ok(()) => {}
            Err(FlashError::PowerCut) => flash.power_up(),
            Err(error) => panic!("{error}, replay {}", flash.history()),
        }
    }
}

#[test]
fn a_careful_counter_survives_every_pair_of_cuts() {
    for ecc in [false, true] {
        let mut whole = Flash::new(config(ecc));
        count_to_four(&mut whole);
        let operations = whole.operations();
        assert!(operations >= 10);
        let tears: Vec<Tear> = Tear::ALL
            .into_iter()
            .chain((0..8).map(Tear::Random))
            .collect();
        let mut cuts = 0;
        for first in 1..=operations {
            for (i, &tear) in tears.iter().enumerate() {
                for (second, j) in (1..=operations).zip(i + 1..) {
                    let mut flash = Flash::new(config(ecc));
                    let again = tears[j % tears.len()];
                    flash.arm(Plan(vec![Cut::new(first, tear), Cut::new(second, again)]));
                    count_to_four(&mut flash);
                    cuts += flash.history().0.len();
                }
            }
        }
        assert!(cuts > 4000, "{cuts}");
    }
}

#[test]
fn a_careful_counter_survives_thousands_of_random_series_of_cuts() {
    let start = Flash::new(config(true));
    let mut cuts = 0;
    for seed in 0..20_000 {
        let series =
            (0..4).map(|i| Cut::new(1 + (seed >> (2 * i)) % 6, Tear::Random(seed * 4 + i)));
        let mut flash = start.clone();
        flash.arm(Plan(series.collect()));
        count_to_four(&mut flash);
        cuts += flash.history().0.len();
    }
    assert!(cuts > 40_000, "{cuts}");
}

/// The tears that break `protocol`, each cut alone at each of its operations.
fn broken(protocol: impl Fn(&mut Flash) -> bool) -> BTreeSet<String> {
    let mut broken = BTreeSet::new();
    for operation in 1..=4 {
        for tear in Tear::ALL.into_iter().chain((0..100).map(Tear::Random)) {
            let mut flash = Flash::new(config(false));
            flash.arm(Cut::new(operation, tear));
            if !protocol(&mut flash) {
                broken.insert(tear.to_string());
            }
        }
    }
    broken
}

#[test]
fn a_marker_where_anything_but_blank_means_done_is_found_out() {
    // A torn marker claims a thing that was never said, or takes the claim back later.
    let claims = |flash: &mut Flash| word(flash, 0) != Ok(u64::MAX);
    let broken = broken(|flash| {
        let acknowledged = flash.program(0, &1u64.to_le_bytes()).is_ok();
        flash.power_up();
        let first = claims(flash);
        let genuine = word(flash, 0) == Ok(1);
        flash.power_up();
        acknowledged || first == claims(flash) && (!first || genuine)
    });
    for tear in ["mixed", "first-word", "noise", "saturated", "late"] {
        assert!(broken.contains(tear), "{tear} not in {broken:?}");
    }
    assert!(!broken.contains("before") && !broken.contains("after"));
    assert!(broken.iter().any(|tear| tear.starts_with('r')));
}

#[test]
fn trusting_a_record_that_was_read_once_is_found_out() {
    // A value with a checksum is believed, and the old copy erased.
    let broken = broken(|flash| {
        flash.load(UNIT, &[7; 8]);
        let _ = flash.program(0, &[9; 8]);
        flash.power_up();
        if word(flash, 0) == Ok(u64::from_le_bytes([9; 8])) {
            flash.disarm();
            flash.erase(UNIT, 2 * UNIT).unwrap();
        }
        flash.power_up();
        let copies = [word(flash, 0), word(flash, UNIT)];
        copies.contains(&Ok(u64::from_le_bytes([7; 8])))
            || copies[0] == Ok(u64::from_le_bytes([9; 8]))
    });
    assert!(broken.contains("fading"), "{broken:?}");
    assert!(
        !broken.contains("mixed") && !broken.contains("noise"),
        "{broken:?}"
    );
}

#[test]
fn appending_at_the_first_blank_place_is_found_out() {
    let broken = broken(|flash| {
        let _ = flash.program(0, &[9; 8]);
        flash.power_up();
        flash.disarm();
        let blank = |flash: &mut Flash, at| word(flash, at) == Ok(u64::MAX);
        let free = (0..UNIT).step_by(8).find(|&at| blank(flash, at)).unwrap();
        flash.program(free, &[8; 8]).is_ok() && word(flash, free) == Ok(u64::from_le_bytes([8; 8]))
    });
    for tear in ["blank-weak", "blank-spoiled", "late"] {
        assert!(broken.contains(tear), "{tear} not in {broken:?}");
    }
    assert!(!broken.contains("noise"));
}

//! What a cut leaves behind, pattern by pattern and under seeds.

mod common;

use common::{blank, geometries, pattern, read};
use ota_sim::{Config, Cut, Flash, FlashError, Interrupted, OnViolation, Tear};
use std::collections::HashSet;

/// Cuts the program of `bytes` at 0 of a blank flash; the flash after the power-up.
fn torn_program(config: Config, bytes: &[u8], tear: Tear) -> Flash {
    let mut flash = Flash::new(config);
    flash.arm(Cut::new(1, tear));
    assert_eq!(flash.program(0, bytes), Err(FlashError::PowerCut), "{tear}");
    flash.power_up();
    flash
}

/// Cuts the erase of a unit full of `bytes`; the flash after the power-up.
fn torn_erase(config: Config, bytes: &[u8], tear: Tear) -> Flash {
    let mut flash = Flash::new(config);
    flash.load(0, bytes);
    flash.arm(Cut::new(1, tear));
    assert_eq!(
        flash.erase(0, config.erase_size),
        Err(FlashError::PowerCut),
        "{tear}"
    );
    flash.power_up();
    flash
}

fn seeds() -> impl Iterator<Item = Tear> {
    (0..200).map(Tear::Random)
}

#[test]
fn after_a_cut_every_access_fails_until_the_power_comes_back() {
    let mut flash = Flash::new(Config::new(4096, 4, 1024));
    flash.cut_at(2, 7);
    flash.program(1024, &[1; 4]).unwrap();
    assert_eq!(flash.erase(0, 1024), Err(FlashError::PowerCut));
    assert!(flash.is_off());
    let before = flash.bytes().to_vec();
    assert_eq!(flash.program(2048, &[1; 4]), Err(FlashError::PowerCut));
    assert_eq!(flash.erase(1024, 2048), Err(FlashError::PowerCut));
    assert_eq!(read(&mut flash, 1024, 4), Err(FlashError::PowerCut));
    assert_eq!((flash.bytes(), flash.operations()), (&before[..], 2));
    flash.power_up();
    assert!(!flash.is_off());
    assert_eq!(read(&mut flash, 1024, 4).unwrap(), [1; 4]);
}

#[test]
fn the_cut_hits_the_operation_it_was_armed_for_and_nothing_around_it() {
    let bytes = pattern(4, 1024);
    for operation in 1..=5_u32 {
        for tear in Tear::ALL.into_iter().chain(seeds().take(20)) {
            let mut flash = Flash::new(Config::new(8192, 4, 1024));
            flash.arm(Cut::new(operation.into(), tear));
            let done = flash.program(4096, &bytes);
            if operation == 5 {
                assert_eq!(
                    done,
                    Ok(()),
                    "four pages, so the fifth operation is still to come"
                );
                continue;
            }
            assert_eq!(done, Err(FlashError::PowerCut));
            let (from, to) = (256 * (operation as usize - 1), 256 * operation as usize);
            let at = 4096 + 256 * (operation - 1);
            assert_eq!(
                flash.interrupted(),
                Interrupted::Program {
                    offset: at,
                    len: 256
                }
            );
            let all = flash.bytes();
            assert_eq!(all[4096..4096 + from], bytes[..from], "{operation}:{tear}");
            assert!(
                all[4096 + to..].iter().all(|&byte| byte == 0xFF),
                "{operation}:{tear}"
            );
            assert!(
                all[..4096].iter().all(|&byte| byte == 0xFF),
                "{operation}:{tear}"
            );
        }
    }
}

#[test]
fn a_cut_erase_has_erased_the_units_before_and_left_those_after() {
    let bytes = pattern(5, 4096);
    for tear in Tear::ALL.into_iter().chain(seeds()) {
        let mut flash = Flash::new(Config::new(4096, 8, 1024));
        flash.load(0, &bytes);
        flash.arm(Cut::new(2, tear));
        assert_eq!(flash.erase(0, 4096), Err(FlashError::PowerCut));
        assert_eq!(flash.interrupted(), Interrupted::Erase { offset: 1024 });
        assert_eq!(flash.bytes()[..1024], [0xFF; 1024], "{tear}");
        assert_eq!(flash.bytes()[2048..], bytes[2048..], "{tear}");
    }
}

#[test]
fn a_cut_at_operation_zero_is_at_once_and_tears_nothing() {
    let mut flash = Flash::new(Config::new(4096, 4, 1024));
    flash.cut_at(0, 5);
    assert_eq!(
        (flash.is_off(), flash.interrupted()),
        (true, Interrupted::Nothing)
    );
    assert_eq!(flash.bytes(), [0xFF; 4096]);
    flash.power_up();
    flash.program(0, &[0; 4]).unwrap();
}

#[test]
fn a_disarmed_cut_does_not_happen() {
    let mut flash = Flash::new(Config::new(4096, 4, 1024));
    flash.cut_at(1, 5);
    flash.disarm();
    flash.program(0, &[0; 4]).unwrap();
    assert!(flash.history().0.is_empty());
}

#[test]
fn before_leaves_the_old_and_after_the_new_for_good() {
    for config in geometries() {
        let bytes = pattern(6, 256);
        let mut flash = torn_program(config, &bytes, Tear::Before);
        assert_eq!(read(&mut flash, 0, 256).unwrap(), blank(&config, 256));
        flash.program(0, &bytes).unwrap();
        assert_eq!(read(&mut flash, 0, 256).unwrap(), bytes);

        let mut flash = torn_program(config, &bytes, Tear::After);
        assert_eq!(read(&mut flash, 0, 256).unwrap(), bytes);

        let bytes = pattern(7, 1024);
        let mut flash = torn_erase(config, &bytes, Tear::Before);
        assert_eq!(read(&mut flash, 0, 1024).unwrap(), bytes);
        let mut flash = torn_erase(config, &bytes, Tear::After);
        assert_eq!(read(&mut flash, 0, 1024).unwrap(), blank(&config, 1024));
        flash.program(0, &bytes).unwrap();
        flash.power_up();
        assert_eq!(read(&mut flash, 0, 1024).unwrap(), bytes);
    }
}

#[test]
fn front_and_back_leave_one_half_done_from_either_end() {
    for config in geometries() {
        let (new, old) = (pattern(8, 256), blank(&config, 256));
        let flash = torn_program(config, &new, Tear::Front);
        assert_eq!(flash.bytes()[..256], [&new[..128], &old[128..]].concat());
        let flash = torn_program(config, &new, Tear::Back);
        assert_eq!(flash.bytes()[..256], [&old[..128], &new[128..]].concat());

        let (old, new) = (pattern(9, 1024), blank(&config, 1024));
        let flash = torn_erase(config, &old, Tear::Front);
        assert_eq!(flash.bytes()[..1024], [&new[..512], &old[512..]].concat());
        let flash = torn_erase(config, &old, Tear::Back);
        assert_eq!(flash.bytes()[..1024], [&old[..512], &new[512..]].concat());
    }
}

#[test]
fn a_single_word_is_halved_inside() {
    let flash = torn_program(Config::new(1024, 8, 1024), &[1; 8], Tear::Front);
    assert_eq!(flash.bytes()[..8], [1, 1, 1, 1, 0xFF, 0xFF, 0xFF, 0xFF]);
    let flash = torn_program(Config::new(1024, 8, 1024), &[1; 8], Tear::Back);
    assert_eq!(flash.bytes()[..8], [0xFF, 0xFF, 0xFF, 0xFF, 1, 1, 1, 1]);
    let flash = torn_program(Config::new(1024, 1, 1024), &[0x00], Tear::Front);
    assert_eq!(flash.bytes()[0], 0xF0);
    let flash = torn_program(Config::new(1024, 1, 1024), &[0x00], Tear::Back);
    assert_eq!(flash.bytes()[0], 0x0F);
}

#[test]
fn the_first_or_the_last_word_alone_can_be_torn() {
    for config in geometries() {
        let word = config.write_size as usize;
        let new = vec![!config.erased; 256];
        let mut torn = 0;
        let flash = torn_program(config, &new, Tear::FirstWord);
        assert_eq!(flash.bytes()[word..256], blank(&config, 256)[word..]);
        torn += usize::from(flash.bytes()[..word] != new[..word]);
        let flash = torn_program(config, &new, Tear::LastWord);
        assert_eq!(flash.bytes()[..256 - word], new[word..]);
        torn += usize::from(flash.bytes()[256 - word..256] != new[word..2 * word]);
        assert!(torn > 0, "{config:?}");
    }
}

#[test]
fn mixed_bits_are_each_old_or_new_and_there_are_both() {
    for config in geometries() {
        let new = vec![!config.erased; 256];
        let flash = torn_program(config, &new, Tear::Mixed);
        let ones: u32 = flash.bytes()[..256]
            .iter()
            .map(|byte| byte.count_ones())
            .sum();
        assert!((900..1150).contains(&ones), "{ones} of 2048");

        // Where old and new agree, the bit is what both say.
        let new = vec![0x0F; 256];
        let flash = torn_program(config, &new, Tear::Mixed);
        let kept = if config.erased == 0xFF { 0x0F } else { 0xF0 };
        assert!(
            flash.bytes()[..256]
                .iter()
                .all(|byte| byte & kept == config.erased & kept)
        );
    }
}

#[test]
fn noise_is_neither_old_nor_new_and_saturated_is_all_programmed() {
    for config in geometries() {
        let new = vec![0x0F; 256];
        let flash = torn_program(config, &new, Tear::Noise);
        let values: HashSet<u8> = flash.bytes()[..256].iter().copied().collect();
        assert!(values.len() > 100);
        let mut flash = torn_program(config, &new, Tear::Saturated);
        assert_eq!(read(&mut flash, 0, 256).unwrap(), vec![!config.erased; 256]);
        let mut flash = torn_erase(config, &new, Tear::Saturated);
        assert_eq!(
            read(&mut flash, 0, 1024).unwrap(),
            vec![!config.erased; 1024]
        );
    }
}

#[test]
fn patches_leave_whole_words_old_and_new() {
    let config = Config::new(4096, 4, 1024);
    let old = pattern(10, 1024);
    let flash = torn_erase(config, &old, Tear::Patches);
    let words = flash.bytes()[..1024].chunks(4).zip(old.chunks(4));
    let (mut kept, mut gone) = (0, 0);
    for (now, old) in words {
        kept += usize::from(now == old);
        gone += usize::from(now == [0xFF; 4]);
    }
    assert_eq!(kept + gone, 256);
    assert!(kept > 80 && gone > 80, "{kept} {gone}");
}

#[test]
fn a_weak_blank_word_reads_blank_and_refuses_a_program_without_a_violation() {
    for config in geometries() {
        let word = config.write_size as usize;
        let program = torn_program(config, &vec![0x0F; word], Tear::BlankWeak);
        let erase = torn_erase(config, &pattern(11, 1024), Tear::BlankWeak);
        for mut flash in [program, erase] {
            assert_eq!(read(&mut flash, 0, 1024).unwrap(), blank(&config, 1024));
            assert_eq!(
                flash.program(0, &vec![0x0F; word]),
                Err(FlashError::ProgramFailed)
            );
            assert_eq!(read(&mut flash, 0, 1024).unwrap(), blank(&config, 1024));
            assert!(flash.violations().is_empty());
            flash.erase(0, 1024).unwrap();
            flash.program(0, &vec![0x0F; word]).unwrap();
            assert_eq!(read(&mut flash, 0, word).unwrap(), vec![0x0F; word]);
        }
    }
}

#[test]
fn a_spoiled_blank_word_takes_a_program_and_reads_back_wrong() {
    for config in geometries() {
        let new = vec![0x0F; config.write_size as usize];
        let program = torn_program(config, &new, Tear::BlankSpoiled);
        let erase = torn_erase(config, &pattern(12, 1024), Tear::BlankSpoiled);
        for mut flash in [program, erase] {
            assert_eq!(read(&mut flash, 0, 1024).unwrap(), blank(&config, 1024));
            flash.program(0, &new).unwrap();
            assert_ne!(read(&mut flash, 0, new.len()).unwrap(), new);
            flash.erase(0, 1024).unwrap();
            flash.program(0, &new).unwrap();
            assert_eq!(read(&mut flash, 0, new.len()).unwrap(), new);
        }
    }
}

/// A flash whose first word looks blank behind a cut program and behind a cut erase, and has
/// been through so many power-ups since.
fn looks_blank(config: Config, tear: Tear, power_ups: u32) -> [Flash; 2] {
    let word = vec![0x0F; config.write_size as usize];
    let program = torn_program(config, &word, tear);
    let erase = torn_erase(config, &pattern(22, 1024), tear);
    [program, erase].map(|mut flash| {
        (0..power_ups).for_each(|_| flash.power_up());
        assert_eq!(read(&mut flash, 0, 1024).unwrap(), blank(&config, 1024));
        flash
    })
}

#[test]
fn a_blank_word_that_fades_takes_a_program_and_loses_it_at_the_next_power_up() {
    for config in geometries() {
        let new = vec![0x0F; config.write_size as usize];
        for power_ups in 0..3 {
            for mut flash in looks_blank(config, Tear::BlankFading, power_ups) {
                assert!(flash.loses(0..1) && !flash.loses(1024..2048));
                flash.program(0, &new).unwrap();
                for _ in 0..3 {
                    assert_eq!(read(&mut flash, 0, new.len()).unwrap(), new);
                }
                flash.power_up();
                let now = read(&mut flash, 0, new.len());
                assert_ne!(now, Ok(new.clone()), "{config:?}");
                flash.power_up();
                assert_eq!(read(&mut flash, 0, new.len()), now, "it fades once");
                assert!(flash.violations().is_empty());
            }
        }
    }
}

#[test]
fn a_blank_word_that_vanishes_reads_blank_again_and_spoils_the_next_program() {
    for config in geometries() {
        let new = vec![0x0F; config.write_size as usize];
        for power_ups in 0..3 {
            for mut flash in looks_blank(config, Tear::BlankVanishing, power_ups) {
                flash.program(0, &new).unwrap();
                assert_eq!(read(&mut flash, 0, new.len()).unwrap(), new);
                flash.power_up();
                let word = read(&mut flash, 0, new.len()).unwrap();
                assert_eq!(word, blank(&config, new.len()));
                flash.program(0, &new).unwrap();
                assert_ne!(read(&mut flash, 0, new.len()).unwrap(), new);
                assert!(flash.violations().is_empty());
            }
        }
    }
}

#[test]
fn a_program_that_is_cut_over_a_word_that_loses_it_is_lost_as_well() {
    for tear in [Tear::BlankFading, Tear::BlankVanishing] {
        let config = Config::new(4096, 8, 1024);
        let mut flash = torn_program(config, &[0x0F; 8], tear);
        flash.arm(Cut::new(1, Tear::After));
        flash.program(0, &[0x0F; 8]).unwrap_err();
        flash.power_up();
        assert_ne!(read(&mut flash, 0, 8), Ok(vec![0x0F; 8]), "{tear}");
    }
}

#[test]
fn an_erase_that_had_not_begun_heals_nothing() {
    let config = Config::new(4096, 8, 1024);
    let mut flash = torn_program(config, &[0x0F; 8], Tear::Fading);
    flash.arm(Cut::new(1, Tear::Before));
    flash.erase(0, 1024).unwrap_err();
    flash.power_up();
    assert_ne!(read(&mut flash, 0, 8), Ok(vec![0x0F; 8]));
}

#[test]
fn a_fading_record_reads_right_after_the_cut_and_wrong_after_the_next_power_up() {
    for config in geometries() {
        let new = pattern(13, 64);
        let mut flash = torn_program(config, &new, Tear::Fading);
        for _ in 0..3 {
            assert_eq!(
                read(&mut flash, 0, 64).unwrap(),
                new,
                "stable while the power is on"
            );
        }
        flash.power_up();
        let word = config.write_size as usize;
        for (at, new) in (0..64).step_by(word).zip(new.chunks(word)) {
            let now = read(&mut flash, at, word);
            assert!(now != Ok(new.to_vec()), "word at {at} of {config:?}");
        }
        let now = flash.bytes().to_vec();
        flash.power_up();
        assert_eq!(flash.bytes(), now, "it fades once");
    }
}

#[test]
fn a_unit_that_only_seems_erased_takes_a_program_and_loses_it() {
    for config in geometries() {
        let new = pattern(14, 1024);
        let mut flash = torn_erase(config, &pattern(15, 1024), Tear::Fading);
        assert_eq!(read(&mut flash, 0, 1024).unwrap(), blank(&config, 1024));
        flash.program(0, &new).unwrap();
        assert_eq!(read(&mut flash, 0, 1024).unwrap(), new);
        flash.power_up();
        let all = read(&mut flash, 0, 1024);
        assert_ne!(all, Ok(new));

        let mut again = torn_erase(config, &pattern(15, 1024), Tear::Fading);
        again.erase(0, 1024).unwrap();
        again.program(0, &pattern(14, 1024)).unwrap();
        again.power_up();
        again.power_up();
        assert_eq!(
            read(&mut again, 0, 1024).unwrap(),
            pattern(14, 1024),
            "a whole erase heals"
        );
    }
}

#[test]
fn a_late_change_shows_after_the_next_power_up() {
    for config in geometries() {
        let new = pattern(16, 64);
        let mut flash = torn_program(config, &new, Tear::Late);
        assert_eq!(read(&mut flash, 0, 64).unwrap(), blank(&config, 64));
        assert_eq!(flash.program(0, &new), Err(FlashError::ProgramFailed));
        flash.power_up();
        assert_eq!(read(&mut flash, 0, 64).unwrap(), new);

        let old = pattern(17, 1024);
        let mut flash = torn_erase(config, &old, Tear::Late);
        assert_eq!(read(&mut flash, 0, 1024).unwrap(), old);
        flash.power_up();
        assert_eq!(read(&mut flash, 0, 1024).unwrap(), blank(&config, 1024));
        let word = config.write_size as usize;
        assert_eq!(
            flash.program(0, &vec![0; word]),
            Err(FlashError::ProgramFailed)
        );
    }
}

#[test]
fn unstable_cells_differ_after_every_power_up_and_never_within_one() {
    for config in geometries() {
        let mut flash = torn_program(config, &pattern(18, 64), Tear::Unstable);
        let mut seen = HashSet::new();
        for _ in 0..10 {
            let now = read(&mut flash, 0, 64).unwrap();
            assert_eq!(read(&mut flash, 0, 64).unwrap(), now);
            assert!(seen.insert(now));
            flash.power_up();
        }
        flash.erase(0, 1024).unwrap();
        flash.power_up();
        assert_eq!(read(&mut flash, 0, 64).unwrap(), blank(&config, 64));
    }
}

#[test]
fn with_error_correction_and_only_with_it_reading_a_torn_word_is_an_error() {
    for config in geometries() {
        for tear in [Tear::Unreadable, Tear::Mixed, Tear::FirstWord] {
            let program = torn_program(config, &vec![0x0F; 256], tear);
            let erase = torn_erase(config, &pattern(19, 1024), tear);
            for mut flash in [program, erase] {
                let word = read(&mut flash, 0, 1);
                assert_eq!(word.is_err(), config.ecc, "{tear} {config:?}");
                let whole = read(&mut flash, 0, 2048);
                assert_eq!(whole.err(), config.ecc.then_some(FlashError::Unreadable));
                assert!(read(&mut flash, 1024, 1024).is_ok());
                flash.erase(0, 1024).unwrap();
                assert!(read(&mut flash, 0, 2048).is_ok());
            }
        }
    }
}

#[test]
fn a_whole_erase_heals_whatever_a_cut_left() {
    for config in geometries() {
        let new = pattern(20, 1024);
        for tear in Tear::ALL.into_iter().chain(seeds().take(40)) {
            let program = torn_program(config, &new[..256], tear);
            let erase = torn_erase(config, &new, tear);
            for mut flash in [program, erase] {
                flash.erase(0, 1024).unwrap();
                assert_eq!(read(&mut flash, 0, 1024).unwrap(), blank(&config, 1024));
                flash.program(0, &new).unwrap();
                for _ in 0..3 {
                    flash.power_up();
                    assert_eq!(read(&mut flash, 0, 1024).unwrap(), new, "{tear} {config:?}");
                }
            }
        }
    }
}

#[test]
fn words_outside_the_operation_in_flight_never_change() {
    for config in geometries() {
        for tear in Tear::ALL.into_iter().chain(seeds().take(40)) {
            let mut flash = Flash::new(config);
            let bytes = pattern(21, 4096);
            flash.program(0, &bytes[..512]).unwrap();
            flash.load(1024, &bytes[1024..]);
            flash.arm(Cut::new(1, tear));
            flash.program(512, &bytes[512..768]).unwrap_err();
            for _ in 0..3 {
                flash.power_up();
                assert_eq!(flash.bytes()[..512], bytes[..512], "{tear}");
                assert_eq!(flash.bytes()[768..1024], blank(&config, 256), "{tear}");
                assert_eq!(flash.bytes()[1024..], bytes[1024..], "{tear}");
            }
        }
    }
}

#[test]
fn a_page_over_the_border_of_two_units_is_torn_in_both() {
    let mut flash = Flash::new(Config::new(2048, 4, 1024));
    flash.arm(Cut::new(1, Tear::Unstable));
    flash.program(896, &[0; 256]).unwrap_err();
    for _ in 0..3 {
        let (first, second) = (
            flash.bytes()[896..1024].to_vec(),
            flash.bytes()[1024..1152].to_vec(),
        );
        flash.power_up();
        assert_ne!(flash.bytes()[896..1024], first);
        assert_ne!(flash.bytes()[1024..1152], second);
        assert!(
            flash.bytes()[..896]
                .iter()
                .chain(&flash.bytes()[1152..])
                .all(|&b| b == 0xFF)
        );
    }
    flash.erase(0, 1024).unwrap();
    let second = flash.bytes()[1024..1152].to_vec();
    flash.power_up();
    assert_eq!(
        flash.bytes()[..1024],
        [0xFF; 1024],
        "the erased half is at rest"
    );
    assert_ne!(flash.bytes()[1024..1152], second);
}

#[test]
fn random_tears_reach_every_outcome() {
    let config = Config::new(1024, 8, 1024).with_ecc();
    let new = [0x0F; 64];
    let (mut old, mut done, mut unreadable, mut other) = (0, 0, 0, 0);
    let (mut refused, mut spoiled, mut lost, mut moved) = (0, 0, 0, 0);
    for tear in (0..600).map(Tear::Random) {
        let mut flash = torn_program(config, &new, tear);
        match read(&mut flash, 0, 64) {
            Err(_) => unreadable += 1,
            Ok(now) if now == [0xFF; 64] => old += 1,
            Ok(now) if now == new => done += 1,
            Ok(_) => other += 1,
        }
        let before = flash.bytes().to_vec();
        let mut moving = flash.clone();
        moving.power_up();
        moved += usize::from(moving.bytes() != before);
        if read(&mut flash, 0, 64) == Ok(vec![0xFF; 64]) {
            match flash.program(0, &new) {
                Ok(()) if read(&mut flash, 0, 64) == Ok(new.to_vec()) => {
                    flash.power_up();
                    lost += usize::from(read(&mut flash, 0, 64) != Ok(new.to_vec()));
                }
                Ok(()) => spoiled += 1,
                Err(error) => refused += usize::from(error == FlashError::ProgramFailed),
            }
        }
    }
    let counts = [old, done, unreadable, other, refused, spoiled, lost, moved];
    assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
}

#[test]
fn a_failed_program_keeps_the_words_before_the_one_that_refused() {
    let mut flash = Flash::new(Config::new(1024, 8, 1024));
    flash.on_violation(OnViolation::Record);
    flash.arm(Cut::new(1, Tear::BlankWeak));
    flash.program(8, &[1; 8]).unwrap_err();
    flash.power_up();
    assert_eq!(flash.program(0, &[2; 24]), Err(FlashError::ProgramFailed));
    assert_eq!(flash.bytes()[..24], [[2; 8], [0xFF; 8], [0xFF; 8]].concat());
    assert!(flash.violations().is_empty());
    assert_eq!(flash.program(0, &[2; 8]), Err(FlashError::ProgrammedTwice));
}

#[test]
fn a_word_programmed_with_the_erased_value_in_a_cut_page_refuses_and_is_no_violation() {
    let mut flash = Flash::new(Config::new(1024, 8, 1024).with_erased(0));
    let mut page = [0x5A; 16];
    page[..8].fill(0);
    flash.arm(Cut::new(1, Tear::Front));
    assert_eq!(flash.program(0, &page), Err(FlashError::PowerCut));
    flash.power_up();
    let mut read = [1; 16];
    flash.read(0, &mut read).unwrap();
    assert_eq!(read, [0; 16], "it reads blank");
    assert_eq!(flash.program(0, &page), Err(FlashError::ProgramFailed));
}

#[test]
fn a_write_of_the_status_register_is_an_operation_that_a_cut_tears_for_good() {
    const OLD: u16 = 0x021C;
    const NEW: u16 = 0x0200;
    let mut flash = Flash::new(Config::new(1024, 1, 1024));
    assert_eq!(flash.status(), None);
    flash.write_status(OLD).unwrap();
    assert_eq!((flash.status(), flash.operations()), (Some(OLD), 1));
    let [mut old, mut new, mut mixed, mut any] = [0; 4];
    for tear in Tear::ALL.into_iter().chain(seeds()) {
        let mut flash = flash.clone();
        flash.arm(Cut::new(1, tear));
        assert_eq!(flash.write_status(NEW), Err(FlashError::PowerCut));
        assert_eq!(flash.interrupted(), Interrupted::Status);
        assert_eq!(flash.write_status(NEW), Err(FlashError::PowerCut));
        assert_eq!(flash.stats().status_writes, 2);
        let torn = flash.status();
        for _ in 0..3 {
            flash.power_up();
            assert_eq!(flash.status(), torn, "{tear}");
        }
        match torn {
            Some(OLD) => old += 1,
            Some(NEW) => new += 1,
            Some(bits) if bits & !OLD == 0 && bits & NEW == NEW => mixed += 1,
            _ => any += 1,
        }
    }
    assert!([old, new, mixed, any].iter().all(|&count| count > 0));
}

#[test]
fn what_the_status_register_holds_is_part_of_what_a_flash_holds() {
    let before = Flash::new(Config::new(1024, 1, 1024));
    let mut after = before.clone();
    after.write_status(0x1C).unwrap();
    assert_ne!(before.fingerprint(), after.fingerprint());
}

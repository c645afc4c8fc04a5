//! What a NOR flash promises while the power stays on.

mod common;

use common::{blank, geometries, pattern, read};
use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use ota_sim::{Config, Flash, FlashError, OnViolation, Tear};
use std::sync::{Arc, Mutex};

#[test]
fn a_new_flash_reads_blank_everywhere() {
    for config in geometries() {
        let mut flash = Flash::new(config);
        let size = config.size as usize;
        assert_eq!(read(&mut flash, 0, size).unwrap(), blank(&config, size));
    }
}

#[test]
fn what_was_programmed_is_read_back_across_erase_units_at_any_alignment() {
    for config in geometries() {
        let mut flash = Flash::new(config);
        let bytes = pattern(1, 2048);
        flash.program(512, &bytes).unwrap();
        for (from, len) in [(0, 2048), (1, 7), (500, 1024), (2047, 1), (13, 0)] {
            let offset = 512 + u32::try_from(from).unwrap();
            assert_eq!(
                read(&mut flash, offset, len).unwrap(),
                bytes[from..from + len]
            );
        }
        assert_eq!(&flash.bytes()[512..2560], bytes);
    }
}

#[test]
fn an_erase_blanks_its_units_and_no_others() {
    for config in geometries() {
        let mut flash = Flash::new(config);
        flash.program(0, &pattern(2, 4096)).unwrap();
        flash.erase(1024, 3072).unwrap();
        let bytes = flash.bytes();
        assert_eq!(bytes[..1024], pattern(2, 4096)[..1024]);
        assert_eq!(bytes[1024..3072], blank(&config, 2048));
        assert_eq!(bytes[3072..], pattern(2, 4096)[3072..]);
        flash.program(1024, &pattern(3, 1024)).unwrap();
    }
}

#[test]
fn operations_are_pages_of_256_bytes_and_erase_units() {
    let mut flash = Flash::new(Config::new(8192, 4, 1024));
    flash.program(0, &[]).unwrap();
    assert_eq!(flash.operations(), 0);
    flash.program(0, &[0; 4]).unwrap();
    assert_eq!(flash.operations(), 1);
    flash.program(4, &[0; 256]).unwrap();
    assert_eq!(flash.operations(), 2);
    flash.program(260, &[0; 260]).unwrap();
    assert_eq!(flash.operations(), 4);
    flash.erase(0, 3072).unwrap();
    assert_eq!(flash.operations(), 7);
    let mut byte = [0];
    flash.read(0, &mut byte).unwrap();
    assert_eq!(flash.operations(), 7);
}

#[test]
fn the_counters_say_what_happened() {
    let mut flash = Flash::new(Config::new(4096, 8, 1024));
    flash.program(0, &[0; 24]).unwrap();
    flash.erase(0, 2048).unwrap();
    flash.erase(1024, 2048).unwrap();
    read(&mut flash, 5, 10).unwrap();
    let stats = flash.stats();
    assert_eq!((stats.programs, stats.words, stats.bytes), (1, 3, 24));
    assert_eq!(
        (stats.erases, &stats.erases_per_unit[..]),
        (3, &[1, 2, 0, 0][..])
    );
    assert_eq!((stats.reads, stats.bytes_read), (1, 10));
}

#[test]
fn a_clone_is_a_snapshot_that_neither_side_can_change() {
    let mut flash = Flash::new(Config::new(4096, 4, 1024));
    flash.program(0, &[1; 4]).unwrap();
    let mut snapshot = flash.clone();
    flash.program(4, &[2; 4]).unwrap();
    flash.erase(1024, 2048).unwrap();
    snapshot.program(4, &[3; 4]).unwrap();
    assert_eq!(flash.bytes()[..8], [1, 1, 1, 1, 2, 2, 2, 2]);
    assert_eq!(snapshot.bytes()[..8], [1, 1, 1, 1, 3, 3, 3, 3]);
    assert_eq!((flash.operations(), snapshot.operations()), (3, 2));
}

#[test]
fn a_flash_can_move_to_another_thread() {
    fn sendable<T: Send + Sync>(_: &T) {}
    sendable(&Flash::new(Config::new(1024, 1, 1024)));
}

#[test]
fn every_geometry_that_no_flash_has_is_refused() {
    let good = Config::new(4096, 4, 1024);
    let bad = [
        Config {
            write_size: 0,
            ..good
        },
        Config {
            write_size: 3,
            ..good
        },
        Config {
            write_size: 512,
            ..good
        },
        Config {
            erase_size: 0,
            ..good
        },
        Config {
            erase_size: 1022,
            ..good
        },
        Config { size: 0, ..good },
        Config { size: 4097, ..good },
        Config {
            erased: 0xA5,
            ..good
        },
    ];
    for config in bad {
        let refused = std::panic::catch_unwind(|| Flash::new(config));
        assert!(refused.is_err(), "{config:?}");
    }
}

#[test]
fn the_view_is_a_nor_flash_with_the_sizes_of_its_type() {
    let mut flash = Flash::new(Config::new(8192, 8, 4096));
    let mut nor = flash.nor::<8, 4096>();
    assert_eq!(nor.capacity(), 8192);
    nor.write(16, &[7; 8]).unwrap();
    let mut bytes = [0; 10];
    nor.read(15, &mut bytes).unwrap();
    assert_eq!(bytes, [0xFF, 7, 7, 7, 7, 7, 7, 7, 7, 0xFF]);
    nor.erase(0, 4096).unwrap();
    nor.flash().on_violation(OnViolation::Record);
    assert_eq!(
        nor.write(4, &[0; 8]).unwrap_err().kind(),
        NorFlashErrorKind::NotAligned
    );
    assert_eq!(
        nor.erase(4096, 12288).unwrap_err().kind(),
        NorFlashErrorKind::OutOfBounds
    );
    nor.flash().cut_at(1, 1);
    assert_eq!(
        nor.write(0, &[0; 8]).unwrap_err().kind(),
        NorFlashErrorKind::Other
    );
    assert!(flash.is_off());
}

#[test]
#[should_panic(expected = "not the flash's")]
fn a_view_of_other_sizes_is_refused() {
    let _ = Flash::new(Config::new(8192, 8, 4096)).nor::<4, 4096>();
}

#[test]
fn a_loaded_image_may_be_programmed_where_it_is_blank_and_only_there() {
    let mut flash = Flash::new(Config::new(2048, 4, 1024));
    flash.on_violation(OnViolation::Record);
    flash.load(1022, &[1, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    assert_eq!(flash.operations(), 0);
    assert_eq!(flash.bytes()[1022..1024], [1, 2]);
    flash.program(1024, &[9; 4]).unwrap();
    assert_eq!(
        flash.program(1020, &[9; 4]),
        Err(FlashError::ProgrammedTwice)
    );
}

#[test]
fn rot_changes_one_byte_and_goes_with_an_erase() {
    let mut flash = Flash::new(Config::new(2048, 4, 1024));
    flash.program(0, &[0x55; 8]).unwrap();
    flash.corrupt(3, 0x54);
    assert_eq!(
        read(&mut flash, 0, 8).unwrap(),
        [0x55, 0x55, 0x55, 0x54, 0x55, 0x55, 0x55, 0x55]
    );
    // In a blank word, only bits that are still erased can take the program.
    flash.corrupt(16, 0xF0);
    flash.program(16, &[0x3C; 4]).unwrap();
    assert_eq!(read(&mut flash, 16, 4).unwrap(), [0x30, 0x3C, 0x3C, 0x3C]);
    flash.erase(0, 1024).unwrap();
    assert_eq!(read(&mut flash, 0, 8).unwrap(), [0xFF; 8]);
}

#[test]
fn a_failing_read_fails_for_every_range_that_touches_it_until_an_erase() {
    let mut flash = Flash::new(Config::new(2048, 8, 1024));
    flash.program(0, &[1; 64]).unwrap();
    flash.fail_read(20..21);
    for (offset, len) in [(16, 1), (23, 1), (0, 17), (0, 2048), (20, 4)] {
        assert_eq!(
            read(&mut flash, offset, len),
            Err(FlashError::Unreadable),
            "{offset} {len}"
        );
    }
    assert!(read(&mut flash, 0, 16).is_ok() && read(&mut flash, 24, 40).is_ok());
    flash.erase(0, 1024).unwrap();
    assert!(read(&mut flash, 0, 2048).is_ok());
}

#[test]
fn bad_cells_fail_every_program_and_change_nothing() {
    let mut flash = Flash::new(Config::new(2048, 8, 1024));
    flash.fail_program(8..9);
    assert_eq!(flash.program(0, &[1; 16]), Err(FlashError::ProgramFailed));
    flash.erase(0, 1024).unwrap();
    assert_eq!(flash.program(8, &[1; 8]), Err(FlashError::ProgramFailed));
    assert_eq!(read(&mut flash, 0, 16).unwrap(), [0xFF; 16]);
    flash.program(0, &[1; 8]).unwrap();
    assert!(flash.violations().is_empty());
}

#[test]
fn guards_see_the_part_of_each_program_that_lies_in_their_range() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut flash = Flash::new(Config::new(2048, 4, 1024));
    let log = Arc::clone(&seen);
    flash.guard(8..16, move |offset, bytes| {
        log.lock().unwrap().push((offset, bytes.to_vec()));
        true
    });
    flash.program(0, &[1; 8]).unwrap();
    flash.program(8, &[2; 4]).unwrap();
    flash.program(12, &[3; 8]).unwrap();
    assert_eq!(*seen.lock().unwrap(), [(8, vec![2; 4]), (12, vec![3; 4])]);
}

#[test]
fn every_error_says_what_to_do_in_one_line() {
    let all = [
        FlashError::PowerCut,
        FlashError::NotAligned,
        FlashError::OutOfBounds,
        FlashError::Protected,
        FlashError::ProgrammedTwice,
        FlashError::NotApproved,
        FlashError::Unreadable,
        FlashError::ProgramFailed,
        FlashError::ReadFailed,
        FlashError::EraseFailed,
        FlashError::File,
    ];
    let texts: std::collections::HashSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), all.len());
    assert!(
        texts
            .iter()
            .all(|text| !text.is_empty() && !text.contains('\n'))
    );
    assert_eq!(Tear::ALL.len(), 18);
}

#[test]
fn flashes_differ_where_one_was_changed_and_have_another_fingerprint_then() {
    let mut flash = Flash::new(Config::new(4096, 4, 1024));
    flash.program(0, &[1; 8]).unwrap();
    let copy = flash.clone();
    assert_eq!(flash.fingerprint(), copy.fingerprint());
    assert_eq!(flash.differences(&copy).count(), 0);

    // Reads the same, and is not the same: this word may not be programmed again.
    flash.program(1024, &[0xFF; 4]).unwrap();
    assert_eq!(flash.bytes(), copy.bytes());
    assert_eq!(flash.differences(&copy).collect::<Vec<_>>(), [1024]);
    assert_ne!(flash.fingerprint(), copy.fingerprint());
    flash.erase(1024, 2048).unwrap();
    assert_eq!(flash.differences(&copy).count(), 0);
    assert_eq!(flash.fingerprint(), copy.fingerprint());
}

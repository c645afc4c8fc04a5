//! What the flash refuses, and how a test hears of it.

mod common;

use common::geometries;
use ota_sim::{Config, Cut, Flash, FlashError, OnViolation, Tear, ViolationKind};

const CONFIG: Config = Config::new(4096, 8, 1024);

/// The one violation of `call`, which must have changed nothing and counted no operation.
fn refusal(
    flash: &mut Flash,
    call: impl FnOnce(&mut Flash) -> Result<(), FlashError>,
) -> ViolationKind {
    flash.on_violation(OnViolation::Record);
    let before = (
        flash.bytes().to_vec(),
        flash.operations(),
        flash.violations().len(),
    );
    let error = call(flash).expect_err("the call should be refused");
    let after = (
        flash.bytes().to_vec(),
        flash.operations(),
        flash.violations().len(),
    );
    assert_eq!((before.0, before.1, before.2 + 1), after, "{error}");
    flash.violations()[before.2].kind
}

#[test]
fn a_word_is_programmed_once_between_two_erases_even_with_the_same_or_blank_bytes() {
    for config in geometries() {
        let word = config.write_size as usize;
        for bytes in [
            vec![0x5A; word],
            vec![config.erased; word],
            vec![!config.erased; word],
        ] {
            let mut flash = Flash::new(config);
            flash.program(config.write_size, &bytes).unwrap();
            let kind = refusal(&mut flash, |f| f.program(config.write_size, &bytes));
            assert_eq!(kind, ViolationKind::ProgrammedTwice);
            // One such word within a larger program is enough.
            let kind = refusal(&mut flash, |f| f.program(0, &vec![0; 4 * word]));
            assert_eq!(kind, ViolationKind::ProgrammedTwice);
            assert_eq!(flash.violations()[1].offset, config.write_size);
            flash.erase(0, 1024).unwrap();
            flash.program(config.write_size, &bytes).unwrap();
        }
    }
}

#[test]
fn an_unaligned_offset_or_length_is_refused() {
    let mut flash = Flash::new(CONFIG);
    for (offset, len) in [(1, 8), (4, 8), (0, 1), (0, 12), (8, 7)] {
        let kind = refusal(&mut flash, |f| f.program(offset, &vec![0; len]));
        assert_eq!(kind, ViolationKind::NotAligned);
    }
    for (from, to) in [(0, 8), (8, 1024), (512, 1536), (0, 1023)] {
        let kind = refusal(&mut flash, |f| f.erase(from, to));
        assert_eq!(kind, ViolationKind::NotAligned);
    }
}

#[test]
fn a_range_outside_the_flash_is_refused() {
    let mut flash = Flash::new(CONFIG);
    let kind = refusal(&mut flash, |f| f.program(4096, &[0; 8]));
    assert_eq!(kind, ViolationKind::OutOfBounds);
    let kind = refusal(&mut flash, |f| f.program(4088, &[0; 16]));
    assert_eq!(kind, ViolationKind::OutOfBounds);
    let kind = refusal(&mut flash, |f| f.program(u32::MAX - 7, &[0; 16]));
    assert_eq!(kind, ViolationKind::OutOfBounds);
    let kind = refusal(&mut flash, |f| f.erase(3072, 5120));
    assert_eq!(kind, ViolationKind::OutOfBounds);
    let kind = refusal(&mut flash, |f| f.erase(2048, 1024));
    assert_eq!(kind, ViolationKind::OutOfBounds);
    let kind = refusal(&mut flash, |f| f.read(4090, &mut [0; 7]));
    assert_eq!(kind, ViolationKind::OutOfBounds);
}

#[test]
fn a_protected_range_takes_no_program_and_no_erase_but_can_be_read() {
    let mut flash = Flash::new(CONFIG);
    flash.load(0, b"bootloader");
    flash.protect(0..1500);
    let kind = refusal(&mut flash, |f| f.program(1496, &[0; 8]));
    assert_eq!(kind, ViolationKind::Protected);
    let kind = refusal(&mut flash, |f| f.erase(1024, 2048));
    assert_eq!(kind, ViolationKind::Protected);
    flash.program(1504, &[0; 8]).unwrap();
    flash.erase(2048, 4096).unwrap();
    let mut bytes = [0; 10];
    flash.read(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"bootloader");
}

#[test]
fn what_a_guard_does_not_approve_is_not_programmed() {
    let mut flash = Flash::new(CONFIG);
    flash.guard(1024..2048, |offset, bytes| {
        offset == 1024 && bytes == [7; 8]
    });
    flash.program(1024, &[7; 8]).unwrap();
    let kind = refusal(&mut flash, |f| f.program(1032, &[7; 8]));
    assert_eq!(kind, ViolationKind::NotApproved);
    flash.program(2048, &[9; 8]).unwrap();
}

#[test]
#[should_panic(expected = "flash violation: program of 8 bytes at 0x8 after 1 operations")]
fn a_violation_panics_in_the_offending_call_by_default() {
    let mut flash = Flash::new(CONFIG);
    flash.program(8, &[1; 8]).unwrap();
    let _ = flash.program(8, &[1; 8]);
}

#[test]
#[should_panic(expected = "cuts: 1:noise+1:r9")]
fn the_panic_names_the_cuts_that_led_there() {
    let mut flash = Flash::new(CONFIG);
    flash.arm(Cut::new(1, Tear::Noise));
    flash.program(0, &[1; 8]).unwrap_err();
    flash.power_up();
    flash.cut_at(1, 9);
    flash.program(8, &[1; 8]).unwrap_err();
    flash.power_up();
    let _ = flash.program(1, &[1; 8]);
}

#[test]
fn a_torn_word_that_shows_it_is_not_programmed_again() {
    for tear in [Tear::Noise, Tear::Saturated, Tear::After] {
        let mut flash = Flash::new(CONFIG);
        flash.arm(Cut::new(1, tear));
        flash.program(0, &[1; 8]).unwrap_err();
        flash.power_up();
        let kind = refusal(&mut flash, |f| f.program(0, &[1; 8]));
        assert_eq!(kind, ViolationKind::ProgrammedTwice, "{tear}");
    }
}

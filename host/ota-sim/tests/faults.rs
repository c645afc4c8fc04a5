//! What goes wrong without a power cut, and the ids that replay it.

mod common;

use common::{pattern, read};
use ota_sim::{Config, Cut, Fault, Flash, FlashError, Tear, Trouble};

/// Four units of 1024 bytes, the first and the last half full, with this fault armed.
fn with(at: u64, trouble: Trouble) -> Flash {
    let mut flash = Flash::new(Config::new(4096, 8, 1024));
    flash.load(0, &pattern(1, 512));
    flash.load(3072, &pattern(2, 512));
    flash.arm_fault(Fault::new(at, trouble));
    flash
}

#[test]
fn an_ignored_program_reports_success_and_changes_nothing() {
    let mut flash = with(2, Trouble::IgnoredProgram);
    let bytes = pattern(3, 768);
    flash.program(1024, &bytes).unwrap();
    let now = read(&mut flash, 1024, 768).unwrap();
    assert_eq!(
        now,
        [&bytes[..256], &[0xFF; 256], &bytes[512..]].concat(),
        "the second page was left out"
    );
    assert_eq!(flash.struck(), 1);
    flash.program(1280, &bytes[256..512]).unwrap();
    assert_eq!(read(&mut flash, 1024, 768).unwrap(), bytes);
}

#[test]
fn a_failed_erase_changes_nothing_and_succeeds_when_it_is_tried_again() {
    let mut flash = with(1, Trouble::FailedErase);
    assert_eq!(flash.erase(0, 1024), Err(FlashError::EraseFailed));
    assert_eq!(read(&mut flash, 0, 512).unwrap(), pattern(1, 512));
    flash.erase(0, 1024).unwrap();
    assert_eq!(read(&mut flash, 0, 512).unwrap(), [0xFF; 512]);
    assert_eq!(flash.struck(), 1);
}

#[test]
fn a_worn_unit_can_be_programmed_and_never_erased() {
    let mut flash = with(1, Trouble::WornUnit);
    for _ in 0..3 {
        assert_eq!(flash.erase(0, 1024), Err(FlashError::EraseFailed));
        flash.power_up();
    }
    flash.program(512, &[1; 8]).unwrap();
    assert_eq!(read(&mut flash, 512, 8).unwrap(), [1; 8]);
    flash.erase(3072, 4096).unwrap();
}

#[test]
fn a_dead_unit_keeps_what_it_holds_whatever_is_done_to_it() {
    let mut flash = with(1, Trouble::DeadUnit);
    let dead = |flash: &mut Flash| {
        assert_eq!(flash.program(512, &[1; 8]), Err(FlashError::ProgramFailed));
        assert_eq!(flash.erase(0, 1024), Err(FlashError::EraseFailed));
        let whole = [pattern(1, 512), vec![0xFF; 512]].concat();
        assert_eq!(read(flash, 0, 1024).unwrap(), whole);
    };
    dead(&mut flash);
    flash.power_up();
    dead(&mut flash);
    // Nor does a cut change it.
    flash.arm(Cut::new(1, Tear::Noise));
    assert_eq!(flash.erase(0, 1024), Err(FlashError::PowerCut));
    flash.power_up();
    dead(&mut flash);
    flash.erase(3072, 4096).unwrap();
    flash.mend();
    flash.erase(0, 1024).unwrap();
}

#[test]
fn a_rotting_unit_loses_a_bit_with_every_power_up() {
    let mut flash = with(1, Trouble::RottingUnit);
    flash.erase(0, 1024).unwrap_err();
    let whole = flash.bytes().to_vec();
    for power_ups in 1..=20_u32 {
        flash.power_up();
        let flipped: u32 = whole
            .iter()
            .zip(flash.bytes())
            .map(|(old, new)| (old ^ new).count_ones())
            .sum();
        assert!((1..=power_ups).contains(&flipped));
        assert_eq!(flash.bytes()[1024..], whole[1024..]);
    }
}

#[test]
fn reads_fail_so_often_in_a_row_and_then_succeed() {
    let mut flash = with(2, Trouble::FailedReads(3));
    assert!(read(&mut flash, 0, 8).is_ok());
    for _ in 0..3 {
        assert_eq!(read(&mut flash, 0, 8), Err(FlashError::ReadFailed));
    }
    assert_eq!(read(&mut flash, 0, 512).unwrap(), pattern(1, 512));
    assert_eq!(flash.struck(), 3);
}

#[test]
fn a_flipped_read_is_wrong_in_one_bit_and_right_the_next_time() {
    let mut flash = with(1, Trouble::FlippedRead);
    let (right, wrong) = (pattern(1, 512), read(&mut flash, 0, 512).unwrap());
    let flipped: u32 = right
        .iter()
        .zip(&wrong)
        .map(|(right, wrong)| (right ^ wrong).count_ones())
        .sum();
    assert_eq!(flipped, 1);
    assert_eq!(read(&mut flash, 0, 512).unwrap(), right);
}

#[test]
fn a_flipped_bit_at_rest_turns_round_at_its_power_up_and_stays() {
    let mut flash = with(2, Trouble::FlippedBit { offset: 9, bit: 5 });
    let mut bytes = pattern(1, 512);
    flash.power_up();
    assert_eq!(read(&mut flash, 0, 512).unwrap(), bytes);
    bytes[9] ^= 1 << 5;
    for _ in 0..3 {
        flash.power_up();
        assert_eq!(read(&mut flash, 0, 512).unwrap(), bytes);
    }
    flash.erase(0, 1024).unwrap();
    assert_eq!(read(&mut flash, 0, 512).unwrap(), [0xFF; 512]);
}

#[test]
fn a_fault_is_counted_from_where_it_is_armed_and_replays_from_its_text() {
    let faults = [
        Fault::new(17, Trouble::IgnoredProgram),
        Fault::new(1, Trouble::FailedErase),
        Fault::new(3, Trouble::WornUnit),
        Fault::new(4, Trouble::DeadUnit),
        Fault::new(5, Trouble::RottingUnit),
        Fault::new(6, Trouble::FailedReads(40)),
        Fault::new(7, Trouble::FlippedRead),
        Fault::new(8, Trouble::FlippedBit { offset: 9, bit: 7 }),
    ];
    for fault in faults {
        assert_eq!(fault.to_string().parse(), Ok(fault));
    }
    for text in [
        "",
        "17",
        "17:",
        "x:dead-unit",
        "1:flipped-bit@9.8",
        "1:failed-reads",
    ] {
        assert!(text.parse::<Fault>().is_err(), "{text}");
    }
    let mut flash = with(1, Trouble::FailedErase);
    flash.mend();
    flash.erase(0, 1024).unwrap();
    flash.arm_fault(Fault::new(2, Trouble::FailedErase));
    flash.erase(0, 1024).unwrap();
    assert_eq!(flash.erase(0, 1024), Err(FlashError::EraseFailed));
}

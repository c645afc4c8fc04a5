//! The watchdog, and what a firmware can tell of the last reset.

use crate::thumb::{Program, run_to_end};
use ota_emu::rp2040::Board;
use ota_emu::{Exit, Fault, Reset};

const WATCHDOG: u32 = 0x4005_8000;
const WATCHDOG_LOAD: u32 = WATCHDOG + 4;
const REASON: u32 = WATCHDOG + 8;
const SCRATCH: u32 = WATCHDOG + 0xC;
const TICK: u32 = WATCHDOG + 0x2C;
const SELECT: u32 = 0x4001_0008;
const CHIP_RESET: u32 = 0x4006_4008;
const ENABLE: u32 = 1 << 30;
const TRIGGER: u32 = 1 << 31;
/// Where a program leaves what it saw.
const SEEN: u32 = 0x2003_0000;
/// `b .`
const FOR_EVER: u16 = 0xE7FE;

/// A program that leaves REASON, CHIP_RESET and the first scratch register in RAM.
fn look() -> Program {
    let mut program = Program::default();
    for (place, register) in (SEEN..).step_by(4).zip([REASON, CHIP_RESET, SCRATCH]) {
        program = program.fetch(5, register).load(7, place).op(0x603D);
    }
    program
}

fn armed(microseconds: u32) -> Program {
    look()
        .store(SCRATCH, 0xCAFE)
        .store(SELECT, 0x1_FFFC)
        .store(TICK, 1 << 9 | 12)
        .store(WATCHDOG_LOAD, 2 * microseconds)
        .store(WATCHDOG, ENABLE)
}

/// Boots again, and says what the program sees then: REASON, CHIP_RESET, scratch.
fn seen_again(board: &mut Board) -> [Option<u32>; 3] {
    board.start_at(0x1000_0100);
    let _ = board.run(300);
    [0, 4, 8].map(|offset| board.word(SEEN + offset))
}

#[test]
fn a_hang_is_ended_by_the_watchdog_in_time() {
    let mut board = armed(10_000).op(FOR_EVER).in_flash();
    let start = board.now();
    assert_eq!(board.run(10_000_000), Exit::Reset(Reset::WatchdogTimeout));
    let took = board.now() - start;
    assert!((10_000..16_000).contains(&took), "{took} us");
    let [reason, chip, scratch] = seen_again(&mut board);
    assert_eq!(reason, Some(1), "TIMER");
    assert_eq!(chip, Some(1 << 8), "HAD_POR, from the last power-up");
    assert_eq!(scratch, Some(0xCAFE), "scratch registers survive");
}

#[test]
fn a_lock_up_is_ended_by_the_watchdog_too() {
    // The hard fault vector is rubbish, and udf gets there.
    let mut board = armed(10_000).op(0xDE00).in_flash();
    board.deliver_hard_faults(true);
    assert_eq!(board.run(10_000_000), Exit::Reset(Reset::WatchdogTimeout));
    let mut board = look().op(0xDE00).in_flash();
    board.deliver_hard_faults(true);
    assert!(matches!(board.run(10_000_000), Exit::LockedUp { .. }));
}

#[test]
fn a_trigger_is_not_a_time_out() {
    let program = look().store(SELECT, 0x1_FFFC).store(WATCHDOG, TRIGGER);
    let mut board = program.done().in_flash();
    assert_eq!(board.run(1000), Exit::Reset(Reset::WatchdogForced));
    assert_eq!(seen_again(&mut board)[0], Some(2), "FORCE");
}

#[test]
fn power_clears_reason_and_scratch() {
    let mut board = armed(10_000).op(FOR_EVER).in_flash();
    assert_eq!(board.run(10_000_000), Exit::Reset(Reset::WatchdogTimeout));
    board.power_up();
    let seen = seen_again(&mut board);
    assert_eq!(seen, [Some(0), Some(1 << 8), Some(0)]);
    board.press_reset();
    assert_eq!(seen_again(&mut board)[1], Some(1 << 16), "HAD_RUN");
}

#[test]
fn a_watchdog_that_selects_nothing_is_a_mistake() {
    let mut board = Program::default()
        .store(WATCHDOG, TRIGGER)
        .done()
        .in_flash();
    let exit = board.run(1000);
    assert_eq!(exit, Exit::Fault(Fault::WatchdogSelectsNothing));
}

#[test]
fn a_reset_of_the_core_does_not_stop_the_watchdog() {
    let program = armed(10_000).store(0xE000_ED0C, 0x05FA_0004);
    let mut board = program.done().in_flash();
    assert_eq!(board.run(1000), Exit::Reset(Reset::System));
    board.start_at(0x1000_0100);
    board.edit_flash(|flash| {
        let start = 0x200;
        flash.load(start, &FOR_EVER.to_le_bytes());
    });
    assert_eq!(board.run(10_000_000), Exit::Reset(Reset::WatchdogTimeout));
}

#[test]
fn ram_survives_the_watchdog_and_not_the_power() {
    let program = look().store(SEEN, 0x1234_5678).store(SELECT, 0x1_FFFC);
    let mut board = program.store(WATCHDOG, TRIGGER).done().in_flash();
    assert_eq!(board.run(1000), Exit::Reset(Reset::WatchdogForced));
    assert_eq!(board.word(SEEN), Some(0x1234_5678));
    board.power_up();
    assert_ne!(board.word(SEEN), Some(0x1234_5678));
    let mut other = Program::default().done().in_flash();
    run_to_end(&mut other);
}

#[test]
fn the_second_stage_runs_from_ram_at_every_boot() {
    let program = Program::default()
        .store(SEEN, 0xB002)
        .store(SELECT, 0x1_FFFC)
        .store(WATCHDOG, TRIGGER);
    let mut board = program.op(FOR_EVER).in_second_stage();
    assert_eq!(board.pc(), 0x2004_1F00);
    for _ in 0..3 {
        assert_eq!(board.run(1000), Exit::Reset(Reset::WatchdogForced));
        assert_eq!(board.word(SEEN), Some(0xB002));
        board.power_up();
        assert_ne!(board.word(SEEN), Some(0xB002));
    }
}

#[test]
fn a_second_stage_with_a_wrong_checksum_is_not_run() {
    let mut board = Program::default().op(FOR_EVER).in_second_stage();
    board.edit_flash(|flash| flash.corrupt(100, 0x55));
    board.power_up();
    assert_eq!(board.run(1000), Exit::NoSecondStage);
}

//! Watchdogs, resets and their causes, and what survives them.

use crate::programs::{
    A0, KEY, MWDT, Program, RTC, RWDT, RWDT_FEED, RWDT_KEY, SEEN, SUPER, SUPER_KEY, fault,
    run_to_end, seen,
};
use crate::riscv::{FOR_EVER, WFI};
use ota_emu::esp32c3::Board;
use ota_emu::{Exit, Fault, Reset};

const RESET_STATE: u32 = RTC + 0x38;
const OPTIONS: u32 = RTC;
const STORE: u32 = RTC + 0x50;
const RTC_RAM: u32 = 0x5000_0000;
const RWDT_ON: u32 = 1 << 31;
/// Cycles of the slow oscillator in a millisecond.
const MS: u32 = 136;
const TIMEOUT: Exit = Exit::Reset(Reset::WatchdogTimeout);
const SYSTEM: Exit = Exit::Reset(Reset::System);

/// Notes why it was reset, in the register and by the ROM, before the rest.
fn look() -> Program {
    let look = Program::quiet().note(0, RESET_STATE).rom(0x18, [0]);
    look.keep(1, A0)
}

/// With the RTC's watchdog: actions of its stages, and milliseconds of the first two.
fn armed(actions: u32, first: u32, second: u32) -> Program {
    look()
        .store(RWDT_KEY, KEY)
        // Stage 0 is twice as long as it says.
        .store(RWDT + 4, first * MS / 2)
        .store(RWDT + 8, second * MS)
        .store(RWDT, RWDT_ON | actions)
}

fn action(stage: u32, action: u32) -> u32 {
    action << (28 - 3 * stage)
}

#[track_caller]
fn cause(board: &Board) -> u32 {
    let [register, rom] = seen(board);
    assert_eq!(register & 0x3F, rom);
    rom
}

/// Runs to the end of what the board does after a reset, which tells the cause.
#[track_caller]
fn cause_after(board: &mut Board) -> u32 {
    board.run(100_000);
    cause(board)
}

#[track_caller]
fn ends_after(board: &mut Board, exit: Exit) -> u64 {
    let start = board.now();
    assert_eq!(board.run(1_000_000), exit);
    board.now() - start
}

#[test]
fn each_reset_tells_its_cause() {
    let mut board = look().done().on_board();
    run_to_end(&mut board);
    assert_eq!(cause(&board), 1);
    board.press_reset();
    run_to_end(&mut board);
    assert_eq!(cause(&board), 1);
    board.brown_out();
    run_to_end(&mut board);
    assert_eq!(cause(&board), 0x0F);
    board.power_up();
    run_to_end(&mut board);
    assert_eq!(cause(&board), 1);
    for (program, exit, expected) in [
        (look().store(OPTIONS, 1 << 31), SYSTEM, 0x03),
        (look().store(OPTIONS, 1 << 5), SYSTEM, 0x0C),
        (look().rom(0x90, []), SYSTEM, 0x03),
        (look().rom(0x94, []), SYSTEM, 0x0C),
        (armed(action(0, 2), 10, 10).op(FOR_EVER), TIMEOUT, 0x0D),
        (armed(action(0, 3), 10, 10).op(FOR_EVER), TIMEOUT, 0x09),
        (armed(action(0, 4), 10, 10).op(FOR_EVER), TIMEOUT, 0x10),
    ] {
        let mut board = program.on_board();
        assert_eq!(board.run(100_000), exit);
        assert_eq!(cause_after(&mut board), expected);
    }
}

#[test]
fn a_hang_is_ended_by_the_watchdog_in_time() {
    for hang in [FOR_EVER, WFI] {
        let mut board = armed(action(0, 3), 100, 1).op(hang).on_board();
        let took = ends_after(&mut board, TIMEOUT);
        // The boot that follows takes a while, too.
        assert!((100_000..115_000).contains(&took), "{took} us");
        assert!(board.instructions() < 1000);
    }
}

#[test]
fn stages_follow_each_other() {
    // Nothing, then a reset; an interrupt that nobody has enabled, then a reset.
    for first in [0, 1] {
        let actions = action(0, first) | action(1, 3);
        let mut board = armed(actions, 50, 70).op(FOR_EVER).on_board();
        let took = ends_after(&mut board, TIMEOUT);
        assert!((120_000..135_000).contains(&took), "{took} us");
    }
}

#[test]
fn a_stage_may_interrupt() {
    let program = armed(action(0, 1), 50, 1000)
        .store(RTC + 0x40, 1 << 3)
        .interrupted_by(27)
        .op(WFI)
        .op(FOR_EVER);
    let mut board = program.with_handler(Program::default().note(2, RTC + 0x48).done());
    let start = board.now();
    run_to_end(&mut board);
    assert!((50_000..51_000).contains(&(board.now() - start)));
    assert_eq!(board.word(SEEN + 8), Some(1 << 3));
}

#[test]
fn a_fed_watchdog_does_not_fire() {
    let feed = Program::default()
        .rom(0x50, [90_000])
        .store(RWDT_FEED, 1 << 31);
    let mut board = armed(action(0, 3), 100, 1)
        .times(5, &feed)
        .done()
        .on_board();
    run_to_end(&mut board);
    assert!(board.now() > 450_000);
    let late = armed(action(0, 3), 80, 1).times(5, &feed).done();
    assert_eq!(late.on_board().run(100_000), TIMEOUT);
}

#[test]
fn stores_without_the_key_are_a_mistake() {
    for (program, register) in [
        (Program::default().store(RWDT, 0), RWDT),
        (
            Program::quiet().store(RWDT_KEY, 1).store(RWDT_FEED, 1),
            RWDT_FEED,
        ),
        (Program::default().store(SUPER, 1 << 31), SUPER),
        (Program::quiet().store(MWDT + 0x1C, 1).store(MWDT, 0), MWDT),
    ] {
        match fault(program.on_board()) {
            Fault::Misuse { register: at, .. } => assert_eq!(at, register),
            fault => panic!("{fault:?}"),
        }
    }
}

#[test]
fn a_second_stage_that_takes_too_long_is_reset() {
    // Of a chip that has just booted: the super watchdog, that of group 0, and that of the RTC.
    let super_off = Program::default()
        .store(SUPER_KEY, 0x8F1D_312A)
        .store(SUPER, 1 << 31);
    let group_off = super_off.clone().store(MWDT, 0);
    for (program, millis, expected) in [
        (Program::default(), 980..1020, 0x12),
        (super_off, 1300..1330, 0x07),
        (group_off, 2930..2960, 0x10),
    ] {
        let look = Program::default().note(0, RESET_STATE).rom(0x18, [0]);
        let mut board = look.keep(1, A0).then(program).op(FOR_EVER).on_board();
        let took = ends_after(&mut board, TIMEOUT) / 1000;
        assert!(millis.contains(&took), "{took} ms");
        assert_eq!(cause_after(&mut board), expected);
    }
}

#[test]
fn the_watchdog_of_a_timer_group_bites() {
    // A prescaler of 2,000 at 20 MHz, 10,000 counts a second.
    const GROUP_1: u32 = 0x6002_0048;
    for (at, expected) in [(MWDT, 0x07), (GROUP_1, 0x08)] {
        let program = look()
            .store(at + 4, 2000 << 16)
            .store(at + 8, 1000)
            .store(at, 1 << 31 | 3 << 29);
        let mut board = program.op(FOR_EVER).on_board();
        let took = ends_after(&mut board, TIMEOUT);
        assert!((100_000..115_000).contains(&took), "{took} us");
        assert_eq!(cause_after(&mut board), expected);
    }
}

#[test]
fn the_rtc_s_watchdog_goes_on_over_a_reset_of_the_core() {
    let program = Program::default()
        .store(SUPER_KEY, 0x8F1D_312A)
        .store(SUPER, 1 << 31)
        .store(MWDT, 0)
        .note(0, RWDT)
        .store(RWDT_KEY, KEY)
        .store(RWDT + 4, 100 * MS / 2)
        .store(RWDT, RWDT_ON | action(0, 4))
        .store(OPTIONS, 1 << 31);
    let mut board = program.on_board();
    assert_eq!(board.run(100_000), SYSTEM);
    // The program would reset again and again; the watchdog is not fed by that.
    let mut resets = 0;
    while board.run(100_000) == SYSTEM {
        resets += 1;
    }
    assert!((5..12).contains(&resets), "{resets}");
    assert!(board.has_logged("reset: the watchdog was not fed"));
}

/// Notes what memory holds, then writes there.
fn remembering() -> Program {
    look()
        .note(2, SEEN + 0x100)
        .note(3, RTC_RAM)
        .note(4, STORE)
        .note(5, RTC + 0xB8)
        .store(SEEN + 0x100, 0x1234_5678)
        .store(RTC_RAM, 0x1234_5678)
        .store(STORE, 0x1234_5678)
        .store(RTC + 0xB8, 0x1234_5678)
}

#[test]
fn memory_survives_a_software_reset() {
    let mut board = remembering().store(OPTIONS, 1 << 31).on_board();
    assert_eq!(board.run(1000), SYSTEM);
    assert_eq!(board.run(1000), SYSTEM);
    let [cause, _, ram, rtc, store, more] = seen(&board);
    assert_eq!(cause & 0x3F, 3);
    assert_eq!([ram, rtc, store, more], [0x1234_5678; 4]);
}

#[test]
fn memory_does_not_survive_the_power() {
    for restart in [Board::power_up, Board::press_reset, Board::brown_out] {
        let mut board = remembering().done().on_board();
        run_to_end(&mut board);
        restart(&mut board);
        run_to_end(&mut board);
        let [_, _, ram, rtc, store, more] = seen(&board);
        assert_ne!(ram, 0x1234_5678);
        assert_ne!(rtc, 0x1234_5678);
        assert_eq!([store, more], [0, 0]);
    }
}

#[test]
fn a_reset_of_the_processor_leaves_the_devices() {
    const OUT: u32 = 0x6000_4004;
    for (bit, kept) in [(5, 1 << 7), (31, 0)] {
        let program = look()
            .note(2, OUT)
            .store(OUT, 1 << 7)
            .store(OPTIONS, 1 << bit);
        let mut board = program.on_board();
        assert_eq!(board.run(1000), SYSTEM);
        assert_eq!(board.run(1000), SYSTEM);
        assert_eq!(board.word(SEEN + 8), Some(kept));
    }
}

#[test]
fn deep_sleep_is_not_modelled_and_says_so() {
    let board = Program::quiet().store(RTC + 0x18, 1 << 31).on_board();
    assert!(matches!(fault(board), Fault::Misuse { .. }));
}

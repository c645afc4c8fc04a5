//! Clocks, timers, sleep.

use crate::programs::{A0, Program, RTC, SEEN, run_to_end, seen, took};
use crate::riscv::{FOR_EVER, MASK, MRET, WFI};
use ota_emu::Exit;
use ota_emu::esp32c3::Board;

const SYSTIMER: u32 = 0x6002_3000;
const ALARM: u32 = 37;
const GROUP: u32 = 0x6001_F000;
const SYSTEM: u32 = 0x600C_0000;
const PERIODIC: u32 = 1 << 30;
/// Both counters, and the first alarm.
const RUNS: u32 = 0x6700_0000;

/// With the first alarm of SYSTIMER after so many ticks of 16 MHz, once or again and again.
fn with_alarm(ticks: u32, mode: u32) -> Program {
    Program::quiet()
        .store(SYSTIMER + 0x20, ticks)
        .store(SYSTIMER + 0x34, mode | if mode == 0 { 0 } else { ticks })
        .store(SYSTIMER + 0x50, 1)
        .store(SYSTIMER + 0x64, 1)
        .store(SYSTIMER, RUNS)
        .interrupted_by(ALARM)
}

/// Clears the alarm and counts itself.
fn counter() -> Program {
    Program::default()
        .store(SYSTIMER + 0x6C, 1)
        .fetch(5, SEEN)
        .op(1 << 20 | 5 << 15 | 5 << 7 | 0x13)
        .put(5, SEEN)
        .op(MRET)
}

/// A counter of SYSTIMER, as the nth word.
fn now(nth: u32) -> Program {
    Program::default()
        .store(SYSTIMER + 4, 1 << 30)
        .note(nth, SYSTIMER + 0x44)
}

#[test]
fn sleeping_takes_the_board_s_time_and_not_ours() {
    // The counter has run since the chip began to boot, 10 ms and a little.
    let mut board = with_alarm(16_000 * 260, 0)
        .op(MASK)
        .op(WFI)
        .done()
        .on_board();
    let took = took(&mut board);
    assert!((249_000..250_500).contains(&took), "{took} us");
    assert!(board.instructions() < 200);
}

#[test]
fn a_loop_that_does_nothing_costs_nothing() {
    // j .; pause and a jump back to it.
    for spin in [&[FOR_EVER][..], &[0x0100_000F, 0x0001_BFF5]] {
        let program = spin
            .iter()
            .fold(with_alarm(16_000 * 260, 0), |program, &op| program.op(op));
        let mut board = program.with_handler(Program::default().done());
        let took = took(&mut board);
        assert!((249_000..250_500).contains(&took), "{took} us");
        assert!(board.instructions() < 400);
    }
}

#[test]
fn nothing_to_wake_up_for_is_said() {
    for sleep in [WFI, FOR_EVER] {
        let mut board = Program::quiet().rom(0x84, []).op(sleep).on_board();
        assert_eq!(board.run(1000), Exit::Asleep);
    }
}

#[test]
fn alarms_come_once_or_again_and_again() {
    for (mode, expected) in [(0, 1..2), (PERIODIC, 9..11)] {
        let start = Program::default().store(SEEN, 0);
        let program = start
            .then(with_alarm(16_000 * 20, mode))
            .rom(0x50, [200_000])
            .done();
        let mut board = program.with_handler(counter());
        run_to_end(&mut board);
        let [count] = seen(&board);
        assert!(expected.contains(&count), "{count} alarms");
    }
}

#[test]
fn masked_interrupts_wake_and_are_not_taken() {
    let program = Program::default().store(SEEN, 0);
    let program = program.then(with_alarm(16_000 * 20, 0)).op(MASK).op(WFI);
    let mut board = program.done().with_handler(counter());
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0]);
}

#[test]
fn the_matrix_decides_by_enable_priority_and_threshold() {
    const MATRIX: u32 = 0x600C_2000;
    for (register, value, expected) in [
        (MATRIX + 0x104, 1 << 1, 1),
        (MATRIX + 0x104, 0, 0),
        (MATRIX + 0x114 + 4, 0, 0),
        (MATRIX + 0x194, 5, 1),
        (MATRIX + 0x194, 6, 0),
        (MATRIX + 4 * ALARM, 0, 0),
    ] {
        let program = Program::default()
            .store(SEEN, 0)
            .then(with_alarm(16_000 * 20, 0))
            .store(register, value)
            .rom(0x50, [50_000])
            .done();
        let mut board = program.with_handler(counter());
        run_to_end(&mut board);
        assert_eq!(seen(&board), [expected], "{value} in {register:#x}");
    }
}

#[test]
fn software_interrupts_itself() {
    let handler = Program::default()
        .store(SYSTEM + 0x2C, 0)
        .store(SEEN, 0x600D)
        .op(MRET);
    let program = Program::quiet()
        .interrupted_by(51)
        .store(SYSTEM + 0x2C, 1)
        .done();
    let mut board = program.with_handler(handler);
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0x600D]);
}

/// Microseconds that 8,000 instructions take, with this clock.
fn speed(clock: Program) -> u64 {
    let nops = Program::default().times(8000, &Program::default().op(0x13));
    let program = Program::quiet().then(clock).then(now(0)).then(nops);
    let mut board = program.then(now(1)).done().on_board();
    run_to_end(&mut board);
    let [before, after] = seen(&board);
    u64::from(after - before) / 16
}

#[test]
fn the_core_runs_as_fast_as_its_clock() {
    let clock = |select: u32, period: u32| {
        Program::default()
            .store(SYSTEM + 8, 0x0C | period)
            .store(SYSTEM + 0x58, select)
    };
    for (program, micros) in [
        (Program::default(), 400),
        (clock(0, 0), 200),
        (clock(1 << 10, 0), 100),
        (clock(1 << 10, 1), 50),
    ] {
        let took = speed(program);
        assert!(
            (micros..micros + micros / 50 + 2).contains(&took),
            "{took} us"
        );
    }
}

#[test]
fn the_rom_s_delay_takes_its_time() {
    let mut board = Program::quiet().rom(0x50, [123_456]).done().on_board();
    let took = took(&mut board);
    assert!((123_456..123_700).contains(&took), "{took} us");
    assert!(board.instructions() < 200);
}

#[test]
fn the_rtc_counts_in_its_slow_clock() {
    let take = |nth| {
        let program = Program::default().store(RTC + 0x0C, 1 << 31);
        program.note(nth, RTC + 0x10)
    };
    let program = Program::quiet().then(take(0)).rom(0x50, [1_000_000]);
    let mut board = program.then(take(1)).done().on_board();
    run_to_end(&mut board);
    let [before, after] = seen(&board);
    assert!((136_000..136_100).contains(&(after - before)));
}

#[test]
fn a_slow_clock_is_measured_in_cycles_of_the_crystal() {
    // 100 cycles of 136 kHz, polled for.
    let program = Program::quiet()
        .store(GROUP + 0x68, 1 << 31 | 100 << 16)
        .note(0, GROUP + 0x68)
        .rom(0x50, [1000])
        .note(1, GROUP + 0x68)
        .note(2, GROUP + 0x6C);
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    let [before, after, value] = seen(&board);
    assert_eq!((before >> 15 & 1, after >> 15 & 1), (0, 1));
    assert_eq!(value >> 7, 100 * 40_000_000 / 136_000);
}

#[test]
fn a_timer_of_a_group_counts_and_alarms() {
    // Of the crystal by 40: a microsecond.
    let program = Program::quiet()
        .store(GROUP + 0x10, 50_000)
        .store(GROUP + 0x70, 1)
        .store(GROUP, 1 << 31 | 1 << 30 | 40 << 13 | 1 << 10 | 1 << 9)
        .interrupted_by(32)
        .op(WFI)
        .op(FOR_EVER);
    let handler = Program::default()
        .store(GROUP + 0x0C, 1)
        .note(0, GROUP + 4)
        .note(1, GROUP + 0x74)
        .store(GROUP + 0x7C, 1)
        .note(2, GROUP + 0x74);
    let mut board = program.with_handler(handler.done());
    let took = took(&mut board);
    assert!((50_000..50_100).contains(&took), "{took} us");
    let [count, raised, cleared] = seen(&board);
    assert!((50_000..50_100).contains(&count), "{count}");
    assert_eq!((raised, cleared), (1, 0));
}

#[test]
fn two_runs_are_the_same() {
    let program = || {
        let program = Program::quiet().note(0, 0x6002_60B0).note(1, 0x6002_60B0);
        program.rom(0x50, [1000]).keep(2, A0).done()
    };
    let end = |mut board: Board| {
        run_to_end(&mut board);
        let [a, b] = seen(&board);
        assert_ne!(a, b, "random numbers differ");
        (a, b, board.now(), board.instructions(), board.fingerprint())
    };
    assert_eq!(end(program().on_board()), end(program().on_board()));
}

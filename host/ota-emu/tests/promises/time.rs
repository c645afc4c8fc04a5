//! Timer, interrupts, sleep.

use crate::thumb::{Program, run_to_end};
use ota_emu::Exit;

const TICK: u32 = 0x4005_802C;
const RELEASE: u32 = 0x4000_F000;
const TIMER: u32 = 0x4005_4000;
const WFE: u16 = 0xBF20;
const WFI: u16 = 0xBF30;

/// Everything that the timer needs to run.
fn with_timer() -> Program {
    Program::default()
        .store(RELEASE, 1 << 21)
        .store(TICK, 1 << 9 | 12)
}

/// With alarm 0 going off in a quarter of a second, and its interrupt pending then.
fn with_alarm() -> Program {
    with_timer()
        .store(0xE000_E100, 1)
        .store(TIMER + 0x38, 1)
        .fetch(0, TIMER + 0x28)
        .load(1, 250_000)
        // adds r0, r0, r1; str r0, [r7] with r7 = ALARM0
        .op(0x1840)
        .load(7, TIMER + 0x10)
        .op(0x6038)
}

#[test]
fn sleeping_takes_the_board_s_time_and_not_ours() {
    for sleep in [WFE, WFI] {
        // cpsid i: the interrupt wakes, and is not taken.
        let mut board = Program::default().op(0xB672).op(0xBF00).done().in_flash();
        run_to_end(&mut board);
        let mut board = with_alarm().op(0xB672).op(sleep).done().in_flash();
        let start = board.now();
        run_to_end(&mut board);
        let took = board.now() - start;
        assert!((250_000..251_000).contains(&took), "{took} us");
        assert!(board.instructions() < 200);
    }
}

#[test]
fn without_a_tick_the_timer_stands_still() {
    let program = Program::default().store(RELEASE, 1 << 21);
    let mut board = program
        .fetch(5, TIMER + 0x28)
        .load(7, 0x2003_0000)
        .op(0x603D)
        .done()
        .in_flash();
    run_to_end(&mut board);
    assert_eq!(board.word(0x2003_0000), Some(0));
}

#[test]
fn nothing_to_wake_up_for_is_said() {
    let mut board = Program::default().op(WFE).done().in_flash();
    assert_eq!(board.run(1000), Exit::Asleep);
}

#[test]
fn a_pin_wakes_the_core() {
    // IO_BANK0: interrupt when pin 3 is low.
    let program = Program::default()
        .store(RELEASE, 1 << 5)
        .store(0x4001_4100, 1 << 12)
        .store(0xE000_E100, 1 << 13)
        .op(0xB672)
        .op(WFE)
        .done();
    let mut board = program.in_flash();
    assert_eq!(board.run(1000), Exit::Asleep);
    board.drive(3, false);
    run_to_end(&mut board);
}

#[test]
fn a_pin_that_the_firmware_drives_is_seen() {
    let program = Program::default()
        .store(RELEASE, 1 << 5)
        .store(0x4001_40CC, 5)
        .store(0xD000_0024, 1 << 25)
        .store(0xD000_0014, 1 << 25)
        .done();
    let mut board = program.in_flash();
    assert!(!board.pin(25));
    run_to_end(&mut board);
    assert!(board.pin(25));
}

#[test]
fn the_uart_carries_lines() {
    let mut program = Program::default().store(RELEASE, 1 << 22);
    for &byte in b"hi\n" {
        program = program.store(0x4003_4000, byte.into());
    }
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    assert!(board.has_logged("hi"));
}

#[test]
fn a_loop_that_does_nothing_costs_nothing() {
    // `b .`, and `yield; b` as `core::hint::spin_loop` makes it.
    for spin in [&[0xE7FE][..], &[0xBF10, 0xE7FD]] {
        let program = spin
            .iter()
            .fold(with_alarm(), |program, &op| program.op(op));
        let mut board = program.in_flash();
        let start = board.now();
        // The interrupt has no handler here: its vector is no code, and faults.
        let exit = board.run(1000);
        assert!(matches!(exit, Exit::Fault(_)), "{exit:?}");
        let took = board.now() - start;
        assert!((250_000..251_000).contains(&took), "{took} us");
        let program = spin
            .iter()
            .fold(Program::default(), |program, &op| program.op(op));
        assert_eq!(program.in_flash().run(1000), Exit::Asleep);
    }
}

#[test]
fn a_delay_takes_its_time_and_not_ours() {
    // subs r0, #1; bne to it; then read the timer into r5.
    let mut board = with_timer()
        .load(0, 125_000_000)
        .op(0x3801)
        .op(0xD1FD)
        .op(0x0005)
        .done()
        .in_flash();
    let start = board.now();
    run_to_end(&mut board);
    let took = board.now() - start;
    assert!((2_000_000..5_000_000).contains(&took), "{took} us");
    assert!(board.instructions() < 200);
}

#[test]
fn a_delay_ends_in_time_for_an_interrupt() {
    let mut board = with_alarm()
        .load(0, 125_000_000)
        .op(0x3801)
        .op(0xD1FD)
        .in_flash();
    let start = board.now();
    let exit = board.run(1000);
    assert!(matches!(exit, Exit::Fault(_)), "{exit:?}");
    let took = board.now() - start;
    assert!((250_000..251_000).contains(&took), "{took} us");
}

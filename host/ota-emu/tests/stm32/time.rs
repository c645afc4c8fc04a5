//! Clocks, timers, SysTick, sleep.

use crate::thumb::{ENABLE_INTERRUPTS, FOR_EVER, Program, RCC, SEEN, WFI, run_to_end, seen};
use ota_emu::Exit;
use ota_emu::stm32::Board;

const WFE: u16 = 0xBF20;
/// `cpsid i`: interrupts wake, and are not taken.
const MASK: u16 = 0xB672;
const TIM2: u32 = 0x4000_0000;
pub(crate) const TIM15: u32 = 0x4001_4000;
const SYSTICK: u32 = 0xE000_E010;
/// The exception of TIM15's interrupt, and its bit.
pub(crate) const TIM15_EXCEPTION: u32 = 16 + 24;
pub(crate) const TIM15_ENABLE: u32 = 1 << 24;

/// With TIM15 counting milliseconds: the core runs at 4 MHz.
fn with_timer() -> Program {
    Program::default()
        .store(RCC + 0x60, 1 << 16)
        .store(TIM15 + 0x28, 4000 - 1)
        .store(TIM15, 1 << 2)
        .store(TIM15 + 0x14, 1)
}

/// With its first compare going off after a quarter of a second.
fn with_alarm() -> Program {
    with_timer()
        .store(TIM15 + 0x34, 250)
        .store(TIM15 + 0x0C, 1 << 1)
        .store(ENABLE_INTERRUPTS, TIM15_ENABLE)
        .store(TIM15, 1)
}

fn took(board: &mut Board) -> u64 {
    let start = board.now();
    run_to_end(board);
    board.now() - start
}

#[test]
fn sleeping_takes_the_board_s_time_and_not_ours() {
    for sleep in [WFE, WFI] {
        let mut board = with_alarm().op(MASK).op(sleep).done().in_flash();
        // An event may be waiting for the first `WFE`; there is none here.
        let took = took(&mut board);
        assert!((250_000..251_000).contains(&took), "{took} us");
        assert!(board.instructions() < 200);
    }
}

#[test]
fn a_loop_that_does_nothing_costs_nothing() {
    for spin in [&[FOR_EVER][..], &[0xBF10, 0xE7FD]] {
        let program = spin
            .iter()
            .fold(with_alarm(), |program, &op| program.op(op));
        let mut board = program.with_handlers([(TIM15_EXCEPTION, Program::default().done())]);
        let took = took(&mut board);
        assert!((250_000..251_000).contains(&took), "{took} us");
        assert!(board.instructions() < 200);
    }
}

#[test]
fn nothing_to_wake_up_for_is_said() {
    for sleep in [WFI, FOR_EVER] {
        let mut board = Program::default().op(sleep).in_flash();
        assert_eq!(board.run(1000), Exit::Asleep);
    }
}

#[test]
fn an_interrupt_is_handled_and_left() {
    // push {r5-r7, lr}; clear the flag; pop {r5-r7, pc}
    let handler = Program::default()
        .op(0xB5E0)
        .store(TIM15 + 0x10, 0)
        .store(SEEN, 0x600D)
        .op(0xBDE0);
    let mut board = with_alarm()
        .op(WFI)
        .done()
        .with_handlers([(TIM15_EXCEPTION, handler)]);
    let took = took(&mut board);
    assert!((250_000..251_000).contains(&took), "{took} us");
    assert_eq!(seen(&board), [0x600D]);
}

#[test]
fn a_timer_counts_and_comes_around() {
    // 100 ms a round; the compare at 250 is never reached.
    let program = with_timer()
        .store(TIM15 + 0x2C, 100 - 1)
        .store(TIM15 + 0x34, 250)
        .store(TIM15 + 0x38, 30)
        .store(TIM15 + 0x0C, 1)
        .store(ENABLE_INTERRUPTS, TIM15_ENABLE)
        .store(TIM15, 1)
        .op(MASK)
        .op(WFI)
        .note(0, TIM15 + 0x10)
        .note(1, TIM15 + 0x24);
    let mut board = program.done().in_flash();
    let took = took(&mut board);
    assert!((100_000..101_000).contains(&took), "{took} us");
    assert_eq!(
        seen(&board),
        [1 | 1 << 2, 0],
        "update and the second compare"
    );
}

#[test]
fn a_timer_that_stands_still_does_not_count() {
    let program = with_timer()
        .op(0xBF00)
        .note(0, TIM15 + 0x24)
        .note(1, TIM15 + 0x10);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0, 0]);
}

#[test]
fn tim2_has_32_bits() {
    let program = Program::default()
        .store(RCC + 0x58, 1)
        .store(TIM2 + 0x24, 0x1234_5678)
        .store(TIM2 + 0x2C, u32::MAX)
        .note(0, TIM2 + 0x24);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0x1234_5678]);
}

#[test]
fn systick_interrupts_in_each_period() {
    // push {r5-r7, lr}; count; pop {r5-r7, pc}
    let handler = Program::default()
        .op(0xB5E0)
        .fetch(5, SEEN)
        .op(0x3501)
        .op(0x603D)
        .op(0xBDE0);
    // 1 ms at 4 MHz; ten sleeps.
    let mut program = Program::default()
        .store(SEEN, 0)
        .store(SYSTICK + 4, 4000 - 1)
        .store(SYSTICK + 8, 0)
        .store(SYSTICK, 7);
    for _ in 0..10 {
        program = program.op(WFI);
    }
    let mut board = program.done().with_handlers([(15, handler)]);
    let took = took(&mut board);
    assert!((10_000..10_200).contains(&took), "{took} us");
    assert_eq!(seen(&board), [10]);
}

#[test]
fn systick_counts_down_from_its_reload_value() {
    let program = Program::default()
        .store(SYSTICK + 4, 0xFF_FFFF)
        .store(SYSTICK + 8, 0)
        .store(SYSTICK, 5)
        .note(0, SYSTICK + 8)
        .note(1, SYSTICK + 8);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    let [first, second] = seen(&board);
    assert!(
        second < first && first < 0xFF_FFFF && second > 0xFF_FF00,
        "{first} {second}"
    );
}

/// How long a countdown of 400,000 turns takes with the core on one of the clocks.
fn countdown(clock: u32) -> u64 {
    // HSI on; PLL of 16 MHz times 10 by 2; PLL on; the core on the clock.
    let program = Program::default()
        .store(RCC, 1 << 8 | 1)
        .store(RCC + 0x0C, 1 << 24 | 10 << 8 | 2)
        .store(RCC, 1 << 24 | 1 << 8 | 1)
        .store(RCC + 8, clock);
    // subs r0, #1; bne to it
    let program = program.load(0, 400_000).op(0x3801).op(0xD1FD);
    let mut board = program.done().in_flash();
    took(&mut board)
}

#[test]
fn the_clock_sets_the_pace() {
    let [msi, hsi, pll] = [0, 1, 3].map(countdown);
    // RCC_CR was stored without its range: 4 MHz.
    for (slow, fast, expected) in [(msi, hsi, 4), (hsi, pll, 5)] {
        let ratio = slow * 100 / fast;
        let close = expected * 99..=expected * 101;
        assert!(close.contains(&ratio), "{slow} us, {fast} us");
    }
}

#[test]
fn an_oscillator_is_ready_once_it_is_on() {
    let program = Program::default()
        .note(0, RCC)
        .store(RCC, 1 << 8)
        .note(1, RCC);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    let [before, after] = seen(&board);
    assert_eq!((before >> 10 & 1, after >> 10 & 1), (0, 1));
}

#[test]
fn a_reset_of_a_timer_stops_it() {
    const RESETS: u32 = RCC + 0x40;
    let program = with_alarm()
        .store(RESETS, 1 << 16)
        .store(RESETS, 0)
        .note(0, TIM15)
        .op(MASK)
        .op(WFI);
    let mut board = program.in_flash();
    assert_eq!(board.run(1000), Exit::Asleep);
    assert_eq!(seen(&board), [0]);
}

#[test]
fn a_clock_that_is_switched_off_is_not_ready_whatever_was_written() {
    const PLL_ON: u32 = 1 << 24;
    const PLL_READY: u32 = 1 << 25;
    let on = 0x61 | PLL_ON;
    let program = Program::default()
        .store(RCC, on)
        .note(0, RCC)
        .store(RCC, on | PLL_READY)
        .store(RCC, (on | PLL_READY) & !PLL_ON)
        .note(1, RCC);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    let [on, off] = seen(&board);
    assert_eq!((on & PLL_READY, off & PLL_READY), (PLL_READY, 0));
}

//! The watchdog, resets and their causes.

use crate::thumb::{FOR_EVER, Program, RCC, SEEN, WFI, run_to_end, seen};
use ota_emu::stm32::Board;
use ota_emu::{Exit, Reset};

const CSR: u32 = RCC + 0x94;
const RMVF: u32 = 1 << 23;
const PIN: u32 = 1 << 26;
const POWER: u32 = 1 << 27;
const SOFTWARE: u32 = 1 << 28;
const WATCHDOG: u32 = 1 << 29;
const CAUSES: u32 = 0xFF << 24;
pub(crate) const IWDG: u32 = 0x4000_3000;

/// Notes why it was reset, and forgets it.
fn look() -> Program {
    Program::default().note(0, CSR).store(CSR, RMVF)
}

/// With a watchdog of `counts` times 8 LSI cycles: 250 microseconds each.
fn armed(counts: u32) -> Program {
    look()
        .store(IWDG, 0x5555)
        .store(IWDG + 4, 1)
        .store(IWDG + 8, counts - 1)
        .store(IWDG, 0xCCCC)
}

fn cause(board: &Board) -> u32 {
    seen::<1>(board)[0] & CAUSES
}

#[test]
fn each_reset_tells_its_cause() {
    let mut board = look().done().in_flash();
    run_to_end(&mut board);
    assert_eq!(cause(&board), POWER | PIN);
    board.press_reset();
    run_to_end(&mut board);
    assert_eq!(cause(&board), PIN);
    board.power_up();
    run_to_end(&mut board);
    assert_eq!(cause(&board), POWER | PIN);
    let mut board = look().store(0xE000_ED0C, 0x05FA_0004).in_flash();
    let reset = Exit::Reset(Reset::System);
    assert_eq!(board.run(10_000), reset);
    assert_eq!(board.run(10_000), reset);
    assert_eq!(cause(&board), SOFTWARE | PIN);
}

#[test]
fn causes_pile_up_until_they_are_cleared() {
    let mut board = Program::default().note(0, CSR).done().in_flash();
    board.press_reset();
    board.press_reset();
    run_to_end(&mut board);
    assert_eq!(cause(&board), POWER | PIN);
}

#[test]
fn a_hang_is_ended_by_the_watchdog_in_time() {
    let mut board = armed(400).op(FOR_EVER).in_flash();
    let start = board.now();
    let reset = Exit::Reset(Reset::WatchdogTimeout);
    assert_eq!(board.run(10_000), reset);
    let took = board.now() - start;
    assert!((100_000..101_000).contains(&took), "{took} us");
    assert_eq!(board.run(10_000), reset);
    assert_eq!(cause(&board), WATCHDOG | PIN);
}

#[test]
fn a_sleep_and_a_lock_up_are_ended_too() {
    // Undefined, in the hard fault handler and before.
    let lock_up = Program::default().op(0xDE00);
    let mut board = armed(400).op(0xDE00).with_handlers([(3, lock_up)]);
    board.deliver_hard_faults(true);
    assert_eq!(board.run(10_000), Exit::Reset(Reset::WatchdogTimeout));
    let mut board = armed(400).op(WFI).in_flash();
    assert_eq!(board.run(10_000), Exit::Reset(Reset::WatchdogTimeout));
    let lock_up = Program::default().op(0xDE00);
    let mut board = look().op(0xDE00).with_handlers([(3, lock_up)]);
    board.deliver_hard_faults(true);
    assert!(matches!(board.run(10_000), Exit::LockedUp { .. }));
}

#[test]
fn a_fed_watchdog_does_not_fire() {
    // Waits 50 ms by erasing two pages of its own bank, and feeds.
    let mut program = armed(400);
    for _ in 0..4 {
        program = program
            .store(0x4002_2008, 0x4567_0123)
            .store(0x4002_2008, 0xCDEF_89AB)
            .erase(64)
            .erase(65)
            .store(0x4002_2014, 1 << 31)
            .store(IWDG, 0xAAAA);
    }
    let mut board = program.done().in_flash();
    let start = board.now();
    run_to_end(&mut board);
    assert!(board.now() - start > 170_000);
}

#[test]
fn it_counts_while_the_core_waits_for_the_flash() {
    // 10 ms, in an erase of 22: the page is torn.
    let program = armed(40)
        .store(0x4002_2008, 0x4567_0123)
        .store(0x4002_2008, 0xCDEF_89AB)
        .erase(64);
    let mut board = program.done().in_flash();
    let start = board.now();
    assert_eq!(board.run(10_000), Exit::Reset(Reset::WatchdogTimeout));
    assert!(board.now() - start < 12_000);
    assert_eq!(board.flash().history().0.len(), 1);
}

#[test]
fn its_settings_need_a_key_and_end_with_a_reset() {
    let program = Program::default()
        .store(IWDG + 8, 7)
        .note(0, IWDG + 8)
        .store(IWDG, 0x5555)
        .store(IWDG + 8, 7)
        .note(1, IWDG + 8);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0xFFF, 7]);
}

#[test]
fn fed_before_its_window_opens_it_fires() {
    let program = armed(400)
        .store(IWDG, 0x5555)
        .store(IWDG + 0x10, 100)
        .store(IWDG, 0xAAAA);
    let mut board = program.done().in_flash();
    assert_eq!(board.run(10_000), Exit::Reset(Reset::WatchdogTimeout));
    assert!(board.now() < 10_000);
}

#[test]
fn ram_and_backup_registers_survive_a_reset_and_not_the_power() {
    const BACKUP: u32 = 0x4000_2850;
    let kept = SEEN + 0x100;
    let read = Program::default().note(0, kept).note(1, BACKUP);
    let program = read
        .store(kept, 0x1234_5678)
        .store(RCC + 0x58, 1 << 28)
        .store(0x4000_7000, 1 << 8)
        .store(BACKUP, 0xCAFE);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    board.press_reset();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0x1234_5678, 0xCAFE]);
    board.power_up();
    run_to_end(&mut board);
    let [ram, backup] = seen(&board);
    assert_ne!(ram, 0x1234_5678);
    assert_eq!(backup, 0);
}

//! The banks change places: SYSCFG_MEMRMP.FB_MODE.

use crate::thumb::{FLASH, Program, RCC, SR, run_to_end, seen};
use ota_emu::stm32::{Board, FLASH_START};
use ota_emu::{Exit, Fault};

const APB2ENR: u32 = RCC + 0x60;
const MEMRMP: u32 = 0x4001_0000;
const FB_MODE: u32 = 1 << 8;
const BANK: u32 = 0x8_0000;
const PAGE: u32 = 2048;
/// Somewhere in either bank.
const OFFSET: u32 = 64 * PAGE;

fn without_caches() -> Program {
    Program::unlocked()
        .store(FLASH, 0)
        .store(FLASH, 3 << 11)
        .store(FLASH, 0)
        .store(APB2ENR, 1)
}

fn exchanged() -> Program {
    without_caches().store(MEMRMP, FB_MODE)
}

/// With a word of its own in each bank.
fn marked(program: Program) -> Board {
    let mut board = program.done().in_ram();
    board.edit_flash(|flash| {
        flash.load(OFFSET, &1_u32.to_le_bytes());
        flash.load(BANK + OFFSET, &2_u32.to_le_bytes());
    });
    board
}

#[test]
fn each_bank_is_seen_where_the_other_was_until_the_next_reset() {
    let program = exchanged()
        .note(0, FLASH_START + OFFSET)
        .note(1, FLASH_START + BANK + OFFSET)
        .note(2, OFFSET);
    let mut board = marked(program);
    run_to_end(&mut board);
    assert_eq!(seen(&board), [2, 1, 2]);
    board.press_reset();
    assert_eq!(board.word(FLASH_START + OFFSET), Some(1));
}

#[test]
fn a_page_is_erased_by_its_number_and_a_double_word_programmed_where_it_is_seen() {
    // In bank 1, wherever it is seen; what waits for SR reads behind the erase.
    let program = exchanged()
        .erase(OFFSET / PAGE)
        .note(0, FLASH_START + BANK + OFFSET)
        .note(1, FLASH_START + OFFSET)
        .program(BANK + OFFSET, 3, 4)
        .note(2, FLASH_START + BANK + OFFSET)
        .note(3, SR);
    let mut board = marked(program);
    run_to_end(&mut board);
    let [erased, other, programmed, _] = seen(&board);
    assert_eq!((erased, other, programmed), (u32::MAX, 2, 3));
    let bytes = board.flash().bytes();
    assert_eq!(bytes[OFFSET as usize..][..4], 3_u32.to_le_bytes());
    assert_eq!(bytes[(BANK + OFFSET) as usize..][..4], 2_u32.to_le_bytes());
}

#[test]
fn code_in_flash_cannot_bring_the_other_bank_in_front_of_itself() {
    let mut board = exchanged().done().in_flash();
    let exit = board.run(1000);
    assert!(
        matches!(exit, Exit::Fault(Fault::CodeExchanged { .. })),
        "{exit:?}"
    );
}

#[test]
fn caches_have_to_be_off_and_empty() {
    let caches = [
        Program::default().store(APB2ENR, 1),
        without_caches().store(FLASH, 1 << 9),
        without_caches().store(FLASH, 1 << 10),
    ];
    for program in caches {
        let mut board = program.store(MEMRMP, FB_MODE).done().in_ram();
        let exit = board.run(100_000);
        assert!(
            matches!(exit, Exit::Fault(Fault::StaleCache { .. })),
            "{exit:?}"
        );
    }
}

#[test]
fn nothing_else_than_flash_is_modelled_at_0_and_syscfg_needs_its_clock() {
    let mut board = without_caches().store(MEMRMP, 1).done().in_ram();
    assert_eq!(
        board.run(100_000),
        Exit::Fault(Fault::NotModelled { address: MEMRMP })
    );
    let mut board = Program::default().store(MEMRMP, 0).done().in_ram();
    assert_eq!(
        board.run(100_000),
        Exit::Fault(Fault::NoClock { address: MEMRMP })
    );
}

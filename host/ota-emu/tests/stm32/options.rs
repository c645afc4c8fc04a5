//! Option bytes: write protection that is programmed, and takes effect when it is loaded.

use crate::thumb::{CR, FLASH, Program, RCC, SR, run_to_end, seen};
use ota_emu::stm32::{Board, FLASH_START};
use ota_emu::{Exit, Fault, Reset};

const WRP1AR: u32 = FLASH + 0x2C;
const WRP2BR: u32 = FLASH + 0x50;
const OPTSTRT: u32 = 1 << 17;
const OBL_LAUNCH: u32 = 1 << 27;
const OPTLOCK: u32 = 1 << 30;
const WRPERR: u32 = 1 << 4;
/// Pages 0 to 15 of a bank.
const FIRST_16: u32 = 15 << 16;

fn options_unlocked() -> Program {
    Program::unlocked()
        .store(FLASH + 0xC, 0x0819_2A3B)
        .store(FLASH + 0xC, 0x4C5D_6E7F)
}

fn protecting(register: u32) -> Program {
    options_unlocked()
        .store(register, FIRST_16)
        .store(CR, OPTSTRT)
        .note(0, FLASH_START)
}

#[test]
fn nothing_is_protected_in_the_factory() {
    let board = Program::default().done().in_flash();
    assert_eq!(board.protected_pages(), [vec![], vec![]]);
}

#[test]
fn write_protection_takes_effect_when_it_is_loaded() {
    for (register, expected) in [
        (WRP1AR, [vec![0..=15], vec![]]),
        (WRP2BR, [vec![], vec![0..=15]]),
    ] {
        let mut board = protecting(register).done().in_flash();
        run_to_end(&mut board);
        assert_eq!(board.protected_pages(), [vec![], vec![]]);
        board.press_reset();
        assert_eq!(
            board.protected_pages(),
            [vec![], vec![]],
            "a reset is not enough"
        );
        board.power_up();
        assert_eq!(board.protected_pages(), expected);
        let program = protecting(register).store(CR, OBL_LAUNCH);
        let mut board = program.in_flash();
        assert_eq!(board.run(10_000), Exit::Reset(Reset::OptionBytes));
        assert_eq!(board.protected_pages(), expected);
    }
}

#[test]
fn what_is_not_programmed_is_forgotten() {
    let program = options_unlocked().store(WRP1AR, FIRST_16).note(0, WRP1AR);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    assert_eq!(seen::<1>(&board), [FIRST_16]);
    board.power_up();
    assert_eq!(board.protected_pages(), [vec![], vec![]]);
}

#[test]
fn locked_option_bytes_stay_as_they_are() {
    let program = Program::unlocked()
        .store(WRP1AR, FIRST_16)
        .store(CR, OPTSTRT)
        .store(CR, OBL_LAUNCH)
        .note(0, CR);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    assert_ne!(seen::<1>(&board)[0] & OPTLOCK, 0);
    board.power_up();
    assert_eq!(board.protected_pages(), [vec![], vec![]]);
}

#[test]
fn loading_them_is_seen_as_the_cause_of_the_reset() {
    const OBLRSTF: u32 = 1 << 25;
    let first = Program::default().note(0, RCC + 0x94);
    let program = first
        .store(FLASH + 8, 0x4567_0123)
        .store(FLASH + 8, 0xCDEF_89AB)
        .store(FLASH + 0xC, 0x0819_2A3B)
        .store(FLASH + 0xC, 0x4C5D_6E7F)
        .store(CR, OBL_LAUNCH);
    let mut board = program.in_flash();
    let reset = Exit::Reset(Reset::OptionBytes);
    assert_eq!(board.run(10_000), reset);
    assert_eq!(seen::<1>(&board)[0] & OBLRSTF, 0);
    assert_eq!(board.run(10_000), reset);
    assert_ne!(seen::<1>(&board)[0] & OBLRSTF, 0);
}

/// A board whose pages 0 to 15 of bank 2 are protected, which then runs `program`.
fn protected(program: Program) -> Board {
    let mut board = protecting(FLASH + 0x4C).done().in_flash();
    run_to_end(&mut board);
    let fresh = program.done().in_flash();
    let bytes = fresh.flash().bytes().to_vec();
    board.edit_flash(|flash| flash.load(0, &bytes));
    board.power_up();
    board
}

#[test]
fn protected_pages_are_neither_erased_nor_programmed() {
    for program in [
        Program::unlocked().erase(256 + 15),
        Program::unlocked().program(0x8_0000, 1, 1),
    ] {
        let mut board = protected(program.note(0, SR));
        let mut forgiving = board.snapshot();
        let exit = board.run(10_000);
        assert!(
            matches!(exit, Exit::Fault(Fault::Protected { .. })),
            "{exit:?}"
        );
        forgiving.deliver_flash_errors(true);
        run_to_end(&mut forgiving);
        assert_eq!(seen::<1>(&forgiving), [WRPERR]);
        assert_eq!(forgiving.operations(), 0);
    }
    let mut board = protected(Program::unlocked().erase(256 + 16).note(0, 0x0808_0000));
    run_to_end(&mut board);
    assert_eq!(board.operations(), 1);
}

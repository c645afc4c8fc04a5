//! Error correction: double words that read wrong, and what the chip says of them.

use crate::thumb::{ENABLE_INTERRUPTS, FLASH, Program, SEEN, run_to_end, seen};
use ota_emu::Exit;
use ota_emu::stm32::FLASH_START;

pub(crate) const ECCR: u32 = FLASH + 0x18;
pub(crate) const ECCD: u32 = 1 << 31;
const ECCC: u32 = 1 << 30;
const ECCIE: u32 = 1 << 24;
const BANK2: u32 = 1 << 19;
pub(crate) const NMI: u32 = 2;
/// The exception of the flash interface's interrupt.
const FLASH_EXCEPTION: u32 = 16 + 4;
/// One in each bank.
const BROKEN: [u32; 2] = [0x2_0010, 0xA_0018];

/// Counts in the word behind what was seen, notes ECCR as the first and clears it with `clear`.
fn handler(clear: u32) -> Program {
    // push {r5-r7, lr}; ...; adds r5, #1; ...; pop {r5-r7, pc}
    Program::default()
        .op(0xB5E0)
        .note(0, ECCR)
        .fetch(5, SEEN + 4)
        .op(0x3501)
        .op(0x603D)
        .store(ECCR, clear)
        .op(0xBDE0)
}

fn with_broken(program: Program, clear: u32) -> ota_emu::stm32::Board {
    let mut board = program.done().with_handlers([(NMI, handler(clear))]);
    for broken in BROKEN {
        board.edit_flash(|flash| flash.fail_read(broken..broken + 8));
    }
    board
}

#[test]
fn a_double_word_beyond_correction_raises_an_nmi_that_tells_where() {
    for (broken, bank) in BROKEN.into_iter().zip([0, BANK2]) {
        // The second half of it counts too.
        let program = Program::default().store(SEEN + 4, 0);
        let mut board = with_broken(program.fetch(0, FLASH_START + broken + 4), ECCD);
        run_to_end(&mut board);
        let [eccr, count] = seen(&board);
        assert_eq!(eccr, ECCD + bank + broken % 0x8_0000);
        assert_eq!(count, 1);
    }
}

#[test]
fn each_read_raises_one_once_the_flag_is_cleared() {
    let read = |program: Program| program.fetch(0, FLASH_START + BROKEN[0]);
    for (clear, expected) in [(ECCD, 2), (0, 1)] {
        let program = Program::default().store(SEEN + 4, 0);
        let mut board = with_broken(read(read(program)), clear);
        run_to_end(&mut board);
        assert_eq!(seen::<2>(&board)[1], expected);
    }
}

#[test]
fn a_handler_that_does_not_return_never_gets_further() {
    let program = Program::default().fetch(0, FLASH_START + BROKEN[0]).done();
    let mut board = program.with_handlers([(NMI, Program::default().op(0xE7FE))]);
    board.edit_flash(|flash| flash.fail_read(BROKEN[0]..BROKEN[0] + 8));
    assert_eq!(board.run(100_000), Exit::Asleep);
}

#[test]
fn reading_its_neighbours_raises_nothing() {
    let program = Program::default().store(SEEN + 4, 0);
    let program = program
        .fetch(0, FLASH_START + BROKEN[0] - 4)
        .fetch(0, FLASH_START + BROKEN[0] + 8);
    let mut board = with_broken(program, ECCD);
    run_to_end(&mut board);
    assert_eq!(seen::<2>(&board)[1], 0);
}

#[test]
fn a_corrected_double_word_reads_right_and_interrupts_if_asked() {
    for (enable, expected) in [(0, 0), (ECCIE, 1)] {
        let program = Program::default()
            .store(SEEN + 4, 0)
            .store(ENABLE_INTERRUPTS, 1 << 4)
            .store(ECCR, enable)
            .note(2, FLASH_START + BROKEN[0])
            .note(3, ECCR)
            .done();
        let mut board = program.with_handlers([(FLASH_EXCEPTION, handler(ECCC))]);
        board.edit_flash(|flash| flash.load(BROKEN[0], &[0x11; 8]));
        board.weaken(BROKEN[0]);
        run_to_end(&mut board);
        let [_, count, read, eccr] = seen(&board);
        assert_eq!((count, read), (expected, 0x1111_1111));
        let flagged = if enable == 0 { ECCC } else { 0 };
        assert_eq!(eccr & (ECCC | ECCD), flagged);
    }
}

#[test]
fn an_erase_heals() {
    let program = Program::unlocked()
        .erase(BROKEN[0] / 2048)
        .empty_cache()
        .note(0, FLASH_START + BROKEN[0]);
    let mut board = program.done().in_flash();
    board.edit_flash(|flash| flash.load(BROKEN[0], &[0x11; 8]));
    board.weaken(BROKEN[0]);
    run_to_end(&mut board);
    assert_eq!(seen::<1>(&board), [u32::MAX]);
}

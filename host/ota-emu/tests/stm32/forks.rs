//! Which boards have the same future, and where a run stops.

use crate::thumb::{IN_RAM, Program, run_to_end};
use ota_emu::Exit;
use ota_emu::stm32::{Board, FLASH_START};

const PAGE: u32 = 2048;
/// A page of bank 2 that is written, and one that nobody looks at.
const WRITTEN: u32 = 320 * PAGE;
const ELSEWHERE: u32 = 330 * PAGE;

/// Erases a page and programs a double word, from RAM.
fn writer() -> Board {
    let program = Program::unlocked()
        .erase(WRITTEN / PAGE)
        .program(WRITTEN, 1, 2)
        .note(0, FLASH_START + WRITTEN);
    program.done().in_ram()
}

#[test]
fn a_fingerprint_tells_boards_apart_by_core_ram_and_flash() {
    let board = writer();
    let mut same = board.snapshot();
    assert_eq!(board.fingerprint(), same.fingerprint());
    same.edit_flash(|flash| flash.load(ELSEWHERE, &[0; 8]));
    assert_ne!(board.fingerprint(), same.fingerprint());
    let mut later = board.snapshot();
    assert_eq!(later.run(1), Exit::Limit);
    assert_ne!(board.fingerprint(), later.fingerprint());
}

#[test]
fn a_run_to_code_stops_before_its_first_instruction() {
    let mut board = writer();
    assert_eq!(board.run_to(IN_RAM..IN_RAM + 2, 100_000), Exit::Reached);
    let (at, operations) = (board.instructions(), board.operations());
    assert_eq!(board.pc(), IN_RAM);
    assert_eq!(board.run_to(IN_RAM..IN_RAM + 2, 100_000), Exit::Reached);
    assert_eq!((board.instructions(), board.operations()), (at, operations));
    let nowhere = 0x0800_8000..0x0800_9000;
    let exit = board.run_to_flash_call_or(nowhere, 100_000);
    assert_eq!(exit, Exit::FlashCall);
    run_to_end(&mut board);
}

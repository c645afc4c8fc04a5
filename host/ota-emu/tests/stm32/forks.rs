//! Which boards have the same future, and where a run stops.

use crate::thumb::{IN_RAM, Program, run_to_end};
use ota_emu::Exit;
use ota_emu::stm32::{Board, FLASH_START};
use ota_sim::{Cut, Tear};

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
fn a_board_knows_which_pages_were_used_since_its_reset() {
    let mut board = writer();
    assert!(board.has_used(0) && !board.has_used(WRITTEN));
    assert_eq!(board.run_to_flash_call(100_000), Exit::FlashCall);
    assert!(board.has_used(WRITTEN), "the erase has begun");
    run_to_end(&mut board);
    assert!(board.has_used(WRITTEN) && !board.has_used(WRITTEN + PAGE));
    board.power_up();
    assert!(!board.has_used(WRITTEN));
}

#[test]
fn a_board_goes_on_with_another_flash_as_if_it_had_been_switched_on_with_it() {
    let mut board = writer();
    let flash = board.flash().clone();
    let mut other = flash.clone();
    other.load(ELSEWHERE, &[7; PAGE as usize]);
    other.arm(Cut::new(1, Tear::Unreadable));
    assert!(other.erase(ELSEWHERE, ELSEWHERE + PAGE).is_err());
    other.power_up();
    let mut whole = board.snapshot();
    whole.edit_flash(|flash| *flash = other.clone());
    run_to_end(&mut whole);

    while board.operations() == flash.operations() {
        assert_eq!(board.run(1), Exit::Limit);
    }
    assert!(!board.tells_apart(&flash, &other));
    board.exchange_flash(&flash, &other);
    run_to_end(&mut board);
    assert_eq!(board.fingerprint(), whole.fingerprint());
    assert_eq!(board.operations(), whole.operations());
    assert_eq!(board.now(), whole.now());
    let mut seen = flash.clone();
    seen.load(WRITTEN + 8, &[0; 8]);
    assert!(board.tells_apart(&flash, &seen));
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

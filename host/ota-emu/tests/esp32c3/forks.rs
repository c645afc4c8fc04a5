//! Which boards have the same future, and what a clone takes along.

use crate::programs::{Program, run_to_end, seen};
use ota_emu::Exit;
use ota_emu::esp32c3::Board;

const SECTOR: u32 = 4096;
const WRITTEN: u32 = 0x10_0000;
/// One that nobody looks at.
const ELSEWHERE: u32 = 0x18_0000;
const DATA: u32 = 0x3FC8_0000;

/// Erases a sector and programs two commands' worth.
fn writer() -> Board {
    Program::quiet()
        .store(DATA, 0x1234_5678)
        .store(DATA + 32, 0x1234_5678)
        .rom(0x128, [WRITTEN / SECTOR])
        .rom(0x12C, [WRITTEN, DATA, 64])
        .rom(0x130, [WRITTEN, DATA + 0x100, 64])
        .note(0, DATA + 0x100)
        .done()
        .on_board()
}

#[test]
fn a_fingerprint_tells_boards_apart_by_core_memory_flash_and_what_is_under_way() {
    let board = writer();
    let mut same = board.snapshot();
    assert_eq!(board.fingerprint(), same.fingerprint());
    same.edit_flash(|flash| flash.load(ELSEWHERE, &[0; 8]));
    assert_ne!(board.fingerprint(), same.fingerprint());
    let mut later = board.snapshot();
    assert_eq!(later.run(1), Exit::Limit);
    assert_ne!(board.fingerprint(), later.fingerprint());
    // Why it was reset.
    let mut brown_out = board.snapshot();
    brown_out.brown_out();
    let mut pin = board.snapshot();
    pin.press_reset();
    assert_ne!(brown_out.fingerprint(), pin.fingerprint());
    // How far a call has come, with bytes that leave the flash as it is.
    let ones = Program::quiet().store(DATA, u32::MAX);
    let mut board = ones.rom(0x12C, [WRITTEN, DATA, 4]).on_board();
    assert_eq!(board.run_to_flash_call(100_000), Exit::FlashCall);
    let before = board.fingerprint();
    assert_eq!(board.run(1), Exit::Limit);
    assert_ne!(board.fingerprint(), before);
}

#[test]
fn a_digest_under_way_is_a_part_of_it() {
    const SYSTEM: u32 = 0x600C_0000;
    const MESSAGE: u32 = 0x6003_B080;
    // The level of a pin goes into the message, and from there nowhere else.
    let board = |level| {
        let program = Program::quiet()
            .store(SYSTEM + 0x14, 1 << 2)
            .store(SYSTEM + 0x1C, 0x1FE & !0x34)
            .fetch(7, 0x6000_403C)
            .put(7, MESSAGE)
            .load(7, 0);
        let mut board = program.done().on_board();
        board.drive(9, level);
        run_to_end(&mut board);
        board.fingerprint()
    };
    assert_eq!(board(true), board(true));
    assert_ne!(board(true), board(false));
}

#[test]
fn a_snapshot_within_a_call_makes_the_rest_of_it() {
    let mut board = writer();
    while board.operations() < 2 {
        assert_eq!(board.run(1), Exit::Limit);
    }
    let mut fork = board.snapshot();
    assert_eq!(board.fingerprint(), fork.fingerprint());
    for board in [&mut board, &mut fork] {
        run_to_end(board);
        assert_eq!(board.operations(), 3);
        assert_eq!(seen(board), [0x1234_5678]);
    }
    assert_eq!(board.fingerprint(), fork.fingerprint());
}

#[test]
fn a_run_to_code_stops_before_its_first_instruction() {
    let mut board = writer();
    let write = 0x4000_012C..0x4000_012D;
    assert_eq!(board.run_to(write.clone(), 100_000), Exit::Reached);
    assert_eq!((board.pc(), board.operations()), (0x4000_012C, 1));
    let nowhere = 0x4200_0000..0x4280_0000;
    assert_eq!(
        board.run_to_flash_call_or(nowhere, 100_000),
        Exit::FlashCall
    );
    assert_eq!(board.operations(), 1);
    run_to_end(&mut board);
}

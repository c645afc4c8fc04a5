//! The mask ROM's flash functions, and the chip behind them.

use crate::programs::{A0, KEY, Program, ROM, RWDT, RWDT_KEY, fault, run_to_end, seen, took};
use ota_emu::esp32c3::Board;
use ota_emu::{Exit, Fault, Reset};
use ota_sim::{Interrupted, Tear};

const ERASE_BLOCK: u32 = 0x124;
const ERASE_SECTOR: u32 = 0x128;
const WRITE: u32 = 0x12C;
const READ: u32 = 0x130;
const CONFIG: u32 = 0x134;
const UNLOCK: u32 = 0x140;
const READ_STATUS: u32 = 0x158;
const READ_STATUS_HIGH: u32 = 0x15C;
/// Where programs find what they write.
const DATA: u32 = 0x3FC8_0000;
const OFFSET: u32 = 0x10_0000;
const SECTOR: u32 = OFFSET / 4096;

fn write(offset: u32, len: u32) -> Program {
    Program::quiet().rom(WRITE, [offset, DATA, len])
}

/// With words that are not blank for the program to write.
fn filled(program: Program) -> Program {
    let filled = (0..64).fold(Program::default(), |program, n| {
        program.store(DATA + 4 * n, 0x0101_0101 * (n + 1))
    });
    filled.then(program)
}

fn bytes(board: &Board, offset: u32, len: u32) -> &[u8] {
    &board.flash().bytes()[offset as usize..][..len as usize]
}

#[test]
fn what_is_written_is_read_back() {
    let program = filled(write(OFFSET, 8))
        .keep(0, A0)
        .rom(READ, [OFFSET, DATA + 0x1000, 8])
        .keep(1, A0)
        .note(2, DATA + 0x1000)
        .note(3, DATA + 0x1004);
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0, 0, 0x0101_0101, 0x0202_0202]);
    assert_eq!(bytes(&board, OFFSET, 9), [1, 1, 1, 1, 2, 2, 2, 2, 0xFF]);
}

#[test]
fn a_program_command_is_an_operation_and_takes_32_bytes_of_a_page() {
    for (offset, len, operations) in [
        (OFFSET, 4, 1),
        (OFFSET, 32, 1),
        (OFFSET, 36, 2),
        (OFFSET + 4, 32, 1),
        (OFFSET + 0xF0, 32, 2),
        (OFFSET, 256, 8),
        (OFFSET, 0, 0),
    ] {
        let mut board = filled(write(offset, len)).done().on_board();
        run_to_end(&mut board);
        assert_eq!(board.operations(), operations, "{len} at {offset:#x}");
    }
}

#[test]
fn bytes_of_ones_are_no_operation() {
    let blank = Program::default().store(DATA, u32::MAX);
    let mut board = blank.then(write(OFFSET, 4)).done().on_board();
    run_to_end(&mut board);
    assert_eq!(board.operations(), 0);
}

#[test]
fn sectors_and_blocks_are_erased_and_take_their_time() {
    for (function, number, sectors, time) in [
        (ERASE_SECTOR, SECTOR, 1, 45_000..46_000),
        (ERASE_BLOCK, SECTOR / 16, 16, 150_000..151_000),
    ] {
        let erase = Program::quiet().rom(function, [number]).keep(0, A0).done();
        let mut board = erase.on_board();
        board.edit_flash(|flash| flash.load(OFFSET - 4, &[0; 0x1_0008]));
        let took = took(&mut board);
        assert!(time.contains(&took), "{took} us");
        assert_eq!(board.operations(), sectors);
        let len = 4096 * u32::try_from(sectors).expect("a few");
        assert!(bytes(&board, OFFSET, len).iter().all(|byte| *byte == 0xFF));
        assert_eq!(bytes(&board, OFFSET - 1, 1), [0]);
        assert_eq!(bytes(&board, OFFSET + len, 1), [0]);
    }
}

#[test]
fn beyond_what_the_rom_knows_of_the_chip_is_an_error() {
    let beyond = 3 << 20;
    let configure = |size| {
        let chip = [0, size, 0x1_0000, 0x1000, 0x100, 0xFFFF];
        Program::quiet().rom(CONFIG, chip)
    };
    for (program, expected) in [
        (Program::quiet(), 1),
        (configure(4 << 20), 0),
        (configure(1 << 20), 1),
    ] {
        let program = program
            .rom(WRITE, [beyond, DATA, 4])
            .keep(0, A0)
            .rom(READ, [beyond, DATA, 4])
            .keep(1, A0)
            .rom(ERASE_SECTOR, [beyond / 4096])
            .keep(2, A0);
        let mut board = program.done().on_board();
        run_to_end(&mut board);
        assert_eq!(seen(&board), [expected; 3]);
    }
    // A chip that is smaller than it is said to be would wrap around.
    let board = configure(8 << 20).rom(READ, [0, DATA, 4]).on_board();
    assert!(matches!(fault(board), Fault::FlashRange { .. }));
}

#[test]
fn the_chip_tells_its_size() {
    const SPI1: u32 = 0x6000_2000;
    let program = Program::default()
        .store(SPI1, 1 << 28)
        .note(0, SPI1)
        .note(1, SPI1 + 0x58);
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0, 0x0016_40EF]);
    let address = SPI1;
    let board = Program::default().store(SPI1, 1 << 25).on_board();
    assert_eq!(fault(board), Fault::NotModelled { address });
}

#[test]
fn cells_are_programmed_once_and_downwards() {
    let again = filled(write(OFFSET, 4)).rom(WRITE, [OFFSET, DATA, 4]);
    let offset = OFFSET;
    assert_eq!(fault(again.on_board()), Fault::ProgrammedTwice { offset });
    let mut board = filled(write(OFFSET, 4)).on_board();
    board.edit_flash(|flash| flash.load(OFFSET, &[0; 4]));
    assert_eq!(fault(board), Fault::ZeroToOne { offset });
}

#[test]
fn functions_take_whole_words() {
    for program in [
        Program::quiet().rom(WRITE, [OFFSET + 2, DATA, 4]),
        Program::quiet().rom(WRITE, [OFFSET, DATA, 3]),
        Program::quiet().rom(READ, [OFFSET + 1, DATA, 4]),
    ] {
        let fault = fault(program.on_board());
        assert!(matches!(fault, Fault::FlashRange { .. }), "{fault:?}");
    }
}

#[test]
fn a_protected_range_is_not_touched() {
    let mut board = Program::quiet().rom(ERASE_SECTOR, [SECTOR]).on_board();
    board.edit_flash(|flash| flash.protect(OFFSET..OFFSET + 4));
    assert!(matches!(fault(board), Fault::Protected { .. }));
}

#[test]
fn a_run_stops_before_each_call_and_not_within() {
    let program = filled(write(OFFSET, 256)).rom(ERASE_SECTOR, [SECTOR + 1]);
    let mut board = program.done().on_board();
    for (address, operations) in [(WRITE, 0), (ERASE_SECTOR, 8)] {
        assert_eq!(board.run_to_flash_call(100_000), Exit::FlashCall);
        assert_eq!(board.pc(), ROM + address);
        assert_eq!(board.operations(), operations);
        // Asked again, it makes the call.
        let mut fork = board.snapshot();
        fork.cut_at(1, Tear::Mixed);
        assert_eq!(fork.run(100_000), Exit::PowerCut);
        assert_eq!(fork.operations(), operations + 1);
    }
    run_to_end(&mut board);
    assert_eq!(board.operations(), 9);
}

#[test]
fn the_power_is_cut_in_any_command_of_a_call() {
    for operation in 1..=8 {
        let mut board = filled(write(OFFSET, 256)).done().on_board();
        board.cut_at(operation, Tear::Random(operation));
        assert_eq!(board.run(100_000), Exit::PowerCut);
        assert_eq!(board.run(100_000), Exit::PowerCut, "it stays off");
        assert_eq!(board.operations(), operation);
        let whole = usize::try_from(operation - 1).expect("a few") * 32;
        let written = bytes(&board, OFFSET, 256);
        assert!(written[..whole].iter().all(|byte| *byte != 0xFF));
        assert!(written[whole + 32..].iter().all(|byte| *byte == 0xFF));
    }
}

#[test]
fn a_watchdog_bites_in_the_middle_of_an_erase_which_is_finished() {
    // 20 ms, of an erase that takes 45.
    let program = Program::quiet()
        .store(RWDT + 4, 136 * 10)
        .store(RWDT_KEY, KEY)
        .store(RWDT, 1 << 31 | 3 << 28)
        .rom(ERASE_SECTOR, [SECTOR]);
    let mut board = program.done().on_board();
    let start = board.now();
    assert_eq!(board.run(100_000), Exit::Reset(Reset::WatchdogTimeout));
    let took = board.now() - start;
    // It is the boot that waits for the flash.
    assert!((45_000..60_000).contains(&took), "{took} us");
    assert_eq!(board.operations(), 1);
    assert!(board.flash().history().0.is_empty(), "nothing was torn");
}

#[test]
fn a_chip_that_protects_itself_takes_no_changes() {
    for status in [1 << 2, 1 << 3, 1 << 4, 1 << 14] {
        for program in [
            filled(write(OFFSET, 4)),
            Program::quiet().rom(ERASE_SECTOR, [SECTOR]),
        ] {
            let mut board = program.on_board();
            board.edit_flash(|flash| flash.set_status(status));
            assert_eq!(fault(board), Fault::Protected { offset: OFFSET });
        }
    }
}

#[test]
fn the_rom_s_unlock_writes_both_halves_of_the_status_register_needed_or_not() {
    for status in [None, Some(0x0200), Some(0x021C), Some(0xFFFC)] {
        let program = filled(Program::quiet())
            .rom(UNLOCK, [])
            .keep(0, A0)
            .rom(READ_STATUS, [0, DATA + 0x1000])
            .note(1, DATA + 0x1000)
            .rom(READ_STATUS_HIGH, [0, DATA + 0x1000])
            .note(2, DATA + 0x1000);
        let mut board = program.then(write(OFFSET, 4)).done().on_board();
        if let Some(status) = status {
            board.edit_flash(|flash| flash.set_status(status));
        }
        let took = took(&mut board);
        assert!((20_000..22_000).contains(&took), "{took} us");
        assert_eq!(seen(&board), [0, 0, 0x0200], "{status:?}");
        assert_eq!(board.flash().stats().status_writes, 2);
        assert_eq!(board.operations(), 3);
    }
}

#[test]
fn the_power_is_cut_in_a_write_of_the_status_register() {
    let program = Program::quiet().rom(UNLOCK, []).done();
    let mut board = program.on_board();
    board.edit_flash(|flash| flash.set_status(0x021C));
    assert_eq!(board.run_to_flash_call(100_000), Exit::FlashCall);
    assert_eq!(board.pc(), ROM + UNLOCK);
    for (operation, tear, left) in [
        (1, Tear::Before, 0x021C),
        (1, Tear::After, 0x0200),
        (1, Tear::Saturated, 0xFFFF),
        (2, Tear::BlankWeak, 0),
    ] {
        let mut fork = board.snapshot();
        fork.cut_at(operation, tear);
        assert_eq!(fork.run(100_000), Exit::PowerCut);
        assert_eq!(fork.flash().interrupted(), Interrupted::Status);
        fork.power_up();
        assert_eq!(fork.flash().status(), Some(left));
        run_to_end(&mut fork);
        assert_eq!(fork.flash().status().map(|status| status & 0x1C), Some(0));
    }
}

//! The flash interface: keys, both banks, time, errors.

use crate::thumb::{CR, FLASH, IN_RAM, Program, SR, run_to_end, seen};
use ota_emu::Exit;
use ota_emu::stm32::{Board, FLASH_START};
use ota_sim::Tear;

/// A page of bank 1 and one of bank 2.
const PAGES: [u32; 2] = [64, 320];
const PAGE: u32 = 2048;
const BSY: u32 = 1 << 16;
const LOCK: u32 = 1 << 31;
const EOP: u32 = 1;
const PROGERR: u32 = 1 << 3;
const PGAERR: u32 = 1 << 5;
const SIZERR: u32 = 1 << 6;
const PGSERR: u32 = 1 << 7;

#[test]
fn a_double_word_is_programmed_in_either_bank() {
    for page in PAGES {
        let offset = page * PAGE;
        let program = Program::unlocked().program(offset, 0x1234_5678, 0x9ABC_DEF0);
        let mut board = program
            .note(0, SR)
            .note(1, FLASH_START + offset)
            .done()
            .in_ram();
        run_to_end(&mut board);
        assert_eq!(board.operations(), 1);
        let bytes = &board.flash().bytes()[offset as usize..][..8];
        assert_eq!(bytes, 0x9ABC_DEF0_1234_5678_u64.to_le_bytes());
        let [status, read] = seen(&board);
        assert_eq!(status, BSY, "programs in RAM go on");
        assert_eq!(read, 0x1234_5678, "and wait when they read");
    }
}

#[test]
fn a_page_is_erased_in_either_bank_and_no_other() {
    for page in PAGES {
        let program = Program::unlocked().erase(page).note(0, FLASH_START);
        let mut board = program.note(1, FLASH_START + 0x8_0000).done().in_ram();
        let from = (page - 1) * PAGE;
        board.edit_flash(|flash| flash.load(from, &[0; 3 * PAGE as usize]));
        let start = board.now();
        run_to_end(&mut board);
        let took = board.now() - start;
        assert!((22_000..24_000).contains(&took), "{took} us");
        let bytes = &board.flash().bytes()[from as usize..][..3 * PAGE as usize];
        assert!(bytes[..PAGE as usize].iter().all(|&byte| byte == 0));
        assert!(
            bytes[PAGE as usize..][..PAGE as usize]
                .iter()
                .all(|&byte| byte == 0xFF)
        );
        assert!(bytes[2 * PAGE as usize..].iter().all(|&byte| byte == 0));
        assert_eq!(board.operations(), 1);
    }
}

#[test]
fn a_bank_is_erased_as_a_whole() {
    const MER2: u32 = 1 << 15;
    let program = Program::unlocked().store(CR, 1 << 16 | MER2);
    let mut board = program.note(0, FLASH_START + 0x8_0000).done().in_flash();
    board.edit_flash(|flash| flash.load(0x8_0000, &[0; 0x8_0000]));
    run_to_end(&mut board);
    assert_eq!(board.operations(), 256);
    assert!(
        board.flash().bytes()[0x8_0000..]
            .iter()
            .all(|&byte| byte == 0xFF)
    );
}

/// What a program in bank 1 sees of an erase: how long the instruction behind it took.
fn erase_seen_from_bank_1(page: u32) -> (u32, u64) {
    let program = Program::unlocked().erase(page).note(0, SR).done();
    let mut board = program.in_flash();
    let start = board.now();
    run_to_end(&mut board);
    let [status] = seen(&board);
    (status, board.now() - start)
}

#[test]
fn code_waits_for_its_own_bank_and_not_for_the_other() {
    let (status, took) = erase_seen_from_bank_1(PAGES[0]);
    assert_eq!(status, 0, "the erase was over");
    assert!(took >= 22_000, "{took} us");
    let (status, took) = erase_seen_from_bank_1(PAGES[1]);
    assert_eq!(status, BSY);
    assert!(took < 1000, "{took} us");
}

#[test]
fn only_the_right_keys_open_it_and_a_wrong_one_jams_it() {
    let mut board = Program::default().note(0, CR).done().in_flash();
    run_to_end(&mut board);
    assert_ne!(seen::<1>(&board)[0] & LOCK, 0);
    let mut board = Program::unlocked().note(0, CR).done().in_flash();
    run_to_end(&mut board);
    assert_eq!(seen::<1>(&board)[0] & LOCK, 0);
    let jammed = Program::default()
        .store(FLASH + 8, 0x4567_0123)
        .store(FLASH + 8, 0x4567_0123)
        .store(FLASH + 8, 0x4567_0123)
        .store(FLASH + 8, 0xCDEF_89AB);
    let mut board = jammed.note(0, CR).done().in_flash();
    run_to_end(&mut board);
    assert_ne!(seen::<1>(&board)[0] & LOCK, 0);
}

#[test]
fn locked_again_it_stays_locked() {
    let program = Program::unlocked().store(CR, LOCK).store(CR, 1).note(0, CR);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    assert_eq!(seen::<1>(&board)[0] & (LOCK | 1), LOCK);
}

/// Runs a program from RAM with the chip's answers to mistakes, and reads SR.
fn status_after(program: Program) -> (u32, Board) {
    let mut board = program.note(0, SR).done().in_ram();
    board.deliver_flash_errors(true);
    run_to_end(&mut board);
    let [status] = seen(&board);
    (status, board)
}

#[test]
fn mistakes_set_their_flags_and_change_nothing() {
    let offset = PAGES[0] * PAGE;
    let address = FLASH_START + offset;
    let unlocked = Program::unlocked;
    let cases = [
        ("no PG", unlocked().store(address, 1), PGSERR),
        // strh r6, [r7]
        (
            "half a word",
            unlocked()
                .store(CR, 1)
                .load(6, 1)
                .load(7, address)
                .op(0x803E),
            SIZERR,
        ),
        (
            "the second half first",
            unlocked().store(CR, 1).store(address + 4, 1),
            PGAERR,
        ),
        (
            "halves of two",
            unlocked()
                .store(CR, 1)
                .store(address, 1)
                .store(address + 12, 1),
            PGAERR,
        ),
        (
            "an error before",
            unlocked().store(address, 1).program(offset, 1, 1),
            PGSERR,
        ),
        ("PG and PER", unlocked().store(CR, 1 << 16 | 3), PGSERR),
    ];
    for (what, program, expected) in cases {
        let (status, board) = status_after(program);
        assert_eq!(status & !BSY, expected, "{what}");
        assert_eq!(board.operations(), 0, "{what}");
        assert_eq!(board.word(address), Some(u32::MAX), "{what}");
    }
}

#[test]
fn a_programmed_double_word_takes_nothing_but_zeros() {
    let offset = PAGES[0] * PAGE;
    let twice = |value| {
        Program::unlocked()
            .program(offset, 1, 2)
            .program(offset, value, value)
    };
    let (status, board) = status_after(twice(1));
    assert_eq!(status & !BSY, PROGERR);
    assert_eq!(board.word(FLASH_START + offset), Some(1));
    let (status, mut board) = status_after(twice(0).note(1, FLASH_START + offset));
    assert_eq!(status, 0);
    board.power_up();
    assert_eq!(board.word(FLASH_START + offset), Some(0));
}

#[test]
fn the_end_is_told_to_those_who_asked_for_it() {
    const EOPIE: u32 = 1 << 24;
    let offset = PAGES[0] * PAGE;
    for (enable, expected) in [(0, 0), (EOPIE, EOP)] {
        let program = Program::unlocked()
            .store(CR, 1 | enable)
            .store(FLASH_START + offset, 1)
            .store(FLASH_START + offset + 4, 1)
            .note(1, FLASH_START + offset);
        assert_eq!(status_after(program).0, expected);
    }
}

/// Erases a page and programs two double words, from RAM.
fn writer() -> Board {
    let offset = PAGES[1] * PAGE;
    let program = Program::unlocked()
        .erase(PAGES[1])
        .program(offset, 1, 2)
        .program(offset + 8, 3, 4)
        .note(0, FLASH_START + offset);
    let mut board = program.done().in_ram();
    board.edit_flash(|flash| flash.load(offset, &[0; PAGE as usize]));
    board
}

#[test]
fn a_cut_stops_the_board_and_the_power_brings_it_back() {
    for operation in 1..=3 {
        let mut board = writer();
        board.cut_at(operation, Tear::Mixed);
        assert_eq!(board.run(100_000), Exit::PowerCut);
        assert_eq!(board.run(1), Exit::PowerCut, "it stays off");
        assert_eq!(board.operations(), operation);
        board.power_up();
        run_to_end(&mut board);
        assert_eq!(board.operations(), operation + 3);
        assert_eq!(board.word(FLASH_START + PAGES[1] * PAGE + 8), Some(3));
    }
}

#[test]
fn a_fork_at_each_operation_goes_its_own_way() {
    let mut board = writer();
    let mut calls = 0;
    while board.run_to_flash_call(100_000) == Exit::FlashCall {
        calls += 1;
        let before = board.operations();
        let mut fork = board.snapshot();
        fork.cut_at(1, Tear::Noise);
        assert_eq!(fork.run(100_000), Exit::PowerCut);
        assert_eq!(fork.operations(), before + 1);
        assert_eq!(board.operations(), before, "the original did not move");
    }
    assert_eq!(calls, 3);
    assert_eq!(board.operations(), 3);
}

#[test]
fn a_snapshot_continues_exactly_as_the_original() {
    for steps in (1000..4000).step_by(333) {
        let mut board = writer();
        let _ = board.run(steps);
        let mut copy = board.snapshot();
        assert_eq!(board.run(100_000), copy.run(100_000));
        let state = |board: &Board| (board.now(), board.pc(), board.instructions());
        assert_eq!(state(&board), state(&copy));
        assert_eq!(board.flash().bytes(), copy.flash().bytes());
    }
}

#[test]
fn a_reset_in_the_middle_of_an_erase_tears_it() {
    let program = Program::unlocked().erase(PAGES[1]);
    let program = program.store(0xE000_ED0C, 0x05FA_0004);
    let mut board = program.done().in_ram();
    assert_eq!(board.run(100_000), Exit::Reset(ota_emu::Reset::System));
    assert_eq!(board.operations(), 1);
    assert_eq!(board.flash().history().0.len(), 1, "it was torn");
    assert_ne!(board.pc(), IN_RAM);
}

#[test]
fn flash_in_a_file_survives_the_board() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("flash.img");
    {
        let mut flash = ota_emu::stm32::flash_file(&path).expect("a new file");
        flash.load(0, writer().flash().bytes());
        run_to_end(&mut Board::new(flash));
    }
    let bytes = std::fs::read(&path).expect("the file");
    assert_eq!(bytes.len(), 1 << 20);
    assert_eq!(bytes[(PAGES[1] * PAGE) as usize..][..4], [1, 0, 0, 0]);
}

//! The boot ROM's flash functions, power cuts and forks.

use crate::thumb::{Program, run_to_end};
use ota_emu::Exit;
use ota_emu::rp2040::Board;
use ota_sim::Tear;

const TARGET: u32 = 0x10_0000;
/// What is programmed: the program itself, from where it lies in RAM.
const SOURCE: u32 = 0x2000_0000;

/// Erases a sector and programs two pages, as a driver does, and reads the first word back.
fn writer() -> Board {
    let program = Program::default()
        .rom(b"IF", &[])
        .rom(b"EX", &[])
        .rom(b"RE", &[TARGET, 4096, 1 << 31, 0])
        .rom(b"RP", &[TARGET, SOURCE, 512])
        .rom(b"FC", &[])
        .rom(b"CX", &[])
        .fetch(5, 0x1000_0000 + TARGET)
        .store(0x2003_0000, 0x600D)
        .done();
    program.in_ram()
}

#[test]
fn an_erase_and_a_program_reach_the_flash() {
    let mut board = writer();
    board.edit_flash(|flash| flash.load(TARGET, &[0; 4096]));
    run_to_end(&mut board);
    assert_eq!(board.operations(), 3);
    let sector = &board.flash().bytes()[TARGET as usize..][..4096];
    let source = board.word(SOURCE).map(u32::to_le_bytes);
    assert_eq!(sector.first_chunk(), source.as_ref());
    assert_eq!(sector[508..512], [0xA5; 4]);
    assert_eq!(sector[512..], [0xFF; 4096 - 512]);
}

#[test]
fn erasing_and_programming_take_their_time() {
    let mut board = writer();
    let start = board.now();
    run_to_end(&mut board);
    let took = board.now() - start;
    assert!((45_000..60_000).contains(&took), "{took} us");
}

#[test]
fn a_cut_stops_the_board_and_the_power_brings_it_back() {
    for operation in 1..=3 {
        let mut board = writer();
        board.edit_flash(|flash| flash.load(TARGET, &[0; 4096]));
        board.cut_at(operation, Tear::Mixed);
        assert_eq!(board.run(1_000_000), Exit::PowerCut);
        assert_eq!(board.run(1), Exit::PowerCut, "it stays off");
        assert_eq!(board.operations(), operation);
        board.power_up();
        board.start_at(0x1000_0100);
        run_to_end(&mut board);
        assert_eq!(board.operations(), operation + 3);
    }
}

#[test]
fn a_fork_at_a_flash_call_goes_its_own_way() {
    let mut board = writer();
    let mut calls = 0;
    while board.run_to_flash_call(1_000_000) == Exit::FlashCall {
        calls += 1;
        let before = board.operations();
        let mut fork = board.snapshot();
        fork.cut_at(1, Tear::Noise);
        assert_eq!(fork.run(1_000_000), Exit::PowerCut);
        assert_eq!(fork.operations(), before + 1);
        assert_eq!(board.operations(), before, "the original did not move");
    }
    assert_eq!(calls, 2, "an erase and a program");
    assert_eq!(board.operations(), 3);
    assert_eq!(board.word(0x2003_0000), Some(0x600D));
}

#[test]
fn a_snapshot_continues_exactly_as_the_original() {
    let mut board = writer();
    assert_eq!(board.run(500), Exit::Limit);
    let mut copy = board.snapshot();
    run_to_end(&mut board);
    run_to_end(&mut copy);
    assert_eq!(
        (board.now(), board.pc(), board.instructions()),
        (copy.now(), copy.pc(), copy.instructions())
    );
    assert_eq!(board.flash().bytes(), copy.flash().bytes());
}

#[test]
fn a_fingerprint_tells_boards_apart_by_core_ram_and_flash() {
    let board = writer();
    let mut same = board.snapshot();
    assert_eq!(board.fingerprint(), same.fingerprint());
    same.edit_flash(|flash| flash.load(TARGET, &[0]));
    assert_ne!(board.fingerprint(), same.fingerprint());
    let mut later = board.snapshot();
    assert_eq!(later.run(1), Exit::Limit);
    assert_ne!(board.fingerprint(), later.fingerprint());
}

#[test]
fn a_run_to_code_stops_before_its_first_instruction() {
    let mut board = writer();
    board.start_at(0x1000_0100);
    let start = board.pc();
    assert_eq!(board.run_to(start..start + 2, 1_000), Exit::Reached);
    assert_eq!((board.pc(), board.instructions()), (start, 0));
    let nowhere = 0x1010_0000..0x1010_1000;
    let exit = board.run_to_flash_call_or(nowhere, 1_000_000);
    assert_eq!(exit, Exit::FlashCall);
    run_to_end(&mut board);
}

#[test]
fn flash_in_a_file_survives_the_board() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("flash.img");
    let source = writer();
    {
        let mut flash = ota_emu::rp2040::flash_file(&path).expect("a new file");
        flash.load(0, source.flash().bytes());
        let mut board = Board::new(flash);
        board.start_at(0x1000_0100);
        run_to_end(&mut board);
    }
    let bytes = std::fs::read(&path).expect("the file");
    assert_eq!(bytes.len(), 2 << 20);
    assert_ne!(bytes[TARGET as usize..][..512], [0xFF; 512]);
}

#[test]
fn the_chip_tells_who_it_is() {
    // Commands by hand: chip select low, 0x9F, three more bytes, chip select high.
    let (ssi_data, select) = (0x1800_0060, 0x4001_800C);
    let mut program = Program::default().rom(b"EX", &[]).store(select, 2 << 8);
    for byte in [0x9F, 0, 0, 0] {
        program = program.store(ssi_data, byte);
    }
    program = program.store(select, 3 << 8).fetch(5, ssi_data);
    for place in [0x2003_0000, 0x2003_0004, 0x2003_0008] {
        // str r5, [r7]
        program = program.fetch(5, ssi_data).load(7, place).op(0x603D);
    }
    let mut board = program.rom(b"CX", &[]).done().in_ram();
    run_to_end(&mut board);
    let id = [0x2003_0000, 0x2003_0004, 0x2003_0008].map(|place| board.word(place));
    assert_eq!(id, [Some(0xEF), Some(0x40), Some(0x15)]);
}

//! What silicon would not forgive ends the run, by name.

use crate::thumb::Program;
use ota_emu::rp2040::{Board, flash};
use ota_emu::{Exit, Fault};

const TARGET: u32 = 0x10_0000;
const RAM: u32 = 0x2000_0000;

fn fault(mut board: Board) -> Fault {
    let exit = board.run(1_000_000);
    let Exit::Fault(fault) = exit else {
        panic!("no fault but {exit:?}");
    };
    assert_eq!(board.run(1), Exit::Fault(fault), "it does not go on");
    fault
}

fn program_in_command_mode() -> Program {
    Program::default().rom(b"EX", &[])
}

#[test]
fn a_store_into_the_flash_window() {
    let address = 0x1010_0000;
    let board = Program::default().store(address, 1).done().in_flash();
    assert_eq!(fault(board), Fault::XipStore { address });
}

#[test]
fn turning_a_0_into_a_1() {
    let program = program_in_command_mode().rom(b"RP", &[TARGET, RAM, 256]);
    let mut board = program.done().in_ram();
    board.edit_flash(|flash| flash.load(TARGET, &[0; 256]));
    assert_eq!(fault(board), Fault::ZeroToOne { offset: TARGET });
}

#[test]
fn programming_the_same_bytes_twice() {
    let program = program_in_command_mode()
        .rom(b"RP", &[TARGET, RAM, 256])
        .rom(b"RP", &[TARGET, RAM, 256]);
    let board = program.done().in_ram();
    assert!(
        matches!(fault(board), Fault::ProgrammedTwice { offset } if offset / 256 == TARGET / 256)
    );
}

#[test]
fn a_program_that_is_not_whole_pages() {
    let (offset, len) = (TARGET + 128, 256);
    let board = program_in_command_mode().rom(b"RP", &[offset, RAM, len]);
    assert_eq!(
        fault(board.done().in_ram()),
        Fault::FlashRange { offset, len }
    );
}

#[test]
fn a_flash_call_without_leaving_xip() {
    let board = Program::default().rom(b"RE", &[TARGET, 4096, 0, 0]);
    assert_eq!(fault(board.done().in_ram()), Fault::RomNeedsCommandMode);
}

#[test]
fn executing_flash_in_command_mode() {
    let board = program_in_command_mode().done().in_flash();
    assert!(matches!(fault(board), Fault::NotInXip { .. }));
}

#[test]
fn reading_flash_in_command_mode() {
    let address = 0x1000_0000;
    let board = program_in_command_mode().fetch(0, address).done().in_ram();
    assert_eq!(fault(board), Fault::NotInXip { address });
}

#[test]
fn reading_flash_while_it_erases() {
    // An erase by hand, and XIP again without waiting for its end.
    let (ssi_data, select) = (0x1800_0060, 0x4001_800C);
    let mut program = program_in_command_mode();
    for command in [&[0x06][..], &[0x20, 0x10, 0, 0]] {
        program = program.store(select, 2 << 8);
        for &byte in command {
            program = program.store(ssi_data, byte);
        }
        program = program.store(select, 3 << 8);
    }
    let address = 0x1000_0000;
    let program = program.store(select, 0).rom(b"CX", &[]).fetch(0, address);
    assert_eq!(
        fault(program.done().in_ram()),
        Fault::XipWhileBusy { address }
    );
}

#[test]
fn an_erase_without_write_enable() {
    let (ssi_data, select) = (0x1800_0060, 0x4001_800C);
    let mut program = program_in_command_mode().store(select, 2 << 8);
    for byte in [0x20, 0x10, 0, 0] {
        program = program.store(ssi_data, byte);
    }
    let board = program.store(select, 3 << 8).done().in_ram();
    assert_eq!(fault(board), Fault::NotWriteEnabled);
}

#[test]
fn reading_changed_flash_through_the_cache() {
    let address = 0x1010_0000;
    let program = program_in_command_mode()
        .rom(b"RE", &[TARGET, 4096, 0, 0])
        .rom(b"CX", &[])
        .fetch(0, address);
    assert_eq!(
        fault(program.done().in_ram()),
        Fault::StaleCache { address }
    );
}

#[test]
fn touching_a_protected_range() {
    let program = program_in_command_mode().rom(b"RE", &[TARGET, 4096, 0, 0]);
    let mut board = program.done().in_ram();
    board.edit_flash(|flash| flash.protect(TARGET..TARGET + 4096));
    assert_eq!(fault(board), Fault::Protected { offset: TARGET });
}

#[test]
fn an_unaligned_access() {
    // ldr r0, [r7] with an odd address
    let board = Program::default().fetch(0, RAM + 1).done().in_flash();
    assert!(matches!(fault(board), Fault::Unaligned { .. }));
}

#[test]
fn an_undefined_instruction() {
    let board = Program::default().op(0xDE00).in_flash();
    assert!(matches!(fault(board), Fault::Undefined { .. }));
}

#[test]
fn an_address_without_anything() {
    let address = 0x3000_0000;
    let board = Program::default().fetch(0, address).done().in_flash();
    assert_eq!(fault(board), Fault::Nothing { address });
}

#[test]
fn a_device_in_reset() {
    let address = 0x4005_4028;
    let board = Program::default().fetch(0, address).done().in_flash();
    assert_eq!(fault(board), Fault::HeldInReset { address });
}

#[test]
fn a_device_that_does_not_exist_here() {
    let address = 0x5020_0000;
    let board = Program::default().fetch(0, address).done().in_flash();
    assert_eq!(fault(board), Fault::NotModelled { address });
}

#[test]
fn an_unknown_function_of_the_boot_rom() {
    let board = Program::default().rom(b"ZZ", &[]).done().in_flash();
    assert_eq!(fault(board), Fault::RomFunction { code: *b"ZZ" });
}

#[test]
fn a_flash_without_a_second_stage_waits_for_usb() {
    assert_eq!(Board::new(flash()).run(1000), Exit::NoSecondStage);
}

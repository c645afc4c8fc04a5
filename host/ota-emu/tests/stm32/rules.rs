//! What silicon would not forgive ends the run, by name.

use crate::thumb::{CR, Program, SEEN};
use ota_emu::stm32::{Board, FLASH_START};
use ota_emu::{Exit, Fault};

const OFFSET: u32 = 0x2_0000;
const ADDRESS: u32 = FLASH_START + OFFSET;

#[track_caller]
fn fault(mut board: Board) -> Fault {
    let exit = board.run(100_000);
    let Exit::Fault(fault) = exit else {
        panic!("no fault but {exit:?}");
    };
    assert_eq!(board.run(1), Exit::Fault(fault), "it does not go on");
    fault
}

#[test]
fn a_store_into_flash_that_is_not_programming() {
    let address = ADDRESS;
    for program in [Program::default(), Program::unlocked()] {
        let board = program.store(address, 1).done().in_flash();
        assert_eq!(fault(board), Fault::XipStore { address });
    }
}

#[test]
fn programming_the_same_double_word_twice() {
    let program = Program::unlocked()
        .program(OFFSET, 1, 2)
        .program(OFFSET, 1, 2);
    let expected = Fault::ProgrammedTwice { offset: OFFSET };
    assert_eq!(fault(program.done().in_flash()), expected);
}

#[test]
fn steps_out_of_sequence() {
    for program in [
        Program::unlocked().store(CR, 1).store(ADDRESS + 4, 1),
        Program::unlocked().store(CR, 1 << 16 | 3),
    ] {
        let fault = fault(program.done().in_flash());
        assert!(matches!(fault, Fault::FlashSequence { .. }), "{fault:?}");
    }
}

#[test]
fn reading_what_was_erased_through_a_cache_that_was_not_emptied() {
    let erased = || {
        let read = Program::unlocked().fetch(0, ADDRESS);
        read.erase(OFFSET / 2048)
    };
    let stale = Fault::StaleCache { address: ADDRESS };
    assert_eq!(fault(erased().fetch(0, ADDRESS).done().in_flash()), stale);
    for harmless in [
        erased().empty_cache(),
        // What is programmed anew is right in the cache.
        erased().program(OFFSET, 1, 2),
        Program::unlocked().erase(OFFSET / 2048),
    ] {
        let mut board = harmless.fetch(0, ADDRESS).done().in_flash();
        let exit = board.run(100_000);
        assert!(
            matches!(exit, Exit::Fault(Fault::Breakpoint { .. })),
            "{exit:?}"
        );
    }
}

#[test]
fn touching_a_protected_range() {
    let mut board = Program::unlocked().erase(64).done().in_flash();
    board.edit_flash(|flash| flash.protect(64 * 2048..65 * 2048));
    let offset = 64 * 2048;
    assert_eq!(fault(board), Fault::Protected { offset });
}

#[test]
fn an_undefined_instruction() {
    let board = Program::default().op(0xDE00).in_flash();
    assert!(matches!(fault(board), Fault::Undefined { .. }));
}

#[test]
fn an_address_without_anything() {
    for address in [0x0900_0000, 0x2002_0000, 0x6000_0000] {
        let board = Program::default().fetch(0, address).done().in_flash();
        assert_eq!(fault(board), Fault::Nothing { address });
    }
}

#[test]
fn floating_point_that_was_not_enabled() {
    // vmov.f32 s0, s0
    let board = Program::default().op(0xEEB0).op(0x0A40).in_flash();
    assert!(matches!(fault(board), Fault::Undefined { .. }));
    let enabled = Program::default().store(0xE000_ED88, 0xF << 20);
    let board = enabled.op(0xEEB0).op(0x0A40).done().in_flash();
    assert!(matches!(fault(board), Fault::Breakpoint { .. }));
}

#[test]
fn a_device_without_its_clock() {
    for address in [0x4000_0024, 0x4000_4400, 0x4800_0014] {
        let board = Program::default().fetch(0, address).done().in_flash();
        assert_eq!(fault(board), Fault::NoClock { address });
    }
}

#[test]
fn a_device_that_does_not_exist_here() {
    // SPI3, and a DMA channel that is switched on.
    let address = 0x4000_3C00;
    let board = Program::default().fetch(0, address).done().in_flash();
    assert_eq!(fault(board), Fault::NotModelled { address });
    let address = 0x4002_0008;
    let board = Program::default().store(address, 1).done().in_flash();
    assert_eq!(fault(board), Fault::NotModelled { address });
}

#[test]
fn unaligned_words_are_no_mistake() {
    let program = Program::default()
        .store(SEEN, 0x4433_2211)
        .store(SEEN + 4, 0x55)
        .fetch(5, SEEN + 1)
        .store(SEEN + 8, 0)
        // str r5, [r7]
        .op(0x603D);
    let mut board = program.done().in_flash();
    crate::thumb::run_to_end(&mut board);
    assert_eq!(board.word(SEEN + 8), Some(0x5544_3322));
}

//! Flash through the cache and the MMU.

use crate::programs::{A0, Program, fault, run_to_end, seen};
use crate::riscv::{MRET, RA};
use ota_emu::Fault;
use ota_emu::esp32c3::Board;

const MMU: u32 = 0x600C_5000;
const EXTMEM: u32 = 0x600C_4000;
const DATA: u32 = 0x3C00_0000;
const CODE: u32 = 0x4200_0000;
/// Page 16 of the flash, which programs show as page 2.
const OFFSET: u32 = 0x10_0000;
const SHOWN: u32 = DATA + 0x2_0000;
const SHOWN_AS_CODE: u32 = CODE + 0x2_0000;

const INVALIDATE: u32 = 0x4D4;
const INVALIDATE_ALL: u32 = 0x4D8;
const DISABLE: u32 = 0x51C;
const ENABLE: u32 = 0x520;
const WRITE: u32 = 0x12C;
const ERASE_SECTOR: u32 = 0x128;
const MMU_SET: u32 = 0x564;

/// With page 2 of the windows showing page 16 of the flash, as second stages do it.
fn mapped() -> Program {
    Program::quiet()
        .rom(DISABLE, [])
        .store(MMU + 4 * 2, 16)
        .store(EXTMEM + 4, 0)
        .rom(INVALIDATE_ALL, [])
        .rom(ENABLE, [0])
}

fn with_data(program: Program) -> Board {
    let mut board = program.done().on_board();
    board.edit_flash(|flash| {
        flash.load(OFFSET, &[0x11; 4]);
        flash.load(OFFSET + 0x1_0000, &[0x22; 4]);
        flash.load(OFFSET + 0xFFFC, &[0x33; 4]);
    });
    board
}

#[test]
fn both_windows_show_what_the_table_says() {
    let program = mapped()
        .note(0, SHOWN)
        .note(1, SHOWN_AS_CODE)
        .note(2, SHOWN + 0xFFFC)
        .note(3, MMU + 4 * 2);
    let mut board = with_data(program);
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0x1111_1111, 0x1111_1111, 0x3333_3333, 16]);
    assert_eq!(board.word(SHOWN), Some(0x1111_1111));
    assert_eq!(board.word(DATA), None);
}

#[test]
fn the_rom_maps_pages_too() {
    let map = |address, offset, size| {
        Program::quiet()
            .store(EXTMEM + 4, 0)
            .rom(MMU_SET, [0, address, offset, size, 2, 0])
            .keep(0, A0)
    };
    let mut board = with_data(
        map(SHOWN, OFFSET, 64)
            .note(1, SHOWN)
            .note(2, SHOWN + 0x1_0000),
    );
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0, 0x1111_1111, 0x2222_2222]);
    for (address, offset, size, error) in [
        (SHOWN + 4, OFFSET, 64, 1),
        (SHOWN, OFFSET + 4, 64, 1),
        (SHOWN, OFFSET, 32, 3),
        (DATA + 0x7F_0000, OFFSET, 64, 4),
    ] {
        let mut board = with_data(map(address, offset, size));
        run_to_end(&mut board);
        assert_eq!(seen(&board), [error]);
    }
}

#[test]
fn code_is_executed_from_flash() {
    let mut board = mapped().jump(SHOWN_AS_CODE).on_board();
    let code = Program::default().store(crate::programs::SEEN, 7).done();
    board.edit_flash(|flash| flash.load(OFFSET, &code.bytes()));
    run_to_end(&mut board);
    assert_eq!(seen(&board), [7]);
    assert_eq!(board.pc() & !0xFF, 0x4000_1D00, "at the ROM's handler");
}

#[test]
fn nothing_is_read_where_nothing_is_shown() {
    let address = DATA;
    assert_eq!(
        fault(with_data(mapped().fetch(A0, DATA))),
        Fault::NotMapped { address }
    );
    // Beyond the end of the chip.
    let beyond = mapped().store(MMU, 64).fetch(A0, DATA);
    assert_eq!(fault(with_data(beyond)), Fault::NotMapped { address });
}

#[test]
fn nothing_is_read_through_a_cache_that_is_off() {
    for off in [
        mapped().rom(DISABLE, []),
        mapped().store(EXTMEM, 0),
        mapped().store(EXTMEM + 4, 2),
        // Suspended; frozen.
        mapped().rom(0x524, []),
        mapped().rom(0x52C, [0]),
    ] {
        let address = SHOWN;
        assert_eq!(
            fault(with_data(off.fetch(A0, SHOWN))),
            Fault::CacheOff { address }
        );
    }
    let address = SHOWN_AS_CODE;
    let shut = mapped().store(EXTMEM + 4, 1).jump(SHOWN_AS_CODE);
    assert_eq!(fault(with_data(shut)), Fault::CacheOff { address });
}

#[test]
fn what_changed_below_the_cache_is_not_read_until_it_was_invalidated() {
    let address = SHOWN + 0x40;
    let changed = || {
        let read = mapped().store(0x3FC8_0000, 1).note(0, address);
        read.rom(WRITE, [OFFSET + 0x40, 0x3FC8_0000, 4])
    };
    let stale = Fault::StaleCache { address };
    assert_eq!(fault(with_data(changed().fetch(A0, address))), stale);
    // The line beside it does not help.
    let beside = changed().rom(INVALIDATE, [address + 32, 32]);
    assert_eq!(fault(with_data(beside.fetch(A0, address))), stale);
    for harmless in [
        changed().rom(INVALIDATE_ALL, []),
        changed().rom(INVALIDATE, [address, 4]),
        changed().rom(DISABLE, []).rom(ENABLE, [0]),
        changed().store(EXTMEM + 0x28, 1),
    ] {
        let mut board = with_data(harmless.note(1, address));
        run_to_end(&mut board);
        assert_eq!(seen(&board), [u32::MAX, 1]);
    }
    // What was never read is not in the cache; lines beside it are not out of date.
    let other = mapped().rom(WRITE, [OFFSET + 0x40, 0x3FC8_0000, 4]);
    run_to_end(&mut with_data(other.fetch(A0, address)));
    run_to_end(&mut with_data(changed().fetch(A0, address + 32)));
}

#[test]
fn an_erase_is_such_a_change() {
    let address = SHOWN + 4;
    let erased = mapped().note(0, SHOWN).rom(ERASE_SECTOR, [OFFSET / 4096]);
    let stale = Fault::StaleCache { address };
    assert_eq!(fault(with_data(erased.fetch(A0, address))), stale);
}

#[test]
fn a_page_that_shows_something_else_is_such_a_change() {
    let address = SHOWN;
    let remapped = || mapped().note(0, SHOWN).store(MMU + 4 * 2, 17);
    let stale = Fault::StaleCache { address };
    assert_eq!(fault(with_data(remapped().fetch(A0, SHOWN))), stale);
    let mut board = with_data(remapped().rom(INVALIDATE_ALL, []).note(1, SHOWN));
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0x1111_1111, 0x2222_2222]);
}

#[test]
fn the_windows_are_read_only() {
    let address = SHOWN;
    assert_eq!(
        fault(with_data(mapped().store(SHOWN, 1))),
        Fault::XipStore { address }
    );
}

#[test]
fn the_cache_s_own_ram_is_nobody_else_s_while_it_is_on() {
    let address = 0x4037_C000;
    let store = |program: Program| program.store(address, 5).note(0, address);
    assert_eq!(
        fault(with_data(store(mapped()))),
        Fault::Nothing { address }
    );
    let mut board = with_data(store(Program::quiet().rom(DISABLE, [])));
    run_to_end(&mut board);
    assert_eq!(seen(&board), [5]);
}

/// Interrupted by an alarm of SYSTIMER in the middle of an erase.
fn erasing() -> Program {
    const SYSTIMER: u32 = 0x6002_3000;
    mapped()
        .interrupted_by(37)
        .store(SYSTIMER + 0x34, 1 << 30 | 16_000)
        .store(SYSTIMER + 0x50, 1)
        .store(SYSTIMER + 0x64, 1)
        .store(SYSTIMER, 0x4700_0000)
        .rom(ERASE_SECTOR, [0x180])
}

/// Clears the alarm, counts itself, and returns.
fn handler() -> Program {
    const SYSTIMER: u32 = 0x6002_3000;
    Program::default()
        .store(SYSTIMER + 0x6C, 1)
        .fetch(5, crate::programs::SEEN)
        .op(1 << 20 | 5 << 15 | 5 << 7 | 0x13)
        .put(5, crate::programs::SEEN)
        .op(MRET)
}

#[test]
fn interrupts_during_an_erase_are_for_handlers_in_ram() {
    let counted = |handler: Program| {
        let zero = Program::default().store(crate::programs::SEEN, 0);
        zero.then(erasing()).done().with_handler(handler)
    };
    let mut board = counted(handler());
    run_to_end(&mut board);
    let [count] = seen(&board);
    assert!((44..=46).contains(&count), "{count} interrupts");
    // One that calls into the flash.
    let mut board = counted(Program::default().call(SHOWN_AS_CODE, []).then(handler()));
    board.edit_flash(|flash| flash.load(OFFSET, &(RA << 15 | 0x67).to_le_bytes()));
    let address = SHOWN_AS_CODE;
    assert_eq!(fault(board), Fault::XipWhileBusy { address });
}

#[test]
fn a_flash_function_is_not_called_in_another() {
    let nested = Program::default()
        .rom(ERASE_SECTOR, [0x181])
        .then(handler());
    let board = erasing().done().with_handler(nested);
    assert!(matches!(fault(board), Fault::CommandWhileBusy { .. }));
}

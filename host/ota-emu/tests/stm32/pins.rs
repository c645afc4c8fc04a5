//! Interrupts from the pins, and the W5500 that is wired to some of them.

use crate::thumb::{ENABLE_INTERRUPTS, Program, RCC, WFI, run_to_end, seen};
use ota_emu::{Exit, Fault};

const AHB2ENR: u32 = RCC + 0x4C;
const APB2ENR: u32 = RCC + 0x60;
const GPIO_B: u32 = 0x4800_0400;
const MODER: u32 = 0;
const BSRR: u32 = 0x18;
const SPI1: u32 = 0x4001_3000;
const EXTI: u32 = 0x4001_0400;
const EXTICR4: u32 = 0x4001_0014;
/// On, master, select by software.
const CR1: u32 = 1 << 9 | 1 << 8 | 1 << 6 | 1 << 2;

/// With the W5500 selected, and the line to it open.
fn selected() -> Program {
    Program::default()
        .store(AHB2ENR, 1 << 1)
        .store(APB2ENR, 1 << 12)
        .store(GPIO_B + MODER, 1 << 12)
        .store(GPIO_B + BSRR, 1 << 22)
        .store(SPI1, CR1)
}

/// Sends a byte.
fn send(program: Program, byte: u32) -> Program {
    program.store(SPI1 + 0x0C, byte)
}

#[test]
fn the_w5500_says_its_version_over_spi1() {
    // VERSIONR: address 0x0039, common registers, read.
    let mut program = selected();
    for byte in [0x00, 0x39, 0x00, 0x00] {
        program = send(program, byte);
    }
    program = program.note(0, SPI1 + 8);
    for nth in 1..5 {
        program = program.note(nth, SPI1 + 0x0C);
    }
    let mut board = program.note(5, SPI1 + 8).done().in_flash();
    run_to_end(&mut board);
    let [full, _, _, _, version, empty] = seen(&board);
    assert_eq!(version, 4);
    assert_eq!((full, empty), (3 << 9 | 3, 2), "received, and nothing more");
}

#[test]
fn without_its_select_pin_the_w5500_is_silent_and_a_fifth_byte_is_lost() {
    let mut program = selected().store(GPIO_B + BSRR, 1 << 6);
    for _ in 0..5 {
        program = send(program, 0x39);
    }
    let mut board = program
        .note(0, SPI1 + 8)
        .note(1, SPI1 + 0x0C)
        .note(2, SPI1 + 8)
        .note(3, SPI1 + 8)
        .done()
        .in_flash();
    run_to_end(&mut board);
    let [full, byte, noticed, cleared] = seen(&board);
    assert_eq!(byte, 0xFF);
    let overrun = [full, noticed, cleared].map(|status| status >> 6 & 1);
    assert_eq!(overrun, [1, 1, 0], "OVR, until DR and then SR were read");
}

#[test]
fn dma_of_spi1_is_not_modelled_and_it_needs_its_clock() {
    let mut board = selected().store(SPI1 + 4, 7 << 8 | 1).done().in_flash();
    let address = SPI1 + 4;
    assert_eq!(board.run(1000), Exit::Fault(Fault::NotModelled { address }));
    let mut board = Program::default().store(SPI1, CR1).done().in_flash();
    let address = SPI1;
    assert_eq!(board.run(1000), Exit::Fault(Fault::NoClock { address }));
}

#[test]
fn a_falling_edge_on_the_buttons_pin_wakes_a_core_that_sleeps() {
    const PIN_13: u32 = 1 << 13;
    let handler = Program::default()
        .note(0, EXTI + 0x14)
        .store(EXTI + 0x14, PIN_13)
        .note(1, EXTI + 0x14)
        .done();
    let mut board = Program::default()
        .store(AHB2ENR, 1 << 2)
        .store(APB2ENR, 1)
        // Line 13 is port C's.
        .store(EXTICR4, 2 << 4)
        .store(EXTI + 0x0C, PIN_13)
        .store(EXTI, PIN_13)
        .store(ENABLE_INTERRUPTS + 4, 1 << 8)
        .op(WFI)
        .done()
        .with_handlers([(16 + 40, handler)]);
    assert_eq!(board.run(1000), Exit::Asleep);
    board.drive('C', 13, true);
    assert_eq!(board.run(1000), Exit::Asleep, "no edge");
    board.drive('C', 13, false);
    run_to_end(&mut board);
    assert_eq!(seen(&board), [PIN_13, 0]);
}

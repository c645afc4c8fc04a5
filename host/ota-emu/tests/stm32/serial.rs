//! USART2 and the line behind it.

use crate::thumb::{FOR_EVER, Program, RCC, SEEN, WFI, run_to_end, seen};
use ota_emu::Exit;
use ota_emu::stm32::Board;
use std::io::{ErrorKind, Read, Write};

const USART: u32 = 0x4000_4400;
const BRR: u32 = USART + 0x0C;
const ISR: u32 = USART + 0x1C;
const ICR: u32 = USART + 0x20;
const RDR: u32 = USART + 0x24;
const TDR: u32 = USART + 0x28;
/// CR1: enabled, both ways, with an interrupt for what was received.
const ON: u32 = 1 | 1 << 2 | 1 << 3;
const RXNEIE: u32 = 1 << 5;
const IDLEIE: u32 = 1 << 4;
const ORE: u32 = 1 << 3;
const IDLE: u32 = 1 << 4;
const RXNE: u32 = 1 << 5;
const TC: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
/// The exception of USART2's interrupt, and where it is enabled.
const EXCEPTION: u32 = 16 + 38;
const ENABLE: u32 = 0xE000_E104;
/// A byte at 115,200 baud, in microseconds.
const BYTE: u64 = 87;

/// With the USART at 115,200 baud: the core runs at 4 MHz.
fn with_usart(control: u32) -> Program {
    Program::default()
        .store(RCC + 0x58, 1 << 17)
        .store(BRR, 35)
        .store(USART, ON | control)
}

#[test]
fn what_is_sent_is_logged_and_takes_its_time() {
    let program = with_usart(0)
        .store(TDR, u32::from(b'h'))
        .store(TDR, u32::from(b'i'))
        .note(0, ISR)
        .op(FOR_EVER);
    let mut board = program.in_flash();
    let start = board.now();
    assert_eq!(board.run(10_000), Exit::Asleep);
    let took = board.now() - start;
    assert!((2 * BYTE..2 * BYTE + 60).contains(&took), "{took} us");
    assert_eq!(
        seen::<1>(&board)[0] & (TC | TXE),
        0,
        "one is sent, one waits"
    );
    assert!(!board.has_logged("hi"), "the line has not ended");
}

#[test]
fn whole_lines_are_logged() {
    let mut program = with_usart(0);
    for &byte in b"hi\n" {
        // Each waits for the one before: ldr r5, [r7]; lsrs r5, #8; bcc to it, for TXE.
        program = program
            .load(7, ISR)
            .op(0x683D)
            .op(0x0A2D)
            .op(0xD3FC)
            .store(TDR, byte.into());
    }
    let mut board = program.op(FOR_EVER).in_flash();
    assert_eq!(board.run(10_000), Exit::Asleep);
    assert!(board.has_logged("hi"));
}

#[test]
fn a_usart_that_is_off_sends_nothing() {
    let program = with_usart(0).store(USART, 0).store(TDR, 10).op(FOR_EVER);
    let mut board = program.in_flash();
    assert_eq!(board.run(10_000), Exit::Asleep);
    assert!(board.logs().is_empty());
}

/// Stores what it receives behind a counter: push {r5-r7, lr}; ...; pop {r5-r7, pc}.
fn receiver() -> Program {
    Program::default()
        .op(0xB5E0)
        .fetch(6, RDR)
        .load(7, SEEN)
        // ldr r5, [r7]; adds r5, #1; str r5, [r7]; adds r7, r7, r5; strb r6, [r7, #7]
        .op(0x683D)
        .op(0x3501)
        .op(0x603D)
        .op(0x197F)
        .op(0x71FE)
        .op(0xBDE0)
}

#[test]
fn each_byte_received_interrupts() {
    // wfi; b to it
    let program = with_usart(RXNEIE)
        .store(SEEN, 0)
        .store(ENABLE, 1 << 6)
        .op(WFI)
        .op(0xE7FD);
    let mut board = program.with_handlers([(EXCEPTION, receiver())]);
    assert_eq!(board.run(10_000), Exit::Asleep);
    let start = board.now();
    board.send_uart(b"abcd");
    assert_eq!(board.run(10_000), Exit::Asleep);
    let took = board.now() - start;
    assert!((4 * BYTE..5 * BYTE + 60).contains(&took), "{took} us");
    assert_eq!(board.word(SEEN), Some(4));
    assert_eq!(board.word(SEEN + 8).map(u32::to_le_bytes), Some(*b"abcd"));
    assert_eq!(board.lost_bytes(), 0);
}

#[test]
fn the_end_of_what_is_received_is_told() {
    let program = with_usart(IDLEIE).store(ENABLE, 1 << 6).op(WFI);
    let mut board = program.with_handlers([(EXCEPTION, Program::default().note(0, ISR).done())]);
    assert_eq!(board.run(10_000), Exit::Asleep);
    board.send_uart(b"x");
    run_to_end(&mut board);
    assert_eq!(seen::<1>(&board)[0] & (IDLE | RXNE), IDLE | RXNE);
}

#[test]
fn bytes_that_nobody_fetches_are_lost_and_it_is_told() {
    let program = with_usart(RXNEIE).store(ENABLE, 1 << 6).op(0xB672).op(WFI);
    let waits = program.load(0, 2000).op(0x3801).op(0xD1FD);
    let mut board = waits
        .note(0, ISR)
        .note(1, RDR)
        .store(ICR, ORE)
        .note(2, ISR)
        .done()
        .in_flash();
    assert_eq!(board.run(10_000), Exit::Asleep);
    board.send_uart(b"ab");
    run_to_end(&mut board);
    assert_eq!(board.lost_bytes(), 1);
    let [before, byte, after] = seen(&board);
    assert_eq!(before & (ORE | RXNE), ORE | RXNE);
    assert_eq!(byte, u32::from(b'a'), "the first one stays");
    assert_eq!(after & (ORE | RXNE), 0);
}

#[test]
fn an_unclocked_usart_is_a_mistake() {
    let mut board = Program::default().store(TDR, 1).done().in_flash();
    let exit = board.run(100);
    let address = TDR;
    assert_eq!(exit, Exit::Fault(ota_emu::Fault::NoClock { address }));
}

/// A board that sends a request of three bytes and then collects what comes.
fn asking() -> Board {
    let mut program = with_usart(RXNEIE)
        .store(SEEN, 0)
        .store(SEEN + 8, 0)
        .store(ENABLE, 1 << 6);
    for &byte in b"say" {
        program = program
            .load(7, ISR)
            .op(0x683D)
            .op(0x0A2D)
            .op(0xD3FC)
            .store(TDR, byte.into());
    }
    let program = program.op(WFI).op(0xE7FD);
    program.with_handlers([(EXCEPTION, receiver())])
}

/// Answers each request of three bytes, after a while.
fn answer(mut line: impl Read + Write) {
    let mut request: Vec<u8> = Vec::new();
    let mut some = [0; 16];
    loop {
        match line.read(&mut some) {
            Ok(0) => return,
            Ok(count) => request.extend(&some[..count]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
        }
        if request.len() == 3 {
            assert_eq!(request, b"say");
            request.clear();
            std::thread::sleep(std::time::Duration::from_millis(20));
            line.write_all(b"yes!").expect("the board is there");
        }
    }
}

#[test]
fn the_other_end_of_the_line_answers_in_no_time_of_the_board() {
    let mut ends = Vec::new();
    for _ in 0..2 {
        let mut board = asking();
        let line = board.attach_serial();
        let server = std::thread::spawn(move || answer(line));
        assert_eq!(board.run(100_000), Exit::Asleep);
        assert_eq!(board.word(SEEN + 8).map(u32::to_le_bytes), Some(*b"yes!"));
        assert!(board.logs().is_empty(), "what goes to a line is not logged");
        ends.push((board.now(), board.instructions()));
        drop(board);
        server.join().expect("it ends with the board");
    }
    assert_eq!(ends[0], ends[1], "two runs are the same");
}

#[test]
fn a_line_that_was_dropped_is_silent() {
    let mut board = asking();
    drop(board.attach_serial());
    assert_eq!(board.run(100_000), Exit::Asleep);
    assert_eq!(board.word(SEEN), Some(0));
}

#[test]
fn a_reset_of_the_device_forgets_its_settings() {
    const RESETS: u32 = RCC + 0x38;
    let program = with_usart(0)
        .store(RESETS, 1 << 17)
        .store(RESETS, 0)
        .note(0, USART)
        .note(1, BRR)
        .note(2, ISR);
    let mut board = program.done().in_flash();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0, 0, TC | TXE]);
}

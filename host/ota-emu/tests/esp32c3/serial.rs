//! UART0 and the line behind it, and what the chip says over USB.

use crate::programs::{A0, Program, SEEN, run_to_end, seen, took};
use crate::riscv::{FOR_EVER, MRET, WFI};
use ota_emu::Exit;
use ota_emu::esp32c3::Board;
use std::io::{ErrorKind, Read, Write};

const UART: u32 = 0x6000_0000;
const RAW: u32 = UART + 4;
const ENABLE: u32 = UART + 0x0C;
const CLEAR: u32 = UART + 0x10;
const STATUS: u32 = UART + 0x1C;
const CONF0: u32 = UART + 0x20;
const CONF1: u32 = UART + 0x24;
const MEM_CONF: u32 = UART + 0x60;
const FULL: u32 = 1;
const EMPTY: u32 = 1 << 1;
const OVERFLOW: u32 = 1 << 4;
const TIMEOUT: u32 = 1 << 8;
const DONE: u32 = 1 << 14;
const SOURCE: u32 = 21;
/// A byte at 115,200 baud, in microseconds.
const BYTE: u64 = 87;

/// Once the ROM has said what it says.
fn silent() -> Program {
    Program::quiet().rom(0x84, []).store(CLEAR, u32::MAX)
}

fn sending(text: &[u8]) -> Program {
    text.iter().fold(silent(), |program, byte| {
        program.store(UART, u32::from(*byte))
    })
}

#[test]
fn what_is_sent_is_logged_and_takes_its_time() {
    let mut board = silent().done().on_board();
    let before = took(&mut board);
    let mut board = sending(b"hi\n")
        .note(0, RAW)
        .rom(0x84, [])
        .note(1, RAW)
        .done()
        .on_board();
    let took = took(&mut board) - before;
    assert!((3 * BYTE - 3..3 * BYTE + 20).contains(&took), "{took} us");
    assert!(board.has_logged("hi"));
    let [during, after] = seen(&board);
    assert_eq!((during & DONE, after & DONE), (0, DONE));
}

#[test]
fn it_is_as_fast_as_it_was_set_up() {
    // The crystal by 40: a million baud, ten bits each.
    let mut board = silent().store(UART + 0x14, 40).done().on_board();
    let before = took(&mut board);
    let text: Program = silent().store(UART + 0x14, 40);
    let text = (0..100).fold(text, |program, _| program.store(UART, 0x55));
    let mut board = text.rom(0x84, []).done().on_board();
    let took = took(&mut board) - before;
    assert!((1000..1020).contains(&took), "{took} us");
}

#[test]
fn the_queue_tells_how_full_it_is() {
    let program = sending(&[b'x'; 100])
        .note(0, STATUS)
        .note(1, RAW)
        .rom(0x84, [])
        .note(2, STATUS)
        .note(3, RAW);
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    let [status, raw, later, empty] = seen(&board);
    assert!((97..100).contains(&(status >> 16 & 0x3FF)));
    assert_eq!(raw & EMPTY, 0, "96 is where it begins");
    assert_eq!(later >> 16 & 0x3FF, 0);
    assert_eq!(empty & EMPTY, EMPTY);
}

#[test]
fn a_byte_for_a_full_queue_is_a_mistake_but_the_rom_waits() {
    let board = sending(&[b'x'; 130]).done().on_board();
    let fault = crate::programs::fault(board);
    assert!(
        matches!(fault, ota_emu::Fault::Misuse { register: UART, .. }),
        "{fault:?}"
    );
    let say = Program::default().rom(0x68, [u32::from(b'x')]);
    let mut board = silent()
        .times(200, &say)
        .rom(0x68, [10])
        .rom(0x84, [])
        .done()
        .on_board();
    run_to_end(&mut board);
    assert!(board.has_logged(&"x".repeat(200)));
}

/// Stores what it receives behind a counter, until the queue is empty.
fn receiver() -> Program {
    Program::default()
        .note(2, RAW)
        .fetch(5, SEEN)
        .op(1 << 20 | 5 << 15 | 5 << 7 | 0x13)
        .put(5, SEEN)
        .fetch(7, STATUS)
        // andi t2, t2, 0x3FF
        .op(0x3FF << 20 | 7 << 15 | 7 << 12 | 7 << 7 | 0x13)
        .keep(1, 7)
        // Empties it.
        .store(CONF0, 0x1000_001C | 1 << 17)
        .store(CONF0, 0x1000_001C)
        .store(CLEAR, u32::MAX)
        .op(MRET)
}

/// Sleeps, and receives by interrupt.
fn receiving(enabled: u32, full_at: u32) -> Board {
    let program = silent()
        .store(SEEN, 0)
        .store(CONF1, 1 << 21 | 0x60 << 9 | full_at)
        // Two bytes' time.
        .store(MEM_CONF, 20 << 16 | 0x12)
        .store(ENABLE, enabled)
        .interrupted_by(SOURCE)
        .op(WFI)
        // j to the one before
        .op(0xFFDF_F06F);
    let mut board = program.with_handler(receiver());
    assert_eq!(board.run(10_000), Exit::Asleep);
    board
}

#[test]
fn a_queue_that_is_full_enough_interrupts() {
    let mut board = receiving(FULL, 4);
    board.send_uart(b"abc");
    assert_eq!(board.run(10_000), Exit::Asleep);
    assert_eq!(seen(&board), [0]);
    let start = board.now();
    board.send_uart(b"d");
    assert_eq!(board.run(10_000), Exit::Asleep);
    let took = board.now() - start;
    assert!((BYTE - 1..BYTE + 50).contains(&took), "{took} us");
    let [count, bytes, raw] = seen(&board);
    assert_eq!((count, bytes), (1, 4));
    assert_eq!(raw & (FULL | OVERFLOW), FULL);
}

#[test]
fn a_line_that_is_quiet_again_interrupts() {
    let mut board = receiving(TIMEOUT, 100);
    let start = board.now();
    board.send_uart(b"ab");
    assert_eq!(board.run(10_000), Exit::Asleep);
    let took = board.now() - start;
    assert!((4 * BYTE - 5..4 * BYTE + 50).contains(&took), "{took} us");
    let [count, bytes, raw] = seen(&board);
    assert_eq!((count, bytes), (1, 2));
    assert_eq!(raw & (FULL | TIMEOUT), TIMEOUT);
}

#[test]
fn bytes_are_read_in_their_order() {
    let receive = Program::default().rom(0x70, [SEEN + 0x100]).keep(9, A0);
    let program = silent()
        .rom(0x50, [1000])
        .note(0, UART)
        .note(1, UART)
        .then(receive)
        .note(2, SEEN + 0x100)
        .rom(0x70, [SEEN + 0x100])
        .keep(3, A0);
    let mut board = program.store(SEEN + 0x100, 0).done().on_board();
    board.send_uart(b"abc");
    run_to_end(&mut board);
    let [a, b, c, none] = seen(&board);
    assert_eq!([a, b, c & 0xFF], [0x61, 0x62, 0x63]);
    assert_eq!(none, 1);
}

#[test]
fn bytes_that_nobody_fetches_are_lost_and_it_is_told() {
    let program = silent().rom(0x50, [20_000]).note(0, RAW).note(1, STATUS);
    let mut board = program.done().on_board();
    board.send_uart(&[7; 130]);
    run_to_end(&mut board);
    assert_eq!(board.lost_bytes(), 2);
    let [raw, status] = seen(&board);
    assert_eq!(raw & (FULL | OVERFLOW), FULL | OVERFLOW);
    assert_eq!(status & 0x3FF, 128);
}

/// A board that sends a request and then counts what comes.
fn asking() -> Board {
    let program = sending(b"say")
        .store(SEEN, 0)
        .store(SEEN + 4, 0)
        .store(CONF1, 1 << 21 | 0x60 << 9 | 100)
        .store(ENABLE, TIMEOUT)
        .interrupted_by(SOURCE)
        .op(WFI)
        .op(0xFFDF_F06F);
    program.with_handler(receiver())
}

/// Answers a request, after a while, once the ROM was heard.
fn answer(mut line: impl Read + Write) {
    let mut heard: Vec<u8> = Vec::new();
    let mut some = [0; 16];
    let mut answered = false;
    loop {
        match line.read(&mut some) {
            Ok(0) => return,
            Ok(count) => heard.extend(&some[..count]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
        }
        if heard.ends_with(b"say") && !answered {
            assert!(heard.starts_with(b"ESP-ROM"));
            answered = true;
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
        let [count, bytes] = seen(&board);
        assert_eq!((count, bytes), (1, 4));
        assert!(board.logs().is_empty(), "what goes to a line is not logged");
        ends.push((board.now(), board.instructions()));
        drop(board);
        server.join().expect("it ends with the board");
    }
    assert_eq!(ends[0], ends[1], "two runs are the same");
}

#[test]
fn usb_is_a_line_that_is_logged() {
    const USB: u32 = 0x6004_3000;
    let program = b"usb\n".iter().fold(Program::quiet(), |program, byte| {
        program.store(USB, u32::from(*byte))
    });
    let mut board = program
        .store(USB + 4, 1)
        .note(0, USB + 4)
        .op(FOR_EVER)
        .on_board();
    let _ = board.attach_serial();
    board.run(1000);
    assert!(board.has_logged("usb"));
    assert_eq!(seen::<1>(&board)[0] & 2, 2, "there is room");
}

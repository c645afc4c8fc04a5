//! Firmware with nothing but embassy-stm32 in it (`checks/stm32`), unmodified on the STM32 board.

mod build;

use build::{elf, parts};
use ota_emu::stm32::{Board, flash};
use ota_emu::{Exit, Reset};
use ota_sim::Tear;
use std::io::{ErrorKind, Read, Write};

/// How many instructions a firmware gets for what takes it less.
const ENOUGH: u64 = 50_000_000;

fn board(name: &str) -> Board {
    let mut flash = flash();
    for (offset, bytes) in parts(&elf(name)) {
        flash.load(offset, &bytes);
    }
    Board::new(flash)
}

fn lines(board: &Board) -> Vec<&str> {
    board.logs().iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn a_buffered_uart_and_a_ticker_run_in_one_executor() {
    let mut board = board("echo");
    assert_eq!(board.run_until("tick", ENOUGH), Exit::Seen);
    let start = board.now();
    assert_eq!(board.run_until("tick", ENOUGH), Exit::Seen);
    let period = board.now() - start;
    assert!((999_000..1_001_000).contains(&period), "{period} us");
    board.send_uart(b"hello, board\n");
    assert_eq!(board.run_until("HELLO, BOARD", ENOUGH), Exit::Seen);
    assert_eq!(board.lost_bytes(), 0);
    assert!(!board.has_logged("lost"));
}

/// Says a line, and listens until it comes back.
fn talk(mut line: impl Read + Write) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut some = [0; 64];
    while !heard.ends_with(b"OVER THE LINE\n") {
        match line.read(&mut some) {
            Ok(0) => break,
            Ok(count) => {
                if heard.is_empty() {
                    line.write_all(b"over the line\n")
                        .expect("the board is there");
                }
                heard.extend(&some[..count]);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
        }
    }
    heard
}

#[test]
fn a_program_on_this_machine_talks_to_the_firmware() {
    let mut board = board("echo");
    let line = board.attach_serial();
    let talker = std::thread::spawn(move || talk(line));
    let mut left = ENOUGH;
    while !talker.is_finished() && left != 0 {
        let _ = board.run(1_000_000);
        left -= 1_000_000;
    }
    drop(board);
    let heard = talker.join().expect("it has heard enough");
    assert_eq!(String::from_utf8_lossy(&heard), "tick\nOVER THE LINE\n");
}

const WRITTEN: [&str; 5] = ["readable", "written", "readable", "written", "done"];

#[test]
fn the_flash_driver_erases_programs_and_reads_both_banks() {
    let mut board = board("flash");
    assert_eq!(board.run_until("done", ENOUGH), Exit::Seen);
    assert_eq!(lines(&board), WRITTEN);
    assert_eq!(
        board.operations(),
        2 * 3,
        "an erase and two double words in each"
    );
    for page in [0x2_0000, 0xA_0000] {
        assert_eq!(&board.flash().bytes()[page..][..16], b"sixteen bytes...");
    }
}

#[test]
fn a_power_cut_at_each_operation_leaves_what_the_next_run_mends() {
    let mut torn = 0;
    for operation in 1..=6 {
        for tear in [Tear::Mixed, Tear::Unreadable, Tear::Before, Tear::After] {
            let mut board = board("flash");
            board.cut_at(operation, tear);
            assert_eq!(board.run_until("done", ENOUGH), Exit::PowerCut);
            board.power_up();
            assert_eq!(
                board.run_until("done", ENOUGH),
                Exit::Seen,
                "{operation} {tear:?}"
            );
            torn += usize::from(board.has_logged("torn here"));
            assert!(!board.has_logged("torn elsewhere"));
            assert!(!board.has_logged("wrong") && !board.has_logged("refused"));
        }
    }
    // The second double word is the one that the firmware looks at: Mixed and Unreadable of it,
    // and of an erase.
    assert!(torn >= 4, "{torn} torn double words were read");
}

#[test]
fn a_hang_is_ended_by_the_watchdog_and_the_next_run_is_told() {
    let mut board = board("watchdog");
    assert_eq!(board.run_until("power", ENOUGH), Exit::Seen);
    assert_eq!(board.run(ENOUGH), Exit::Reset(Reset::WatchdogTimeout));
    assert!(board.has_logged("hanging"));
    // Fed each 400 ms for four seconds, and half a second later it bites.
    let at = board.now();
    assert!((4_400_000..4_700_000).contains(&at), "{at} us");
    assert_eq!(board.run(ENOUGH), Exit::Reset(Reset::System));
    assert!(board.has_logged("watchdog"));
    assert_eq!(board.run_until("software", ENOUGH), Exit::Seen);
}

#[test]
fn defmt_is_decoded_with_its_times() {
    let mut board = board("watchdog");
    board
        .load_defmt(&elf("watchdog"))
        .expect("it logs with defmt");
    assert_eq!(board.run_until("fed 10 times", ENOUGH), Exit::Seen);
    let defmt = |line: &&ota_emu::Line| line.source == ota_emu::Source::Defmt;
    let fed: Vec<_> = board.logs().iter().filter(defmt).collect();
    assert_eq!(fed.len(), 10);
    for (count, line) in (1..).zip(fed) {
        assert_eq!(line.text, format!("fed {count} times"));
        let close = count * 400_000..count * 400_000 + 50_000;
        assert!(close.contains(&line.at), "{line}");
    }
}

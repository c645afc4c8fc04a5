//! The bytes on the line, which do not change.

use ota_serial::{Answer, Deframer, Problem, Request, frame, frame_length};
use proptest::prelude::*;

const TAG: u64 = 0x1122_3344_5566_7788;

// Made with Python's `binascii.crc32`, `struct`, and COBS as Cheshire and Baker's paper has it.
const REQUEST: &str = "000b01078877665544332211020401011402746865726d6f737461742e6f7461612a1fda00";
const PROBLEM: &str = "000882090299cc3c2200";
/// The beginning and the end: between them stand the numbers 1 to 255, and the length of a run.
const DATA: (&str, &str) = (
    "000b8107887766554433221102040101021001ff010203",
    "fcfd07fefff5a694b200",
);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = [0; 2000];
    let length = frame(parts, &mut out).expect("it fits");
    out[..length].to_vec()
}

/// Every message in these bytes.
fn messages(line: &[u8], room: usize) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; room];
    let mut deframer = Deframer::new();
    let mut found = Vec::new();
    for byte in line {
        if let Some(length) = deframer.push(*byte, &mut buffer) {
            found.push(buffer[..length].to_vec());
        }
    }
    found
}

#[test]
fn a_request_is_these_bytes() {
    let request = Request {
        sequence: 7,
        tag: TAG,
        offset: 1024,
        length: 512,
        name: "thermostat.ota",
    };
    let line = framed(&[&request.head(), request.name.as_bytes()]);
    assert_eq!(hex(&line), REQUEST);
    let message = messages(&line, 200).remove(0);
    assert_eq!(Request::parse(&message), Some(request));
}

#[test]
fn answers_are_these_bytes() {
    let bytes: Vec<u8> = (1..=255).chain(1..=255).collect();
    let data = Answer::Data {
        sequence: 7,
        tag: TAG,
        offset: 1024,
        total: 4096,
        bytes: &bytes,
    };
    let problem = Answer::Problem {
        sequence: 9,
        problem: Problem::Changed,
    };
    for (answer, (start, end)) in [(data, DATA), (problem, (PROBLEM, PROBLEM))] {
        let (head, length, bytes) = answer.parts();
        let line = framed(&[&head[..length], bytes]);
        assert!(
            hex(&line).starts_with(start) && hex(&line).ends_with(end),
            "{}",
            hex(&line)
        );
        let message = messages(&line, 1000).remove(0);
        assert_eq!(Answer::parse(&message), Some(answer));
    }
}

#[test]
fn names_are_1_to_64_visible_characters() {
    for good in ["a", "stable/app-1.0.ota", &"n".repeat(64)] {
        assert!(ota_serial::is_name(good), "{good}");
    }
    for bad in ["", "a b", "a\n", "\u{e4}", &"n".repeat(65)] {
        assert!(!ota_serial::is_name(bad), "{bad:?}");
    }
}

#[test]
fn a_frame_that_does_not_fit_is_passed_over_and_the_next_one_is_found() {
    let line = [framed(&[&[1; 300]]), framed(&[b"short"])].concat();
    assert_eq!(messages(&line, 100), [b"short".to_vec()]);
    assert_eq!(messages(&line, 304).len(), 2);
}

#[test]
fn what_does_not_fit_the_buffer_is_not_framed() {
    let whole = framed(&[&[7; 600]]).len();
    for room in 0..whole {
        assert!(frame(&[&[7; 600]], &mut vec![0; room]).is_err(), "{room}");
    }
}

proptest! {
    #[test]
    fn every_message_survives_behind_any_noise(
        noise: Vec<u8>,
        message in prop::collection::vec(any::<u8>(), 0..700),
        split in 0_usize..700,
    ) {
        let (first, second) = message.split_at(split.min(message.len()));
        let line = framed(&[first, second]);
        prop_assert!(line.len() <= frame_length(message.len()));
        prop_assert!(line[1..line.len() - 1].iter().all(|byte| *byte != 0));
        let found = messages(&[&noise[..], &line].concat(), 800);
        prop_assert_eq!(found.last(), Some(&message));
    }

    #[test]
    fn a_frame_with_a_changed_byte_gives_nothing_else(
        message in prop::collection::vec(any::<u8>(), 0..300),
        place: prop::sample::Index,
        change in 1_u8..=255,
    ) {
        let mut line = framed(&[&message]);
        let place = place.index(line.len());
        line[place] ^= change;
        for found in messages(&line, 400) {
            prop_assert_eq!(&found, &message);
        }
    }

    #[test]
    fn any_bytes_parse_or_do_not(bytes: Vec<u8>) {
        let _ = Answer::parse(&bytes);
        if let Some(request) = Request::parse(&bytes) {
            prop_assert_eq!([&request.head()[..], request.name.as_bytes()].concat(), bytes);
        }
    }
}

//! Whole downloads over lines that behave, and lines that do not.

mod support;

use embassy_futures::block_on;
use ota_bootloader::{Decision, Index, ResetCause};
use ota_client::{Config, Download, Fault, Outcome, Range, RunError, Source, SourceError};
use ota_serial::{Patience, Problem, SerialError, SerialSource, SetupError};
use ota_testkit::{Geometry, Release, Rig, random_image};
use support::{Clock, Fair, Line, Noise, Weather};

const CONFIG: Config = Config {
    window: 4,
    retries: 30,
    backoff_initial_ms: 1,
    backoff_max_ms: 1,
    // The clock of these tests stands for as long as anything else happens.
    stall_timeout_ms: 60_000,
    seed: 1,
};

fn release() -> Release {
    Release::new(2, random_image(20_000, 2), 1024)
}

/// A device that runs release 1, and takes the image of release 2.
fn device() -> Rig {
    let mut rig = Rig::new(Geometry::small(8));
    rig.provision(&Release::new(1, random_image(3000, 1), 1024).package());
    rig.approve(&release().image);
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    rig
}

fn download<W: Weather>(
    rig: &mut Rig,
    line: &mut Line<W>,
    block: usize,
) -> Result<(), RunError<SerialError>> {
    let (mut buffer, mut chunk) = (vec![0; block + 22], [0; 1024]);
    let source = SerialSource::new(line, Clock, "app.ota", &mut buffer).expect("usable");
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut chunk);
        let run = ota_client::run(&mut download, updater, anchors, source, Clock);
        match block_on(run)? {
            Outcome::Staged(image) => updater.request(image).expect("taken"),
            other => panic!("{other:?}"),
        }
        Ok(())
    })
    .expect("the journal is there")
}

fn assert_runs(rig: &mut Rig) {
    let decision = rig.boot(ResetCause::Software);
    assert!(
        matches!(decision, Decision::Boot(start) if start.trial),
        "{decision:?}"
    );
    assert!(rig.holds(Index::Zero, 0, &release().image));
}

#[test]
fn a_release_goes_all_the_way_in_blocks_of_any_size_and_no_byte_is_sent_twice() {
    for block in [16, 100, 512, 1024, 4000] {
        let mut rig = device();
        let mut line = Line::new(release().package(), Fair);
        download(&mut rig, &mut line, block).expect("a line that behaves");
        let package = release().package().len();
        let frames = usize::try_from(line.requests).expect("few");
        let overhead = frames * (18 + 4 + 3) + line.sent / 254;
        assert!(
            line.sent >= package && line.sent <= package + overhead,
            "{block}"
        );
        assert_runs(&mut rig);
    }
}

#[test]
fn a_noisy_line_delays_a_release_and_changes_nothing_of_it() {
    for (seed, one_in) in [(1, 5000), (2, 2000), (3, 1000), (4, 500)] {
        let mut rig = device();
        let fair = {
            let mut line = Line::new(release().package(), Fair);
            download(&mut device(), &mut line, 100).expect("a line that behaves");
            line.requests
        };
        let mut line = Line::new(release().package(), Noise { one_in, seed });
        download(&mut rig, &mut line, 100).expect("it gets through");
        assert!(line.requests > fair, "noise did nothing: {one_in}");
        assert_runs(&mut rig);
    }
}

#[test]
fn a_line_that_is_nothing_but_noise_is_given_up() {
    let mut rig = device();
    let before = rig.flash.bytes().to_vec();
    let mut line = Line::new(release().package(), Noise { one_in: 1, seed: 5 });
    let error = download(&mut rig, &mut line, 512).expect_err("it cannot work");
    assert_eq!(error.code(), 0x3104);
    assert_eq!(rig.flash.bytes(), before, "something was written");
}

type Asked = Result<Vec<u8>, SerialError>;

/// Reads a range to its end.
fn read(line: &mut Line<impl Weather>, ranges: &[(u32, u32)]) -> Asked {
    let mut buffer = [0; 100 + 22];
    let source = SerialSource::new(line, Clock, "app.ota", &mut buffer).expect("usable");
    let patience = Patience {
        answer_ms: 1,
        tries: 3,
    };
    let mut source = source.with_patience(patience);
    block_on(async {
        let mut all = Vec::new();
        for &(offset, length) in ranges {
            let reply = source.open(Range { offset, length }).await?;
            assert_eq!((reply.offset, reply.length), (offset, length));
            let mut some = [0; 33];
            loop {
                let count = source.read(&mut some).await?;
                if count == 0 {
                    break;
                }
                all.extend_from_slice(&some[..count]);
            }
        }
        Ok(all)
    })
}

fn bytes() -> Vec<u8> {
    (0..1000_u32).map(|n| (n * 7).to_le_bytes()[0]).collect()
}

#[test]
fn ranges_are_exactly_what_was_asked_for() {
    let mut line = Line::new(bytes(), Fair);
    for (offset, length) in [(0, 1), (0, 1000), (999, 1), (1, 99), (5, 100), (300, 101)] {
        let expected = &bytes()[offset as usize..][..length as usize];
        let got = read(&mut line, &[(offset, length)]).expect("it is there");
        assert_eq!(got, expected, "{offset} {length}");
    }
}

#[test]
fn an_answer_that_comes_late_is_not_taken_for_another() {
    let mut line = Line::new(bytes(), Fair);
    line.late = 1;
    // Each answer comes when the next request is made; the same is asked for again until then.
    assert_eq!(read(&mut line, &[(0, 1000)]), Ok(bytes()));
    assert!(line.requests >= 20);
}

#[test]
fn each_problem_comes_under_its_own_name() {
    type Case = (fn(&mut Line<Fair>), (u32, u32), SerialError, Fault);
    let cases: [Case; 5] = [
        (
            |line| line.shelf.name = "other.ota",
            (0, 10),
            SerialError::Problem(Problem::NotFound),
            Fault::NotFound,
        ),
        (
            |line| line.shelf.readable = false,
            (0, 10),
            SerialError::Problem(Problem::Unavailable),
            Fault::Unavailable(0),
        ),
        (|_| {}, (999, 2), SerialError::TooShort, Fault::RangeRefused),
        (
            |_| {},
            (1000, 1),
            SerialError::Problem(Problem::PastEnd),
            Fault::RangeRefused,
        ),
        (
            |line| line.shelf.tag = 0,
            (0, 10),
            SerialError::Nonsense,
            Fault::Malformed,
        ),
    ];
    for (change, range, expected, fault) in cases {
        let mut line = Line::new(bytes(), Fair);
        change(&mut line);
        let error = read(&mut line, &[range]).expect_err("a problem");
        assert_eq!((error, error.fault()), (expected, fault));
    }
}

#[test]
fn a_file_that_changes_is_noticed_until_it_is_begun_anew() {
    let mut line = Line::new(bytes(), Fair);
    line.before = |requests, shelf| shelf.tag = if requests < 3 { 1 } else { 2 };
    let changed = Err(SerialError::Problem(Problem::Changed));
    assert_eq!(read(&mut line, &[(0, 1000)]), changed);
    line.requests = 0;
    assert_eq!(
        read(&mut line, &[(0, 100), (500, 100), (600, 100)]),
        changed
    );
    line.requests = 0;
    let got = read(&mut line, &[(0, 100), (500, 100), (0, 100)]).expect("anew");
    assert_eq!(got[200..], bytes()[..100]);
}

#[test]
fn names_and_buffers_that_cannot_work_are_refused() {
    let make = |name: &'static str, room: usize| {
        let mut line = Line::new(bytes(), Fair);
        SerialSource::new(&mut line, Clock, name, &mut vec![0; room]).map(|_| ())
    };
    assert_eq!(make("", 100), Err(SetupError::Name));
    assert_eq!(make("app.ota", 37), Err(SetupError::Buffer));
    assert_eq!(make("app.ota", 38), Ok(()));
}

#[test]
fn every_error_has_its_own_code_on_the_front_page() {
    use embedded_io::ErrorKind;
    let page = include_str!("../README.md");
    let errors = [
        SerialError::Write(ErrorKind::Other),
        SerialError::Read(ErrorKind::Other),
        SerialError::Closed,
        SerialError::NoAnswer,
        SerialError::Nonsense,
        SerialError::TooShort,
        SerialError::Problem(Problem::NotFound),
        SerialError::Problem(Problem::Changed),
        SerialError::Problem(Problem::PastEnd),
        SerialError::Problem(Problem::Unavailable),
        SerialError::Problem(Problem::NotUnderstood),
    ];
    let mut codes = std::collections::HashSet::new();
    for error in errors {
        assert!(codes.insert(error.code()), "{error:?}");
        assert!(
            page.contains(&format!("0x{:04X}", error.code())),
            "{error:?}"
        );
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn a_request_from_the_future_is_answered_and_an_answer_is_not() {
    let mut line = Line::new(bytes(), Fair);
    let (mut block, mut out) = ([0; 100], [0; 200]);
    let mut respond = |message: &[u8]| {
        ota_serial::respond(message, &mut line.shelf, &mut block, &mut out).expect("room")
    };
    assert!(respond(&[0x02, 9, 1, 2, 3]) > 0);
    assert_eq!(respond(&[0x81, 9, 1, 2, 3]), 0);
    assert_eq!(respond(&[]), 0);
}

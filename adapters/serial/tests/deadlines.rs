//! Over a blocking port, too, an answer has the time that `Patience` gives it, however many bytes
//! come meanwhile.

use std::cell::Cell;

use embedded_io::{ErrorKind, ErrorType};
use ota_bootloader::{Decision, ResetCause};
use ota_client::blocking::{self, Timer};
use ota_client::{Config, Download, Failure, Fault};
use ota_serial::{Blocking, Patience, SerialError, SerialSource};
use ota_testkit::{Geometry, Release, Rig, random_image};

const CONFIG: Config = Config {
    retries: 2,
    ..Config::DEFAULT
};

/// Milliseconds, which pass when somebody waits.
#[derive(Clone, Copy)]
struct Time<'a>(&'a Cell<u32>);

impl Time<'_> {
    fn pass(self, ms: u32) {
        self.0.set(self.0.get().checked_add(ms).expect("weeks"));
    }
}

impl embedded_hal::delay::DelayNs for Time<'_> {
    fn delay_ns(&mut self, _: u32) {}

    fn delay_ms(&mut self, ms: u32) {
        self.pass(ms);
    }
}

impl blocking::Clock for Time<'_> {
    fn now_ms(&mut self) -> u32 {
        self.0.get()
    }
}

/// A line on which a byte of no frame comes after each pause.
struct Drip<'a> {
    pause: u32,
    time: Time<'a>,
    requests: &'a Cell<u32>,
}

impl ErrorType for Drip<'_> {
    type Error = ErrorKind;
}

impl embedded_io::Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.time.pass(self.pause);
        buffer[0] = b'x';
        Ok(1)
    }
}

impl embedded_io::Write for Drip<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.requests.set(self.requests.get() + 1);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// How long the attempt took, and how many requests it made.
fn attempt(pause: u32) -> (u32, u32) {
    let (now, requests) = (Cell::new(0), Cell::new(0));
    let port = Drip {
        pause,
        time: Time(&now),
        requests: &requests,
    };
    let mut rig = Rig::new(Geometry::small(8));
    rig.provision(&Release::new(1, random_image(3000, 1), 1024).package());
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    let (mut block, mut chunk) = ([0; 512 + 22], [0; 1024]);
    let timer = Timer(Time(&now));
    let source = SerialSource::new(Blocking(port), timer, "app.ota", &mut block).expect("usable");
    let end = rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut chunk);
        blocking::run(&mut download, updater, anchors, source, Time(&now))
    });
    let error = end.expect("a journal").expect_err("no answer comes");
    assert_eq!(error.failure, Failure::Fault(Fault::Stalled));
    assert!(matches!(error.source, Some(SerialError::NoAnswer) | None));
    (now.get(), requests.get())
}

#[test]
fn a_byte_now_and_then_is_no_answer() {
    let tries = u32::from(CONFIG.retries) + 1;
    for pause in [1, 100, Patience::DEFAULT.answer_ms - 1] {
        let (took, requests) = attempt(pause);
        assert_eq!(requests, tries * u32::from(Patience::DEFAULT.tries));
        let answer = Patience::DEFAULT.answer_ms + pause;
        let most = requests * answer + tries * CONFIG.backoff_max_ms;
        assert!(took <= most, "{pause}: {took} ms");
    }
}

#[test]
fn reads_that_take_longer_than_patience_end_with_it() {
    let pause = CONFIG.stall_timeout_ms - 1_000;
    let (took, requests) = attempt(pause);
    let tries = u32::from(CONFIG.retries) + 1;
    assert!(requests >= tries);
    let a_try = 2 * CONFIG.stall_timeout_ms + CONFIG.backoff_max_ms;
    assert!(took <= tries * a_try, "{took} ms");
}

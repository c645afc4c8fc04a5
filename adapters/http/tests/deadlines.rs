//! Over blocking connections, too, nobody is waited for longer than `Config::stall_timeout_ms`:
//! not in the head of an answer, and not in its body.

use std::cell::Cell;
use std::convert::Infallible;

use embedded_io::{ErrorKind, ErrorType};
use ota_bootloader::{Decision, ResetCause};
use ota_client::{Config, Download, Failure, Fault, blocking};
use ota_http::{Blocking, Connect, HttpSource, Url};
use ota_testkit::{Geometry, Release, Rig, random_image};

const CONFIG: Config = Config {
    retries: 2,
    ..Config::DEFAULT
};
/// A second before patience ends.
const PAUSE: u32 = CONFIG.stall_timeout_ms - 1_000;

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

/// What comes on a connection: some bytes at once, and then one after each pause.
#[derive(Clone, Copy)]
struct Trickle<'a> {
    at_once: &'a [u8],
    then: u8,
    /// Whether the server is as slow to take the request.
    takes_slowly: bool,
    time: Time<'a>,
    calls: &'a Cell<u32>,
}

impl Trickle<'_> {
    fn wait(&self) {
        self.time.pass(PAUSE);
        self.calls.set(self.calls.get() + 1);
    }
}

impl ErrorType for Trickle<'_> {
    type Error = ErrorKind;
}

impl embedded_io::Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        if self.at_once.is_empty() {
            self.wait();
            buffer[0] = self.then;
            return Ok(1);
        }
        let (now, rest) = self.at_once.split_at(buffer.len().min(self.at_once.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.at_once = rest;
        Ok(now.len())
    }
}

impl embedded_io::Write for Trickle<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if self.takes_slowly {
            self.wait();
            return Ok(1);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

struct Dial<'a>(Trickle<'a>);

impl<'a> Connect for Dial<'a> {
    type Connection = Blocking<Trickle<'a>>;
    type Error = Infallible;

    async fn connect(&mut self) -> Result<Self::Connection, Infallible> {
        Ok(Blocking(self.0))
    }
}

/// The attempt ends in time, under the right name.
fn is_given_up(at_once: &str, then: u8, takes_slowly: bool) {
    let (now, calls) = (Cell::new(0), Cell::new(0));
    let trickle = Trickle {
        at_once: at_once.as_bytes(),
        then,
        takes_slowly,
        time: Time(&now),
        calls: &calls,
    };
    let mut rig = Rig::new(Geometry::small(8));
    rig.provision(&Release::new(1, random_image(3000, 1), 1024).package());
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    let (mut head, mut chunk) = ([0; 1024], [0; 1024]);
    let url = Url::parse("http://here/app.ota").expect("an address");
    let source = HttpSource::new(Dial(trickle), url, &mut head);
    let end = rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut chunk);
        blocking::run(&mut download, updater, anchors, source, Time(&now))
    });
    let error = end.expect("a journal").expect_err("nothing comes in time");
    assert_eq!(error.failure, Failure::Fault(Fault::Stalled));
    let tries = u32::from(CONFIG.retries) + 1;
    assert!(calls.get() > tries, "nobody was waited for");
    let a_try = 2 * CONFIG.stall_timeout_ms + CONFIG.backoff_max_ms;
    assert!(now.get() <= tries * a_try, "{} ms", now.get());
}

#[test]
fn a_head_that_comes_byte_by_byte_is_given_up() {
    is_given_up("HTTP/1.1 206 Partial Content\r\nX: ", b'x', false);
}

#[test]
fn a_body_that_comes_byte_by_byte_is_given_up() {
    let head = "HTTP/1.1 206 Partial Content\r\nContent-Length: 1024\r\nContent-Range: bytes 0-1023/9000\r\n\r\n";
    is_given_up(head, b'x', false);
}

#[test]
fn a_request_that_is_taken_byte_by_byte_is_given_up() {
    is_given_up("", b'x', true);
}

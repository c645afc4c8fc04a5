//! A server that trickles is as useless as one that is silent: no driver waits for it longer than
//! `Config::stall_timeout_ms` says.

mod support;

use std::cell::Cell;

use ota_client::{Download, Failure, Fault, Range, Reply, Source, blocking};
use ota_testkit::Geometry;
use support::{CONFIG, device, release};

/// Milliseconds, which pass when somebody waits.
#[derive(Clone, Copy)]
struct Time<'a>(&'a Cell<u64>);

impl Time<'_> {
    fn pass(self, ms: u32) {
        self.0.set(self.0.get() + u64::from(ms));
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
        u32::try_from(self.0.get() % (1 << 32)).expect("less than 2^32")
    }
}

/// Sends a byte whenever `pause` is over.
struct Trickle<'a> {
    package: &'a [u8],
    rest: &'a [u8],
    pause: u32,
    time: Time<'a>,
    reads: u32,
}

impl Source for Trickle<'_> {
    type Error = Fault;

    async fn open(&mut self, range: Range) -> Result<Reply, Fault> {
        self.rest = &self.package[range.offset as usize..range.end() as usize];
        Ok(Reply {
            offset: range.offset,
            length: range.length,
            total: u32::try_from(self.package.len()).ok(),
        })
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        self.time.pass(self.pause);
        self.reads += 1;
        let (byte, rest) = self.rest.split_first().ok_or(Fault::Short)?;
        (buffer[0], self.rest) = (*byte, rest);
        Ok(1)
    }
}

#[test]
fn a_byte_a_second_before_patience_ends_does_not_keep_the_blocking_driver() {
    let release = release(2, 20_000, 1024);
    let package = release.package();
    let mut rig = device(Geometry::small(16));
    rig.approve(&release.image);
    let now = Cell::new(0);
    let mut source = Trickle {
        package: &package,
        rest: &[],
        pause: CONFIG.stall_timeout_ms - 1_000,
        time: Time(&now),
        reads: 0,
    };
    let mut buffer = [0; 4096];
    let end = rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        blocking::run(&mut download, updater, anchors, &mut source, Time(&now))
    });
    let error = end.expect("a journal").expect_err("nothing comes in time");
    assert_eq!(error.failure, Failure::Fault(Fault::Stalled));
    let tries = u64::from(CONFIG.retries) + 1;
    assert!(source.reads > 1, "the source was not heard");
    let a_try = 2 * u64::from(CONFIG.stall_timeout_ms) + u64::from(CONFIG.backoff_max_ms);
    assert!(now.get() <= tries * a_try, "{} ms", now.get());
}

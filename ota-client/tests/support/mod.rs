//! A package in memory, behind a source that misbehaves where a test wants it to, and a clock
//! that only remembers.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file includes it and uses its part"
)]

use std::collections::BTreeMap;

use ota_bootloader::{Decision, Region, ResetCause};
use ota_client::{Config, Download, Fault, Next, Outcome, Range, Reply, RunError, Source};
use ota_testkit::{Geometry, Release, Rig, random_image};

/// What a source does with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Fails before it answers.
    Fails(Fault),
    /// Announces this instead.
    Announces(Reply),
    /// After so many bytes of the answer the link is lost.
    Loses(u32),
    /// After so many bytes the answer ends as if it were complete.
    Ends(u32),
    /// After so many bytes nothing comes any more.
    Stalls(u32),
    /// Never answers.
    Silent,
    /// The bit is wrong on its way: byte of the package, bit.
    Flips(u32, u8),
    /// Claims to have read more than there was room for.
    Claims,
}

/// A server with one file, and a list of tricks by number of request.
pub struct Server {
    pub file: Vec<u8>,
    pub tricks: BTreeMap<usize, Trick>,
    /// This, for every request that has no trick of its own.
    pub always: Option<Trick>,
    /// Replaces the file before the request of this number.
    pub replace: Option<(usize, Vec<u8>)>,
    /// Changes places with the file whenever the envelope is asked for again.
    pub alternate: Option<Vec<u8>>,
    /// Whether the source can tell that the file was replaced, as by an entity tag.
    pub tells_changes: bool,
    /// Whether it says how long the file is.
    pub tells_total: bool,
    /// Everything that was asked for.
    pub asked: Vec<Range>,
    seen: u32,
    version: u32,
    open: Option<Open>,
}

struct Open {
    at: u32,
    left: u32,
    given: u32,
    trick: Option<Trick>,
}

impl Server {
    pub fn new(file: &[u8]) -> Self {
        Self {
            file: file.to_vec(),
            tricks: BTreeMap::new(),
            always: None,
            replace: None,
            alternate: None,
            tells_changes: false,
            tells_total: true,
            asked: Vec::new(),
            seen: 0,
            version: 0,
            open: None,
        }
    }

    pub fn with(mut self, request: usize, trick: Trick) -> Self {
        self.tricks.insert(request, trick);
        self
    }

    pub fn always(mut self, trick: Trick) -> Self {
        self.always = Some(trick);
        self
    }

    pub fn bytes_asked(&self) -> u64 {
        self.asked.iter().map(|range| u64::from(range.length)).sum()
    }

    fn begin(&mut self, range: Range) -> Result<Reply, Fault> {
        let number = self.asked.len();
        self.asked.push(range);
        self.open = None;
        if let Some((_, file)) = self.replace.take_if(|(at, _)| *at <= number) {
            self.file = file;
            self.version += 1;
        }
        if number > 0
            && range.offset == 0
            && let Some(other) = &mut self.alternate
        {
            std::mem::swap(other, &mut self.file);
        }
        let trick = self.tricks.get(&number).or(self.always.as_ref()).cloned();
        if let Some(Trick::Fails(fault)) = trick {
            return Err(fault);
        }
        if range.offset != 0 && self.tells_changes && self.seen != self.version {
            return Err(Fault::Changed);
        }
        self.seen = self.version;
        let total = u32::try_from(self.file.len()).expect("a small file");
        if range.end() > total {
            return Err(Fault::RangeRefused);
        }
        self.open = Some(Open {
            at: range.offset,
            left: range.length,
            given: 0,
            trick: trick.clone(),
        });
        Ok(match trick {
            Some(Trick::Announces(reply)) => reply,
            _ => Reply {
                offset: range.offset,
                length: range.length,
                total: self.tells_total.then_some(total),
            },
        })
    }

    /// `None`: nothing will ever come.
    fn give(&mut self, buffer: &mut [u8]) -> Option<Result<usize, Fault>> {
        let open = self.open.as_mut().expect("read without an answer");
        let limit = match open.trick {
            Some(Trick::Loses(limit) | Trick::Ends(limit) | Trick::Stalls(limit)) => limit,
            Some(Trick::Claims) => return Some(Ok(buffer.len() + 1)),
            _ => u32::MAX,
        };
        if open.given >= limit {
            return match open.trick {
                Some(Trick::Loses(_)) => Some(Err(Fault::Link)),
                Some(Trick::Stalls(_)) => None,
                _ => Some(Ok(0)),
            };
        }
        // Pieces of odd sizes, as a network brings them.
        let count = buffer
            .len()
            .min(517)
            .min((limit - open.given) as usize)
            .min(open.left as usize);
        let from = open.at as usize;
        buffer[..count].copy_from_slice(&self.file[from..from + count]);
        if let Some(Trick::Flips(byte, bit)) = open.trick
            && let Some(place) = (byte as usize)
                .checked_sub(from)
                .filter(|place| *place < count)
        {
            buffer[place] ^= 1 << bit;
        }
        let count32 = u32::try_from(count).expect("517 at most");
        open.at += count32;
        open.left -= count32;
        open.given += count32;
        Some(Ok(count))
    }
}

impl Source for Server {
    type Error = Fault;

    async fn open(&mut self, range: Range) -> Result<Reply, Fault> {
        let reply = self.begin(range);
        let trick = self.open.as_ref().and_then(|open| open.trick.as_ref());
        if trick == Some(&Trick::Silent) {
            std::future::pending::<()>().await;
        }
        reply
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        match self.give(buffer) {
            Some(result) => result,
            None => std::future::pending().await,
        }
    }
}

/// Every wait is over at once, but not before everything that could be done was done.
#[derive(Default)]
pub struct Clock {
    pub waits: Vec<u32>,
}

impl embedded_hal_async::delay::DelayNs for &mut Clock {
    async fn delay_ns(&mut self, _: u32) {}

    async fn delay_ms(&mut self, ms: u32) {
        self.waits.push(ms);
    }
}

impl embedded_hal::delay::DelayNs for Clock {
    fn delay_ns(&mut self, _: u32) {}

    fn delay_ms(&mut self, ms: u32) {
        self.waits.push(ms);
    }
}

/// Time passes in its waits alone.
impl ota_client::blocking::Clock for Clock {
    fn now_ms(&mut self) -> u32 {
        self.waits.iter().sum()
    }
}

/// A device that runs release 1 and is confirmed.
pub fn device(geometry: Geometry) -> Rig {
    let mut rig = Rig::new(geometry);
    let chunk = geometry.step.min(4096);
    rig.provision(&Release::new(1, random_image(3000, 1), chunk).package());
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    rig
}

/// Release `n` with an image of this length.
pub fn release(n: u64, length: u32, chunk: u32) -> Release {
    Release::new(n, random_image(length, n), chunk)
}

/// How an attempt ended, as far as tests compare it.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    UpToDate,
    AlreadyStaged,
    /// Staged, and requested.
    Requested,
    /// Staged, but the journal did not take the request.
    NotRequested,
}

pub type Attempt = Result<End, RunError<Fault>>;

/// Without waits that a test would have to look through.
pub const CONFIG: Config = Config {
    window: 3,
    retries: 4,
    ..Config::DEFAULT
};

/// One attempt, by the async driver; a staged image is requested.
pub fn attempt(rig: &mut Rig, server: &mut Server, config: Config) -> Attempt {
    attempt_observed(rig, server, config, &mut Clock::default(), |_, _| {})
}

pub fn attempt_observed(
    rig: &mut Rig,
    server: &mut Server,
    config: Config,
    clock: &mut Clock,
    observe: impl FnMut(&Download<'_>, &Next),
) -> Attempt {
    let mut buffer = vec![0; 16 * 1024];
    let opened = rig.updater(|updater, anchors| {
        let mut download = Download::new(config, &mut buffer);
        let run = ota_client::run_observed(&mut download, updater, anchors, server, clock, observe);
        Ok(match embassy_futures::block_on(run)? {
            Outcome::UpToDate => End::UpToDate,
            Outcome::AlreadyStaged => End::AlreadyStaged,
            Outcome::Staged(image) => match updater.request(image) {
                Ok(()) => End::Requested,
                Err(_) => End::NotRequested,
            },
        })
    });
    opened.unwrap_or_else(|error| panic!("{error} after {}", rig.flash.history()))
}

/// The bytes of everything that an update may write to.
pub fn slots(rig: &Rig) -> Vec<u8> {
    let mut bytes = Vec::new();
    for index in [ota_bootloader::Index::Zero, ota_bootloader::Index::One] {
        let area = rig.product.map.area(Region::Slot(index));
        let from = area.offset as usize;
        bytes.extend_from_slice(&rig.flash.bytes()[from..from + area.size as usize]);
    }
    bytes
}

/// Resets, lets the bootloader swap, and checks that release `package` runs on trial.
pub fn assert_runs(rig: &mut Rig, image: &[u8]) {
    let decision = rig.boot(ResetCause::Software);
    assert!(
        matches!(&decision, Decision::Boot(start) if start.trial),
        "{decision:?}"
    );
    let slot = match decision {
        Decision::Boot(start) => start.slot,
        Decision::Recovery(_) => unreachable!(),
    };
    assert!(
        rig.holds(slot, 0, image),
        "the new image is not in its slot"
    );
}

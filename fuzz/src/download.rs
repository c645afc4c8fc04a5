//! `Download` under a hostile transport: whatever comes, in whatever order, nothing that is not
//! signed reaches a slot (the simulated flash refuses it), and every attempt comes to an end.

use ota_bootloader::{Decision, OpenError, ResetCause};
use ota_client::{Config, Download, Fault, Outcome, Range, Reply, Source, blocking};
use ota_image::ENVELOPE_LEN;
use ota_testkit::Rig;

use crate::boot::may_run;
use crate::input::Input;
use crate::record::release;
use crate::releases::{GOOD, Packed, Stock, device, has_boot_signature};

/// More requests than any attempt may need: each one that brings nothing costs one of the retries, and
/// the largest release here has four pieces.
const MOST_REQUESTS: u32 = 200;

const FAULTS: [Fault; 12] = [
    Fault::Link,
    Fault::Stalled,
    Fault::Short,
    Fault::Excess,
    Fault::Malformed,
    Fault::Unavailable(503),
    Fault::NotFound,
    Fault::RangeRefused,
    Fault::WrongRange,
    Fault::Changed,
    Fault::Damaged,
    Fault::RangeIgnored,
];

/// A source that does what the input says; when that is over, it is honest.
struct Hostile<'a, 'i> {
    input: &'a mut Input<'i>,
    file: &'static Packed,
    next: usize,
    left: usize,
    requests: u32,
}

impl Hostile<'_, '_> {
    fn announce(&mut self, range: Range, kind: u8) -> Result<Reply, Fault> {
        let total = self.file.package.len() as u32;
        let honest = Reply {
            offset: range.offset,
            length: range.length,
            total: Some(total),
        };
        Ok(match kind {
            0 => return Err(self.input.of(&FAULTS)),
            1 => Reply {
                offset: self.input.u32(),
                ..honest
            },
            2 => Reply {
                length: self.input.u32(),
                ..honest
            },
            3 => Reply {
                total: Some(self.input.u32()),
                ..honest
            },
            4 => Reply {
                total: None,
                ..honest
            },
            _ if range.end() > total => return Err(Fault::RangeRefused),
            _ => honest,
        })
    }
}

impl Source for Hostile<'_, '_> {
    type Error = Fault;

    async fn open(&mut self, range: Range) -> Result<Reply, Fault> {
        self.requests += 1;
        assert!(self.requests <= MOST_REQUESTS, "a download without end");
        assert!(range.length > 0);
        let kind = if self.input.is_over() {
            255
        } else {
            self.input.byte()
        };
        if kind % 16 == 5 {
            self.file = release(self.input);
        }
        let reply = self.announce(range, kind % 16)?;
        (self.next, self.left) = (range.offset as usize, range.length as usize);
        if kind % 16 == 6 {
            self.next = usize::from(self.input.u16());
        }
        Ok(reply)
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let kind = if self.input.is_over() {
            255
        } else {
            self.input.byte()
        };
        let part = match kind % 16 {
            0 => return Err(self.input.of(&FAULTS)),
            1 => return Ok(0),
            2 => return Ok(buffer.len() + 1 + usize::from(self.input.byte())),
            3 => usize::from(self.input.byte()),
            _ => usize::MAX,
        };
        let count = buffer.len().min(part).min(self.left);
        for place in &mut buffer[..count] {
            *place = self.file.package.get(self.next).copied().unwrap_or(0);
            self.next += 1;
        }
        self.left -= count;
        match kind % 16 {
            4 if count > 0 => {
                let place = usize::from(self.input.u16()) % count;
                buffer[place] ^= self.input.byte();
            }
            5 => {
                let bytes = self.input.bytes(count);
                buffer[..bytes.len()].copy_from_slice(bytes);
            }
            _ => {}
        }
        Ok(count)
    }
}

/// Time that does not pass.
struct NoTime;

impl embedded_hal::delay::DelayNs for NoTime {
    fn delay_ns(&mut self, _: u32) {}
}

impl blocking::Clock for NoTime {
    fn now_ms(&mut self) -> u32 {
        0
    }
}

/// Input: geometry, window, retries, and then for three attempts which release the server has,
/// and what it does with each request and each read.
///
/// # Panics
/// If a promise does not hold.
pub fn check(input: &[u8]) {
    thread_local!(static STOCK: Stock = const { Stock::new(device) });
    let mut input = Input::new(input);
    let (mut rig, _) = STOCK.with(|stock| stock.take(&mut input));
    let config = Config {
        window: u32::from(input.byte() % 5),
        retries: input.byte() % 4,
        ..Config::DEFAULT
    };
    for _ in 0..3 {
        let file = release(&mut input);
        match attempt(&mut rig, &mut input, config, file).expect("a journal") {
            End::Requested => return check_staged(&mut rig),
            End::NotRequested => panic!("a whole release that cannot be requested"),
            End::NothingNew => {}
        }
    }
    let decision = rig.boot(ResetCause::Power);
    assert!(
        matches!(decision, Decision::Boot(start) if !start.trial),
        "{decision:?}"
    );
    assert!(rig.runs(&GOOD[0].image), "the running image changed");
}

/// What an attempt came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Requested,
    /// It was whole, and the journal did not take the request.
    NotRequested,
    NothingNew,
}

/// One attempt to get `file`, by a transport that does what the input says.
pub(crate) fn attempt(
    rig: &mut Rig,
    input: &mut Input<'_>,
    config: Config,
    file: &'static Packed,
) -> Result<End, OpenError> {
    let mut source = Hostile {
        input,
        file,
        next: 0,
        left: 0,
        requests: 0,
    };
    let mut buffer = vec![0; ENVELOPE_LEN];
    rig.updater(|updater, anchors| {
        let mut download = Download::new(config, &mut buffer);
        match blocking::run(&mut download, updater, anchors, &mut source, NoTime) {
            Ok(Outcome::Staged(image)) => match updater.request(image) {
                Ok(()) => End::Requested,
                Err(_) => End::NotRequested,
            },
            Ok(Outcome::UpToDate | Outcome::AlreadyStaged) | Err(_) => End::NothingNew,
        }
    })
}

/// What was staged is a good release, and the bootloader starts it.
fn check_staged(rig: &mut Rig) {
    let decision = rig.boot(ResetCause::Software);
    let Decision::Boot(start) = decision else {
        panic!("{decision:?}");
    };
    assert!(start.trial, "what was staged is not tried");
    may_run(rig, &start, 1, 0);
    let sequence = rig.running();
    let packed = GOOD.iter().find(|packed| Some(packed.sequence) == sequence);
    let packed = packed.expect("only good releases are staged");
    assert!(has_boot_signature(&packed.package));
    assert!(rig.runs(&packed.image), "not the image of its manifest");
}

//! Whole downloads over TCP, from servers that misbehave, onto the flash model: its guard lets
//! nothing but the pieces of signed images into the slots.

mod support;

use std::{sync::Mutex, time::Duration};

use ota_bootloader::{Decision, Index, Region, ResetCause};
use ota_client::{Config, Download, Fault, Outcome, RunError, blocking};
use ota_http::{HttpError, HttpSource, Url};
use ota_testkit::{Geometry, Release, Rig, random_image};
use support::{After, Answer, Request, Server, Std, Tokio, honest, status, whole};

const LENGTH: u32 = 20_000;
const CHUNK: u32 = 1024;
const TAG: &str = "\"v1\"";

const CONFIG: Config = Config {
    window: 4,
    retries: 2,
    backoff_initial_ms: 1,
    backoff_max_ms: 2,
    stall_timeout_ms: 60_000,
    seed: 1,
};

/// For servers that stall, so that the tests do not wait for long.
const IMPATIENT: Config = Config {
    stall_timeout_ms: 200,
    ..CONFIG
};

const STALLED: u16 = Fault::Stalled.code();

struct Clock;

impl embedded_hal_async::delay::DelayNs for Clock {
    async fn delay_ns(&mut self, ns: u32) {
        tokio::time::sleep(Duration::from_nanos(ns.into())).await;
    }
}

/// Nothing here takes so long that it would be given up.
impl blocking::Clock for Clock {
    fn now_ms(&mut self) -> u32 {
        0
    }
}

impl embedded_hal::delay::DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        std::thread::sleep(Duration::from_nanos(ns.into()));
    }
}

fn release(n: u64) -> Release {
    Release::new(n, random_image(LENGTH, n), CHUNK)
}

/// A device that runs release 1, and takes the images of these.
fn device(releases: &[&Release]) -> Rig {
    let mut rig = Rig::new(Geometry::small(8));
    rig.provision(&Release::new(1, random_image(3000, 1), CHUNK).package());
    for release in releases {
        rig.approve(&release.image);
    }
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    rig
}

type Failed = RunError<HttpError<std::io::Error>>;

/// One attempt over tokio; a staged image is requested.
fn attempt(rig: &mut Rig, server: &Server) -> Result<&'static str, Failed> {
    attempt_with(rig, server, CONFIG)
}

fn attempt_with(rig: &mut Rig, server: &Server, config: Config) -> Result<&'static str, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let url = server.url();
    let (mut head, mut buffer) = ([0; 1024], [0; 4096]);
    let source = HttpSource::new(
        Tokio(server.address),
        Url::parse(&url).expect("an address"),
        &mut head,
    );
    rig.updater(|updater, anchors| {
        let mut download = Download::new(config, &mut buffer);
        let run = ota_client::run(&mut download, updater, anchors, source, Clock);
        Ok(match runtime.block_on(run)? {
            Outcome::UpToDate => "up to date",
            Outcome::AlreadyStaged => "already staged",
            Outcome::Staged(image) => {
                updater.request(image).expect("taken");
                "requested"
            }
        })
    })
    .expect("the journal is there")
}

fn assert_runs(rig: &mut Rig, release: &Release) {
    let decision = rig.boot(ResetCause::Software);
    assert!(
        matches!(decision, Decision::Boot(start) if start.trial),
        "{decision:?}"
    );
    assert!(rig.holds(Index::Zero, 0, &release.image));
}

fn slots(rig: &Rig) -> Vec<u8> {
    let area = |index| rig.product.map.area(Region::Slot(index));
    [area(Index::Zero), area(Index::One)]
        .into_iter()
        .flat_map(|area| &rig.flash.bytes()[area.offset as usize..][..area.size as usize])
        .copied()
        .collect()
}

fn good(request: &Request) -> Answer {
    honest(request, &release(2).package(), TAG)
}

type Trick = fn(&Request) -> Answer;

/// What a server may do, and the code under which the attempt ends.
const TRICKS: [(&str, Trick, u16); 22] = [
    (
        "range ignored",
        |_| whole(&release(2).package(), TAG),
        0x300A,
    ),
    ("not found", |_| status(404, ""), 0x300C),
    ("gone", |_| status(410, ""), 0x300C),
    ("range refused", |_| status(416, ""), 0x300D),
    ("server error", |_| status(500, ""), 0x300E),
    ("overloaded", |_| status(503, "Retry-After: 5\r\n"), 0x300E),
    ("moved", |_| status(301, "Location: /other\r\n"), 0x300F),
    (
        "temporary redirect",
        |_| status(307, "Location: http://127.0.0.1:1/\r\n"),
        0x300F,
    ),
    ("forbidden", |_| status(403, ""), 0x3010),
    (
        "range shifted",
        |request| {
            let first = request.range.offset;
            good(request).replace(&format!("bytes {first}-"), &format!("bytes {}-", first + 1))
        },
        0x3011,
    ),
    (
        "no range named",
        |request| good(request).replace("Content-Range", "X"),
        0x3011,
    ),
    (
        "length too large",
        |request| good(request).replace("Content-Length: ", "Content-Length: 1"),
        0x3012,
    ),
    (
        "no length",
        |request| {
            good(request)
                .replace("Content-Length", "X")
                .then(After::Close)
        },
        0x3013,
    ),
    (
        "chunked",
        |request| good(request).replace("ETag", "Transfer-Encoding: chunked\r\nETag"),
        0x3014,
    ),
    (
        "compressed",
        |request| good(request).replace("ETag", "Content-Encoding: br\r\nETag"),
        0x3015,
    ),
    (
        "garbage",
        |_| Answer::new(vec![0x16, 0x03, 0x01], After::Stall),
        0x3007,
    ),
    (
        "endless head",
        |_| Answer::new("HTTP/1.1 206 P\r\nA: ", After::Endless(vec![b'a'; 99])),
        0x3008,
    ),
    ("silence", |_| Answer::new("", After::Stall), STALLED),
    (
        "stall in the head",
        |request| good(request).cut(30).then(After::Stall),
        STALLED,
    ),
    (
        "stall in the body",
        |request| {
            let length = good(request).bytes.len() - 10;
            good(request).cut(length).then(After::Stall)
        },
        STALLED,
    ),
    (
        "a byte short",
        |request| {
            let length = good(request).bytes.len() - 1;
            good(request).cut(length)
        },
        0x3005,
    ),
    (
        "closed without a word",
        |_| Answer::new("", After::Close),
        0x3004,
    ),
];

#[test]
fn whatever_the_server_does_to_the_first_request_nothing_is_written() {
    for (name, trick, code) in TRICKS {
        let release = release(2);
        let mut rig = device(&[&release]);
        let before = slots(&rig);
        let operations = rig.flash.operations();
        let server = Server::start(trick);
        let config = if code == STALLED { IMPATIENT } else { CONFIG };
        let error = attempt_with(&mut rig, &server, config).expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert_eq!(slots(&rig), before, "{name}");
        assert_eq!(rig.flash.operations(), operations, "{name}");
        succeeds_now(&mut rig, &release);
    }
}

#[test]
fn whatever_the_server_does_later_only_what_is_signed_is_written() {
    for (name, trick, code) in TRICKS {
        let release = release(2);
        let mut rig = device(&[&release]);
        // The envelope is always given, so that a recheck finds the same release.
        let server = Server::start(move |request| match request.range.offset {
            0 => good(request),
            offset if offset < 9000 => good(request),
            _ => trick(request),
        });
        let programmed = rig.flash.stats().bytes;
        let config = if code == STALLED { IMPATIENT } else { CONFIG };
        let error = attempt_with(&mut rig, &server, config).expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(
            rig.flash.stats().bytes > programmed + 4096,
            "{name}: nothing was written"
        );
        succeeds_now(&mut rig, &release);
    }
}

/// The device is as it was, and another attempt brings the update.
fn succeeds_now(rig: &mut Rig, release: &Release) {
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(start) if !start.trial));
    let server = Server::honest(release.package());
    assert_eq!(
        attempt(rig, &server).expect("an honest server"),
        "requested"
    );
    assert_runs(rig, release);
}

#[test]
fn a_whole_download_needs_one_connection() {
    let release = release(2);
    let mut rig = device(&[&release]);
    let server = Server::honest(release.package());
    assert_eq!(attempt(&mut rig, &server).expect("honest"), "requested");
    assert_eq!(server.connections(), 1);
    assert_eq!(server.bytes_asked(), release.package().len() as u64);
    assert_eq!(server.requests().len(), 1 + 1 + 5);
    assert_runs(&mut rig, &release);
}

#[test]
fn blocking_connections_and_the_blocking_driver_do_the_same() {
    let release = release(2);
    let mut rig = device(&[&release]);
    let server = Server::honest(release.package());
    let url = server.url();
    let (mut head, mut buffer) = ([0; 1024], [0; 4096]);
    let source = HttpSource::new(
        Std(server.address),
        Url::parse(&url).expect("an address"),
        &mut head,
    );
    rig.updater(|updater, anchors| {
        let mut download = Download::new(CONFIG, &mut buffer);
        match blocking::run(&mut download, updater, anchors, source, Clock) {
            Ok(Outcome::Staged(image)) => updater.request(image).expect("taken"),
            other => panic!("{other:?}"),
        }
    })
    .expect("the journal is there");
    assert_eq!(server.bytes_asked(), release.package().len() as u64);
    assert_runs(&mut rig, &release);
}

/// At every request, at every byte that could be special.
#[test]
fn a_link_lost_anywhere_costs_at_most_a_window() {
    let release = release(2);
    let package = release.package();
    let window = u64::from(CONFIG.window * CHUNK);
    let mut lost = 0;
    for number in 0..7 {
        for place in [
            "start", "status", "head", "body", "1", "1023", "1024", "1025", "2048", "last",
        ] {
            let file = package.clone();
            let server = Server::start(move |request| {
                let answer = honest(request, &file, TAG);
                if request.number != number {
                    return answer;
                }
                let head = answer
                    .bytes
                    .windows(4)
                    .position(|w| w == b"\r\n\r\n")
                    .expect("a head")
                    + 4;
                let length = match place {
                    "start" => 0,
                    "status" => 10,
                    "head" => head - 1,
                    "body" => head,
                    "last" => answer.bytes.len() - 1,
                    bytes => head + bytes.parse::<usize>().expect("a number"),
                };
                answer.cut(length)
            });
            let mut rig = device(&[&release]);
            assert_eq!(
                attempt(&mut rig, &server).expect("the link came back"),
                "requested"
            );
            let again = server.bytes_asked() - package.len() as u64;
            assert!(
                again <= window,
                "{again} bytes again after {place} of request {number}"
            );
            lost += u32::from(server.requests().len() > 7);
            assert_runs(&mut rig, &release);
        }
    }
    assert!(lost >= 60, "only {lost} links were lost");
}

#[test]
fn a_newer_file_takes_over_in_the_middle() {
    for at in 1..7 {
        for tagged in [true, false] {
            let (old, new) = (release(2), release(3));
            let (old_file, new_file) = (old.package(), new.package());
            let server = Server::start(move |request| {
                let (file, tag) = if request.number < at {
                    (&old_file, "\"old\"")
                } else {
                    (&new_file, "\"new\"")
                };
                let mut request = request.clone();
                if !tagged {
                    request.if_range = None;
                }
                let answer = honest(&request, file, tag);
                if tagged || answer.bytes.starts_with(b"HTTP/1.1 200") {
                    answer
                } else {
                    answer.replace("ETag", "X-Tag")
                }
            });
            let mut rig = device(&[&old, &new]);
            assert_eq!(
                attempt(&mut rig, &server).expect("the newer one"),
                "requested"
            );
            assert_runs(&mut rig, &new);
        }
    }
}

#[test]
fn a_release_that_the_server_withdraws_makes_room_for_a_lower_one_above_what_runs() {
    let (old, new) = (release(2), release(3));
    let (old_file, new_file) = (old.package(), new.package());
    let server = Server::start(move |request| {
        if request.number < 4 {
            honest(request, &new_file, "\"new\"")
        } else {
            honest(request, &old_file, "\"old\"")
        }
    });
    let mut rig = device(&[&old, &new]);
    let end = attempt(&mut rig, &server).expect("above what runs");
    assert_eq!(end, "requested");
    assert_runs(&mut rig, &old);
}

#[test]
fn bytes_beyond_the_announced_ones_cost_a_retry_and_are_never_written() {
    let release = release(2);
    let mut rig = device(&[&release]);
    let server = Server::start(|request| {
        let mut answer = good(request);
        if request.number % 2 == 1 {
            answer.bytes.extend_from_slice(&[0xEE; 700]);
        }
        answer
    });
    assert_eq!(attempt(&mut rig, &server).expect("in the end"), "requested");
    assert_runs(&mut rig, &release);
}

#[test]
fn a_bit_flipped_on_the_way_is_noticed_and_fetched_again() {
    static FLIPPED: Mutex<bool> = Mutex::new(false);
    let release = release(2);
    let mut rig = device(&[&release]);
    let server = Server::start(|request| {
        let mut answer = good(request);
        let mut flipped = FLIPPED.lock().expect("not poisoned");
        if request.range.offset > 6000 && !*flipped {
            *flipped = true;
            let last = answer.bytes.len() - 1;
            answer.bytes[last] ^= 0x80;
        }
        answer
    });
    assert_eq!(
        attempt(&mut rig, &server).expect("at the second try"),
        "requested"
    );
    assert!(*FLIPPED.lock().expect("not poisoned"));
    assert_runs(&mut rig, &release);
}

#[test]
fn a_package_damaged_on_the_server_is_given_up() {
    let release = release(2);
    let mut file = release.package();
    let place = file.len() - 5000;
    file[place] ^= 1;
    let mut rig = device(&[&release]);
    let server = Server::honest(file);
    let error = attempt(&mut rig, &server).expect_err("damaged");
    assert_eq!(error.failure.code(), Fault::Damaged.code());
    succeeds_now(&mut rig, &release);
}

//! Inputs to start from, one for each thing that a target can do: made here, kept in `seeds`.

use ota_image::{MAX_BODY, Manifest, Reader, Tlv, tag};

use crate::http::NOTHING_NOW;
use crate::releases::{BAD, GOOD};

/// An input: target, name, bytes.
pub type Seed = (&'static str, String, Vec<u8>);

/// All of them.
#[must_use]
pub fn all() -> Vec<Seed> {
    [
        envelopes(),
        tables(),
        boots(),
        answers(),
        downloads(),
        lives(),
        signatures(),
        esp_images(),
        otadata(),
    ]
    .concat()
}

fn seed(target: &'static str, name: &str, parts: &[&[u8]]) -> Seed {
    (target, name.to_owned(), parts.concat())
}

fn envelopes() -> Vec<Seed> {
    let golden: [(&str, &[u8]); 3] = [
        (
            "ed25519",
            include_bytes!("../../ota-image/tests/vectors/ed25519.ota"),
        ),
        (
            "p256",
            include_bytes!("../../ota-image/tests/vectors/p256.ota"),
        ),
        (
            "mixed",
            include_bytes!("../../ota-image/tests/vectors/mixed.ota"),
        ),
    ];
    let mut seeds = Vec::new();
    for (name, package) in golden {
        let body = 12..12 + usize::from(u16::from_le_bytes([package[10], package[11]]));
        seeds.push(seed(
            "envelope",
            &format!("golden-{name}"),
            &[&package[..1024]],
        ));
        seeds.push(seed(
            "envelope",
            &format!("golden-{name}-body"),
            &[&package[body]],
        ));
    }
    seeds.push(seed("envelope", "test-kit", &[&GOOD[0].package[..1024]]));
    for (name, tags) in [
        ("optional", vec![5, 6]),
        ("critical-for-client", vec![5 | tag::CRITICAL_FOR_CLIENT]),
        (
            "critical-for-bootloader",
            vec![1, 5 | tag::CRITICAL_FOR_BOOTLOADER],
        ),
    ] {
        seeds.push(seed(
            "envelope",
            &format!("fields-{name}"),
            &[&body_with(&tags)],
        ));
    }
    seeds
}

fn body_with(tags: &[u16]) -> Vec<u8> {
    let package = &GOOD[1].package;
    let len = usize::from(u16::from_le_bytes([package[10], package[11]]));
    let (manifest, _) =
        Manifest::decode_unverified(&package[12..12 + len], Reader::Inspector).expect("a manifest");
    let tlvs: Vec<_> = tags
        .iter()
        .map(|tag| Tlv {
            tag: *tag,
            value: b"value",
        })
        .collect();
    let mut body = [0; MAX_BODY];
    let len = manifest.encode(&tlvs, &mut body).expect("a body");
    body[..len].to_vec()
}

/// Exponent, length less one, first byte, digests asked for, chunk asked for, changes.
fn tables() -> Vec<Seed> {
    let table = |name, exponent: u8, len: u32, wanted: u8, first: u16, changes: &[u8]| {
        let numbers = [
            &(len - 1).to_le_bytes()[..],
            &[7, wanted],
            &first.to_le_bytes(),
        ]
        .concat();
        seed("table", name, &[&[exponent], &numbers, changes])
    };
    vec![
        table("one-chunk", 0, 1, 1, 0, &[]),
        table("one-page", 0, 32 * 1024, 4, 3, &[]),
        table("three-pages", 0, 70 * 1024, 8, 31, &[]),
        table("last-chunk", 2, 4096 * 3 + 1, 4, 3, &[]),
        table("past-the-end", 4, 16 * 1024, 4, 1, &[]),
        table("bit-in-the-page", 0, 40 * 1024, 4, 0, &[9, 0, 1]),
        table("bit-in-the-next-page", 0, 40 * 1024, 4, 0, &[5, 4, 1]),
        table("bit-changed-back", 0, 40 * 1024, 4, 0, &[9, 0, 1, 9, 0, 1]),
    ]
}

/// A record on place (0, 0): epoch, strange, state, bank, detail; floor 1; position; trial;
/// problem; candidate: the release of this number; four failed releases: none.
fn record(state: u8, bank: u8, detail: u8, trial: [u8; 3], candidate: u8) -> Vec<u8> {
    let [attempts, interruptions, phase] = trial;
    let mut out = vec![0, 0, 0, 0, 0, state, bank, detail, 1, 0, 0];
    out.extend([attempts, interruptions, phase, 0, 0, 0, 2, candidate]);
    out.extend([0, 0].repeat(4));
    out
}

const HEAD: u8 = 2;
const IMAGE: u8 = 3;
const BYTES: u8 = 5;
const FAIL: u8 = 6;
const FLIP: u8 = 7;
/// Cause, operation of the cut, its tear (2).
const CALM: [u8; 12] = [0; 12];

fn boots() -> Vec<Seed> {
    let fill = |name, geometry: u8, things: &[&[u8]], boots: &[u8]| {
        let count = u8::try_from(things.len()).expect("few things");
        seed("boot", name, &[&[geometry, count], &things.concat(), boots])
    };
    let first: [&[u8]; 2] = [&[HEAD, 0, 0], &[IMAGE, 0, 0, 0, 0, 3]];
    let second_staged: &[u8] = &[IMAGE, 1, 1, 1, 0, 3];
    let second_head: &[u8] = &[HEAD, 1, 1];
    let update = |record: Vec<u8>| {
        [
            record,
            [first.concat(), [second_head, second_staged].concat()].concat(),
        ]
        .concat()
    };
    let story = |name, geometry, state: Vec<u8>, boots: &[u8]| {
        seed("boot", name, &[&[geometry, 5], &update(state), boots])
    };
    let trial = [3, 3, 0];
    vec![
        fill("blank", 0, &[], &CALM),
        fill("factory", 0, &first, &CALM),
        fill("factory-ab", 1, &first, &CALM),
        story("confirmed", 0, record(1, 0, 1, trial, 1), &CALM),
        story("downloading", 0, record(2, 0, 0, trial, 1), &CALM),
        story("staged", 0, record(3, 0, 0, trial, 1), &CALM),
        story("staged-ab", 1, record(3, 0, 0, trial, 1), &CALM),
        story(
            "staged-cut",
            0,
            record(3, 0, 0, trial, 1),
            &[0, 9, 52, 0, 0, 5, 48, 0],
        ),
        story("swapping", 0, record(4, 0, 0, trial, 1), &CALM),
        story("trial-pending", 0, record(5, 0, 0, trial, 1), &CALM),
        story(
            "trial-running",
            0,
            record(5, 0, 0, [0, 3, 1], 1),
            &[1, 0, 0, 0],
        ),
        story("reverting", 0, record(6, 1, 0, trial, 1), &CALM),
        story("restoring", 0, record(7, 0, 2, trial, 1), &CALM),
        fill(
            "damaged",
            0,
            &[
                &record(1, 0, 1, trial, 1),
                first[0],
                first[1],
                second_head,
                second_staged,
                &[FLIP, 3, 9, 0, 1],
            ],
            &CALM,
        ),
        fill(
            "failing",
            0,
            &[
                first[0],
                first[1],
                &[FAIL, 3, 9, 0, 4, 0],
                &[FAIL, 0, 0, 0, 255, 1],
            ],
            &CALM,
        ),
        fill(
            "noise",
            0,
            &[&[&[BYTES, 0, 0, 0, 32][..], &b"noise!!!".repeat(4)].concat()],
            &CALM,
        ),
    ]
}

/// An answer as segments of 16 bytes; a field makes it come out even.
fn answer(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let bare = format!("HTTP/1.1 {status}\r\n{fields}X: \r\n\r\n").len() + body.len();
    let padding = "x".repeat(bare.next_multiple_of(16) - bare);
    let mut bytes = format!("HTTP/1.1 {status}\r\n{fields}X: {padding}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
        .chunks(16)
        .flat_map(|segment| [&[100], segment].concat())
        .collect()
}

fn answers() -> Vec<Seed> {
    let ranges = [10, 31, 42, 7, 0, 0, 0, 99];
    let good = |first: u32, len: usize| {
        let last = first as usize + len - 1;
        let fields = format!(
            "Content-Length: {len}\r\nContent-Range: bytes {first}-{last}/5000\r\nETag: \"a\"\r\n"
        );
        answer("206 Partial Content", &fields, &vec![b'.'; len])
    };
    let http = |name, answers: &[Vec<u8>]| {
        // Each waits for its request.
        let answers: Vec<_> = answers
            .iter()
            .map(|answer| [&[NOTHING_NOW], &answer[..]].concat())
            .collect();
        seed("http", name, &[&[120], &ranges, &answers.concat()])
    };
    let one =
        |name, status: &str, fields: &str, body: &[u8]| http(name, &[answer(status, fields, body)]);
    let body = [b'.'; 32];
    let range = "Content-Range: bytes 10-41/5000\r\n";
    vec![
        http(
            "kept-connection",
            &[good(10, 32), good(42, 8), good(0, 1), good(0, 100)],
        ),
        http(
            "interim",
            &[[answer("100 Continue", "", b""), good(10, 32)].concat()],
        ),
        http("closed", &[[good(10, 32), vec![0]].concat(), good(42, 8)]),
        http("early", &[[good(10, 32), good(42, 8)].concat()]),
        one(
            "parts",
            "206 Partial Content",
            &format!(
                "{range}Content-Length: 32\r\nContent-Type: multipart/byteranges; boundary=x\r\n"
            ),
            &body,
        ),
        one(
            "compressed-twice",
            "206 Partial Content",
            &format!(
                "{range}Content-Length: 32\r\nContent-Encoding: gzip\r\nContent-Encoding: identity\r\n"
            ),
            &body,
        ),
        one("whole-file", "200 OK", "Content-Length: 32\r\n", &body),
        one("not-found", "404 Not Found", "Content-Length: 0\r\n", b""),
        one("redirect", "302 Found", "Location: http://other/\r\n", b""),
        one(
            "too-short",
            "416 Range Not Satisfiable",
            "Content-Range: bytes */5\r\n",
            b"",
        ),
        one(
            "chunked",
            "206 Partial Content",
            &format!("{range}Transfer-Encoding: chunked\r\n"),
            b"0\r\n\r\n",
        ),
        one(
            "compressed",
            "206 Partial Content",
            &format!("{range}Content-Encoding: gzip\r\nContent-Length: 32\r\n"),
            &body,
        ),
        one("no-length", "206 Partial Content", range, &body),
        one(
            "excess",
            "206 Partial Content",
            &format!("{range}Content-Length: 32\r\nConnection: close\r\n"),
            &[b'.'; 48],
        ),
        one(
            "two-lengths",
            "206 Partial Content",
            &format!("{range}Content-Length: 32\r\nContent-Length: 32\r\n"),
            &body,
        ),
        seed(
            "http",
            "address",
            &[b"\0https://[2001:db8::1]:8443/a/b?c=d#e"],
        ),
        seed(
            "http",
            "address-of-a-user",
            &[b"\0http://user:word@host:80/"],
        ),
    ]
}

/// Geometry, window, retries, and for each attempt: release, then the transport's tricks.
fn downloads() -> Vec<Seed> {
    let get = |name: &str, bytes: &[u8]| seed("download", name, &[bytes]);
    let bad = u8::try_from(GOOD.len()).expect("few releases");
    let mut seeds = vec![
        get("honest", &[0, 3, 3, 1]),
        get("honest-ab", &[1, 1, 3, 2]),
        get("same-release", &[0, 3, 3, 0]),
        get("wrong-offset", &[0, 3, 3, 1, 7, 9, 1, 1, 2, 3, 4]),
        get("wrong-length", &[0, 3, 3, 1, 2, 1, 0, 0, 0]),
        get("wrong-total", &[0, 3, 3, 1, 3, 9, 9, 0, 0]),
        get("lost-link", &[0, 3, 3, 1, 7, 9, 0, 0, 7, 9, 9, 0, 1, 7]),
        get("claims-more", &[0, 3, 3, 1, 7, 2, 0, 7, 9]),
        get("trickle", &[0, 3, 3, 1, 7, 3, 1, 3, 2, 3, 200]),
        get(
            "flipped-bits",
            &[0, 3, 3, 1, 7, 9, 7, 4, 5, 0, 1, 7, 9, 4, 0, 1, 8],
        ),
        get("another-file", &[0, 3, 3, 1, 7, 9, 5, 2, 9, 5, 1, 9]),
        get("another-place", &[0, 3, 3, 1, 7, 9, 6, 0, 4, 9]),
        get("own-bytes", &[0, 3, 3, 1, 7, 5, 1, 2, 3, 4]),
    ];
    for (number, _) in (bad..).zip(BAD.iter()) {
        seeds.push(get(
            &format!("bad-release-{number}"),
            &[0, 3, 3, number, 7, 9],
        ));
    }
    seeds
}

/// Geometry, then steps.
fn lives() -> Vec<Seed> {
    const GET: u8 = 0;
    const BOOT: u8 = 2;
    const CONFIRM: u8 = 3;
    const GIVE_UP: u8 = 4;
    const CUT: u8 = 5;
    const ROT: u8 = 7;
    let (power, watchdog, software) = ([BOOT, 0], [BOOT, 1], [BOOT, 2]);
    let update = [GET, 1, 2, BOOT, 2];
    let life = |name: &str, geometry: u8, steps: &[&[u8]]| {
        seed("life", name, &[&[geometry], &steps.concat()])
    };
    let mut seeds = vec![
        life(
            "update",
            0,
            &[&update, &[CONFIRM], &[GET, 2, 1], &software, &[CONFIRM]],
        ),
        life(
            "update-ab",
            1,
            &[&update, &[CONFIRM], &[GET, 2, 1], &software, &[CONFIRM]],
        ),
        life(
            "crashes",
            0,
            &[&update, &watchdog, &watchdog, &watchdog, &power],
        ),
        life(
            "gives-up",
            0,
            &[
                &update,
                &[GIVE_UP],
                &software,
                &[GIVE_UP],
                &power,
                &[GIVE_UP],
                &power,
            ],
        ),
        life("loses-power-on-trial", 0, &[&update, &power.repeat(9)]),
        life(
            "replaced-download",
            0,
            &[&[CUT, 20, 1, GET, 1, 2], &power, &[GET, 2, 1], &software],
        ),
        life(
            "rotten-image",
            0,
            &[&update, &[CONFIRM, ROT, 3, 9, 0, 3], &power],
        ),
        life(
            "rotten-journal",
            0,
            &[&update, &[CONFIRM, ROT, 0, 4, 1, 3], &power],
        ),
        life("rotten-bank", 1, &[&update, &[ROT, 2, 20, 0, 3], &power]),
    ];
    for (tear, operation) in
        (0_u8..16).zip([3, 9, 14, 21, 5, 8, 2, 30, 12, 4, 17, 6, 25, 11, 7, 19])
    {
        let (cut, again) = ([CUT, operation, tear], [CUT, 1 + operation / 4, 15 - tear]);
        let steps: [&[u8]; 8] = [
            &[GET, 1, 2],
            &cut,
            &software,
            &again,
            &power,
            &power,
            &[CONFIRM],
            &power,
        ];
        seeds.push(life(&format!("cut-swap-{tear:02}"), tear % 2, &steps));
    }
    seeds
}

/// Seed, changes, message.
fn signatures() -> Vec<Seed> {
    let sign =
        |name: &str, changes: &[u8], rest: &[u8]| seed("ed25519", name, &[&[7; 32], changes, rest]);
    let mut seeds = vec![
        sign("honest", &[0], b"a message"),
        sign("empty", &[0], b""),
        sign("flipped", &[1, 0, 1, 77], b"a message"),
        sign(
            "fresh-key",
            &[1, 2, 0, 0],
            &[b"another key, 32 bytes, no point?".as_slice(), b"a message"].concat(),
        ),
        sign("scalar-above-order", &[1, 3, 2, 0], b"a message"),
        sign(
            "three-changes",
            &[3, 1, 0, 3, 1, 1, 3, 1, 2, 2],
            b"a message",
        ),
    ];
    for (part, name) in ["key", "r", "s"].iter().enumerate() {
        for special in 0..8 {
            let change = [1, 1, u8::try_from(part).expect("three"), special];
            seeds.push(sign(
                &format!("special-{name}-{special}"),
                &change,
                b"a message",
            ));
        }
    }
    seeds
}

/// Form, loader, entry, then for each segment: kind of address, distance, length.
fn esp_images() -> Vec<Seed> {
    let image = |name: &str, loader: u8, entry: u8, segments: &[[u8; 4]]| {
        seed(
            "esp_image",
            name,
            &[&[1, loader, entry], &segments.concat()],
        )
    };
    let code = [3, 0, 0, 64];
    vec![
        seed("esp_image", "raw-nothing", &[&[0, 0, 0xFF]]),
        seed("esp_image", "raw-header", &[&[0, 0, 0xE9, 1]]),
        image("code", 0, 0, &[code]),
        image("code-and-data", 0, 0, &[code, [1, 0, 1, 64]]),
        image("both-buses", 0, 0, &[code, [1, 0, 0, 64]]),
        image("mapped", 0, 1, &[code, [7, 0, 8, 64]]),
        image("mapped-twice", 0, 1, &[code, [7, 0, 8, 64], [6, 0, 8, 64]]),
        image("over-second-stage", 0, 0, &[code, [2, 0, 0, 64]]),
        image("under-second-stage", 0, 0, &[code, [2, 255, 240, 64]]),
        image("second-stage", 1, 1, &[[1, 0, 1, 64], [4, 0, 0, 255]]),
        image("over-mask-rom", 1, 0, &[code, [5, 255, 248, 64]]),
        image("rtc", 0, 0, &[[9, 0, 0, 64]]),
        image("wrapping", 0, 0, &[code, [10, 0, 0, 255]]),
        image("sixteen", 0, 0, &[[0, 0, 0, 1]; 16]),
        image("seventeen", 0, 0, &[[0, 0, 0, 1]; 17]),
    ]
}

/// Slots, then the two sectors, then what is done.
fn otadata() -> Vec<Seed> {
    let sector = |kind: u8, sequence: u32, state: u8, mark: [u8; 3]| {
        [&[kind][..], &sequence.to_le_bytes(), &[state], &mark].concat()
    };
    let blank = sector(0, 0, 0, [0; 3]);
    let two = |name: &str, first: &[u8], second: &[u8], acts: &[u8]| {
        seed("otadata", name, &[&[1], first, second, acts])
    };
    let valid = sector(1, 3, 2, [0; 3]);
    vec![
        two("blank", &blank, &blank, &[0, 0, 1, 1]),
        two("confirmed", &valid, &blank, &[0, 0]),
        two("update", &valid, &blank, &[2, 1, 0, 1, 1, 1]),
        two("gives-up", &valid, &blank, &[2, 1, 0, 1, 0, 1, 0, 1, 0, 1]),
        two("new", &valid, &sector(1, 4, 0, [0; 3]), &[0, 1]),
        two("pending", &valid, &sector(1, 4, 1, [1, 2, 0]), &[0, 1]),
        two("aborted", &valid, &sector(1, 4, 4, [0; 3]), &[2, 1]),
        two("equal", &valid, &valid, &[2, 1, 0, 1]),
        two(
            "last",
            &sector(1, u32::MAX - 1, 2, [0; 3]),
            &blank,
            &[2, 1, 2, 0],
        ),
        two("noise", &sector(2, 7, 7, [7; 3]), &valid, &[0, 0]),
    ]
}

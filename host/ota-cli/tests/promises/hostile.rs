//! What a device gets from the world, and what it does with it: nothing is written to a slot, the
//! reason is clear, and the next attempt succeeds.

use std::sync::Arc;

use ota_cli::package::{Package, Recipe};
use ota_image::{ENVELOPE_LEN, Manifest, Reader, Tlv, write_envelope};

use crate::shop::{FLOOR, LENGTH, NEW, OLD, Shop, image_of};
use crate::tricks::{Answer, Ask, Offer, Then, honest, part, status, whole};

/// Where the chunks begin: envelope, three digests.
const PAYLOAD: usize = 1024 + 96;

/// Runs a copy of the device against what `world` sets up: it must refuse with `reason`, and
/// nothing may have changed in a slot; then the right release must succeed.
#[track_caller]
fn harmless(shop: &Shop, what: &str, reason: &str, world: impl FnOnce(&Shop)) {
    shop.copy("dev", "victim");
    let slots = shop.slots("victim");
    shop.server.offer(&shop.new_release());
    world(shop);
    shop.run_refused("victim", &[], reason);
    assert!(shop.slots("victim") == slots, "{what}: a slot has changed");
    let status = shop.show("victim");
    assert_eq!(status["version"], OLD, "{what}");
    assert!(
        ["confirmed", "downloading"].contains(&status["state"].as_str().unwrap()),
        "{what}: {status}"
    );
    shop.server.offer(&shop.new_release());
    shop.run_ok("victim", &[]);
    shop.assert_runs("victim", NEW, LENGTH);
}

/// A device that has booted once.
fn booted(map: &str) -> Shop {
    let shop = Shop::with(map, &[]);
    shop.server.offer(&shop.old());
    shop.run_ok("dev", &[]);
    shop
}

type Deed = fn(&Ask, &Offer) -> Answer;

const DEEDS: [(&str, &str, Deed); 13] = [
    ("ignores Range", "0x300a", |_, offer| whole(offer)),
    ("404", "0x300c", |_, _| status(404, "")),
    ("416", "0x300d", |_, _| {
        status(416, "Content-Range: bytes */9\r\n")
    }),
    ("500", "0x300e", |_, _| status(500, "")),
    ("redirects", "0x300f", |_, _| {
        status(302, "Location: http://127.0.0.1:1/\r\n")
    }),
    ("403", "0x3010", |_, _| status(403, "")),
    ("sends less", "0x3005", |ask, offer| {
        let (mut bytes, _) = honest(ask, offer);
        bytes.truncate(bytes.len() - ask.length);
        (bytes, Then::Close)
    }),
    ("announces more", "0x3012", |ask, offer| {
        let range = format!(
            "bytes {}-{}/{}",
            ask.first,
            ask.first + ask.length - 1,
            offer.file.len()
        );
        let body = vec![0x66; ask.length + 100];
        (part(offer, &range, ask.length + 100, &body), Then::Keep)
    }),
    ("sends another range", "0x3011", |ask, offer| {
        let (first, last) = (ask.first + 1, ask.first + ask.length);
        let range = format!("bytes {first}-{last}/{}", offer.file.len() + 100);
        (
            part(offer, &range, ask.length, &vec![0x66; ask.length]),
            Then::Keep,
        )
    }),
    ("stalls", "0x2002", |_, _| (Vec::new(), Then::Silence)),
    ("stalls in the body", "0x2002", |ask, offer| {
        let (mut bytes, _) = honest(ask, offer);
        bytes.truncate(bytes.len() - ask.length);
        (bytes, Then::Silence)
    }),
    ("hangs up", "0x3004", |_, _| (Vec::new(), Then::Close)),
    ("speaks no HTTP", "0x3007", |_, _| {
        (b"220 ready\r\n\r\n".to_vec(), Then::Close)
    }),
];

#[test]
fn a_server_that_misbehaves_from_the_start_does_no_harm() {
    let shop = booted("rp2040");
    for (what, reason, deed) in DEEDS {
        harmless(&shop, what, reason, |shop| {
            shop.server.trick(move |ask, offer| Some(deed(ask, offer)));
        });
    }
}

#[test]
fn a_server_that_misbehaves_when_the_image_is_asked_for_does_no_harm() {
    let shop = booted("rp2040");
    for (what, reason, deed) in DEEDS {
        harmless(&shop, what, reason, |shop| {
            shop.server
                .trick(move |ask, offer| (ask.first >= PAYLOAD).then(|| deed(ask, offer)));
        });
    }
}

#[test]
fn a_server_that_sends_more_than_it_said_is_noticed() {
    let shop = booted("rp2040");
    harmless(&shop, "more bytes", "0x3006", |shop| {
        shop.server.trick(|ask, offer| {
            let (mut bytes, then) = honest(ask, offer);
            bytes.extend(vec![0x66; 5_000]);
            Some((bytes, then))
        });
    });
}

#[test]
fn a_server_that_is_not_there_does_no_harm() {
    let shop = booted("rp2040");
    let slots = shop.slots("dev");
    let args = [
        "device",
        "run",
        "dev",
        "--url",
        "http://127.0.0.1:1/app.ota",
    ];
    let patience = ["--retries", "1", "--backoff-ms", "1"];
    shop.bench
        .refused(&[&args[..], &patience].concat(), "0x3001");
    assert!(shop.slots("dev") == slots);
}

#[test]
fn a_file_that_changes_between_two_requests_is_never_mixed() {
    let shop = booted("rp2040");
    let other = shop.release("1.2.0", 120, &image_of("1.2.0", LENGTH));
    // Once the chunks are asked for, there is another release.
    let mut changed = false;
    shop.server.offer(&shop.new_release());
    let next = Offer {
        file: Arc::new(other),
        tag: 999,
    };
    shop.server.trick(move |ask, _| {
        changed |= ask.first >= PAYLOAD;
        changed.then(|| honest(ask, &next))
    });
    shop.run_ok("dev", &[]);
    shop.assert_runs("dev", "1.2.0", LENGTH);
}

#[test]
fn a_file_that_becomes_rubbish_in_between_does_no_harm() {
    let shop = booted("rp2040");
    harmless(&shop, "rubbish", "0x0102", |shop| {
        let mut changed = false;
        shop.server.trick(move |ask, offer| {
            changed |= ask.first >= PAYLOAD;
            let rubbish = Offer {
                file: Arc::new(vec![0x66; offer.file.len()]),
                tag: 999,
            };
            changed.then(|| honest(ask, &rubbish))
        });
    });
}

/// A release with one thing changed in its recipe, signed by both.
fn changed(shop: &Shop, change: impl FnOnce(&mut Recipe)) -> Vec<u8> {
    let mut recipe = shop.recipe(NEW, 110);
    change(&mut recipe);
    let package = Package::build(&recipe, &image_of(NEW, LENGTH)).unwrap();
    shop.sign(package, &["release", "boot"])
}

/// A release with a field that no reader knows.
fn with_field(shop: &Shop, tag: u16) -> Vec<u8> {
    let package = shop.new_release();
    let envelope = Package::from_bytes(package.clone()).unwrap();
    let envelope = envelope.envelope().unwrap();
    let (manifest, _) = Manifest::decode_unverified(envelope.body(), Reader::Inspector).unwrap();
    let mut body = [0; 731];
    let field = Tlv {
        tag,
        value: b"future",
    };
    let length = manifest.encode(&[field], &mut body).unwrap();
    let envelope = write_envelope(&body[..length], &[]).unwrap();
    let bytes = [&envelope, &package[ENVELOPE_LEN..]].concat();
    shop.sign(Package::from_bytes(bytes).unwrap(), &["release", "boot"])
}

#[test]
fn a_package_that_is_damaged_unsigned_or_not_for_this_device_does_no_harm() {
    let shop = booted("rp2040");
    let good = shop.new_release();
    let damaged = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        damage(&mut bytes);
        bytes
    };
    let unsigned = || Package::build(&shop.recipe(NEW, 110), &image_of(NEW, LENGTH)).unwrap();
    let other = shop.release("1.2.0", 120, &image_of("1.2.0", LENGTH));
    let large = {
        let image = image_of(NEW, 512 * 1024 + 1);
        let mut recipe = shop.recipe(NEW, 110);
        recipe.chunk_size = 2048;
        let package = Package::build(&recipe, &image).unwrap();
        shop.sign(package, &["release", "boot"])
    };
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("empty", "0x300d", Vec::new()),
        (
            "cut in the envelope",
            "0x300d",
            damaged(&|b| b.truncate(500)),
        ),
        ("cut in the table", "0x2010", damaged(&|b| b.truncate(1100))),
        (
            "cut in the image",
            "0x2010",
            damaged(&|b| b.truncate(9_000)),
        ),
        ("extended", "0x2010", damaged(&|b| b.push(0))),
        ("no package", "0x0102", vec![b'x'; 20_000]),
        ("a bit of the manifest", "0x0202", damaged(&|b| b[60] ^= 1)),
        ("a bit of the table", "0x200f", damaged(&|b| b[1030] ^= 1)),
        (
            "a bit of the first chunk",
            "0x200f",
            damaged(&|b| b[PAYLOAD] ^= 1),
        ),
        (
            "the table of another",
            "0x200f",
            damaged(&|b| b[1024..PAYLOAD].copy_from_slice(&other[1024..PAYLOAD])),
        ),
        (
            "the image of another",
            "0x200f",
            damaged(&|b| b[PAYLOAD..].copy_from_slice(&other[PAYLOAD..])),
        ),
        (
            "all but the envelope of another",
            "0x200f",
            damaged(&|b| b[1024..].copy_from_slice(&other[1024..])),
        ),
        ("unsigned", "0x0201", unsigned().as_bytes().to_vec()),
        (
            "no release signature",
            "0x0201",
            shop.sign(unsigned(), &["boot"]),
        ),
        (
            "no boot signature",
            "0x0203",
            shop.sign(unsigned(), &["release"]),
        ),
        (
            "another vendor",
            "0x0401",
            changed(&shop, |r| r.vendor = [1; 16]),
        ),
        (
            "another class",
            "0x0402",
            changed(&shop, |r| r.class = [1; 16]),
        ),
        (
            "other hardware",
            "0x0403",
            changed(&shop, |r| r.hardware = (2, 3)),
        ),
        (
            "another address",
            "0x0405",
            changed(&shop, |r| r.load_address += 0x1000),
        ),
        ("too large", "0x0406", large),
        (
            "chunks too large",
            "0x0408",
            changed(&shop, |r| r.chunk_size = 8192),
        ),
        (
            "below the floor",
            "0x0409",
            changed(&shop, |r| r.security_counter = FLOOR - 1),
        ),
        (
            "far above the floor",
            "0x040a",
            changed(&shop, |r| r.security_counter = FLOOR + 1025),
        ),
        (
            "for a later bootloader",
            "0x040c",
            changed(&shop, |r| r.lowest_boot_format = 9),
        ),
        ("not newer", "0x1111", changed(&shop, |r| r.sequence = 99)),
        (
            "another of the same sequence",
            "0x1111",
            changed(&shop, |r| r.sequence = 100),
        ),
        ("a critical field", "0x030b", with_field(&shop, 0x8123)),
    ];
    for (what, reason, package) in cases {
        harmless(&shop, what, reason, |shop| shop.server.offer(&package));
    }
}

#[test]
fn a_field_that_may_be_ignored_is() {
    let shop = booted("rp2040");
    shop.server.offer(&with_field(&shop, 0x0123));
    shop.run_ok("dev", &[]);
    shop.assert_runs("dev", NEW, LENGTH);
}

#[test]
fn a_damaged_chunk_costs_only_itself() {
    let shop = booted("rp2040");
    let good = shop.new_release();
    let mut bytes = good.clone();
    bytes[PAYLOAD + 8192] ^= 1;
    shop.server.offer(&bytes);
    shop.run_refused("dev", &[], "0x200f");
    let slots = shop.slots("dev");
    let image = image_of(NEW, LENGTH);
    // What is in staging is what was signed; of the damaged chunk there is nothing.
    assert!(slots[0].starts_with(&image_of(OLD, LENGTH)));
    assert!(slots[1][4096..].starts_with(&image[..8192]));
    assert!(slots[1][4096 + 8192..].iter().all(|byte| *byte == 0xFF));
    shop.server.asked();
    shop.server.offer(&good);
    shop.run_ok("dev", &[]);
    assert!(
        shop.server.asked()[0].first >= PAYLOAD + 4096,
        "it starts over"
    );
    shop.assert_runs("dev", NEW, LENGTH);
}

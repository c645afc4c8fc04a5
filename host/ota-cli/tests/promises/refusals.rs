//! What the tool does with what it should not be given.

use crate::bench::{Bench, image};

/// A package of 10,000 bytes: envelope, three digests, payload.
const TABLE: usize = 1024;
const PAYLOAD: usize = TABLE + 3 * 32;
const LENGTH: usize = PAYLOAD + 10_000;

/// Writes `bad.ota`, a good package changed by `damage`.
fn damaged(bench: &Bench, damage: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = bench.read("app.ota");
    assert_eq!(bytes.len(), LENGTH);
    damage(&mut bytes);
    bench.write("bad.ota", &bytes);
}

#[test]
fn a_truncated_package_is_refused_wherever_it_ends() {
    let bench = Bench::with_package();
    for length in [0, 1, 12, 500, 1023] {
        damaged(&bench, |bytes| bytes.truncate(length));
        bench.refused(&bench.verify("bad.ota"), "1024 bytes");
        bench.refused(&["inspect", "bad.ota"], "1024 bytes");
        bench.refused(&["sign", "bad.ota", "--key", "boot.key"], "1024 bytes");
    }
    for length in [1024, 1030, PAYLOAD, PAYLOAD + 1, LENGTH - 1] {
        damaged(&bench, |bytes| bytes.truncate(length));
        bench.refused(&bench.verify("bad.ota"), "cut short");
        bench.refused(&["sign", "bad.ota", "--key", "boot.key"], "cut short");
        bench.refused(
            &[
                "image", "--map", "rp2040", "--app", "bad.ota", "-o", "x.bin",
            ],
            "cut short",
        );
        assert_eq!(bench.run(&["inspect", "bad.ota"]).status, 1);
    }
    assert!(!bench.files().contains(&"x.bin".into()));
}

#[test]
fn an_extended_package_is_refused() {
    let bench = Bench::with_package();
    damaged(&bench, |bytes| bytes.push(0));
    bench.refused(&bench.verify("bad.ota"), "1 bytes follow the end");
    bench.refused(&["sign", "bad.ota", "--key", "boot.key"], "follow the end");
}

#[test]
fn a_flipped_bit_is_refused_wherever_it_is() {
    let bench = Bench::with_package();
    let body = usize::from(u16::from_le_bytes([
        bench.read("app.ota")[10],
        bench.read("app.ota")[11],
    ]));
    let signatures = 12 + body;
    let cases = [
        (0, "not an update package"),
        (8, "format 0 is not known"),
        (12, "release signature is wrong"),
        (12 + body / 2, "release signature is wrong"),
        (signatures - 1, "release signature is wrong"),
        (signatures + 1, "a signature is counted but absent"),
        (signatures + 1 + 6 + 10, "release signature is wrong"),
        (signatures + 1 + 70 + 6 + 10, "boot signature is wrong"),
        (1023, "bytes follow the last signature"),
        (
            TABLE,
            "page 0: the digest table is not the one that was signed",
        ),
        (PAYLOAD - 1, "page 0: "),
        (
            PAYLOAD,
            "chunk 0: the bytes are not the chunk that was signed",
        ),
        (PAYLOAD + 4096, "chunk 1: "),
        (LENGTH - 1, "chunk 2: "),
    ];
    for (offset, reason) in cases {
        damaged(&bench, |bytes| bytes[offset] ^= 1);
        bench.refused(&bench.verify("bad.ota"), reason);
    }
}

#[test]
fn every_byte_counts() {
    use ota_cli::keys::Anchors;
    use ota_cli::package::{Expected, Package};
    let bench = Bench::with_package();
    let anchors = Anchors::load(&[bench.path("release.pub")], &[bench.path("boot.pub")]).unwrap();
    let good = bench.read("app.ota");
    let verifies = |bytes: Vec<u8>| {
        let package = Package::from_bytes(bytes);
        package.is_ok_and(|package| package.verify(&anchors, &Expected::default()).is_ok())
    };
    assert!(verifies(good.clone()));
    let body = usize::from(u16::from_le_bytes([good[10], good[11]]));
    let hints = [12 + body + 3..12 + body + 7, 12 + body + 73..12 + body + 77];
    for offset in (0..1200).chain((1200..LENGTH).step_by(97)) {
        let mut bytes = good.clone();
        bytes[offset] ^= 0x20;
        // A key id is a hint and nothing more: a wrong one costs time, not the release.
        let is_hint = hints.iter().any(|hint| hint.contains(&offset));
        assert_eq!(verifies(bytes), is_hint, "byte {offset}");
    }
}

#[test]
fn parts_of_two_releases_do_not_make_one() {
    let bench = Bench::with_package();
    let mut other = image(10_000);
    other.reverse();
    bench.write("other.bin", &other);
    bench.pack("other.bin", "other.ota", &[]);
    bench.ok(&["sign", "other.ota", "--key", "release.key"]);
    bench.ok(&["sign", "other.ota", "--key", "boot.key"]);
    let other = bench.read("other.ota");
    let cases = [
        (0..TABLE, "page 0"),
        (TABLE..PAYLOAD, "page 0"),
        (PAYLOAD..LENGTH, "chunk 0"),
        (TABLE..LENGTH, "page 0"),
    ];
    for (part, reason) in cases {
        damaged(&bench, |bytes| {
            bytes[part.clone()].copy_from_slice(&other[part]);
        });
        bench.refused(&bench.verify("bad.ota"), reason);
    }
    // Two chunks of one release, exchanged.
    damaged(&bench, |bytes| {
        bytes[PAYLOAD..PAYLOAD + 8192].rotate_left(4096);
    });
    bench.refused(&bench.verify("bad.ota"), "chunk 0");
}

#[test]
fn both_signatures_are_needed_and_by_the_right_keys() {
    let bench = Bench::with_keys();
    bench.write("app.bin", &image(10_000));
    bench.pack("app.bin", "app.ota", &[]);
    bench.refused(&bench.verify("app.ota"), "no release signature");
    bench.ok(&["sign", "app.ota", "--key", "release.key"]);
    bench.refused(&bench.verify("app.ota"), "no boot signature");
    bench.ok(&["sign", "app.ota", "--key", "boot.key"]);
    bench.ok(&bench.verify("app.ota"));

    for role in ["release", "boot"] {
        let out = format!("other-{role}");
        bench.ok(&["keygen", "--role", role, "--out", &out]);
    }
    let with = |release, boot| ["verify", "app.ota", "--release", release, "--boot", boot];
    bench.refused(
        &with("other-release.pub", "boot.pub"),
        "release signature is wrong",
    );
    bench.refused(
        &with("release.pub", "other-boot.pub"),
        "boot signature is wrong",
    );
    bench.refused(
        &with("boot.pub", "release.pub"),
        "boot.pub: this is a boot key, not a release key",
    );
}

#[test]
fn a_stripped_boot_signature_is_noticed() {
    let bench = Bench::with_package();
    let body = usize::from(u16::from_le_bytes([
        bench.read("app.ota")[10],
        bench.read("app.ota")[11],
    ]));
    damaged(&bench, |bytes| {
        bytes[12 + body] = 1;
        bytes[13 + body + 70..13 + body + 140].fill(0);
    });
    bench.refused(&bench.verify("bad.ota"), "no boot signature");
}

#[test]
fn one_key_for_both_roles_is_refused_by_sign_and_verify() {
    let bench = Bench::with_package();
    // The same key, passed off as the other role's.
    for suffix in ["key", "pub"] {
        let text = bench
            .text(&format!("release.{suffix}"))
            .replace("release", "boot");
        bench.write(&format!("both.{suffix}"), text.as_bytes());
    }
    let before = bench.read("app.ota");
    bench.refused(
        &["sign", "app.ota", "--key", "both.key"],
        "has signed as the release key already",
    );
    let by_command = [
        "sign",
        "app.ota",
        "--key",
        "both.pub",
        "--sign-with",
        "exit 9",
    ];
    bench.refused(&by_command, "has signed as the release key already");
    assert_eq!(bench.read("app.ota"), before);
    bench.refused(
        &[
            "verify",
            "app.ota",
            "--release",
            "release.pub",
            "--boot",
            "both.pub",
        ],
        "one key stands for both roles",
    );
    bench.refused(
        &[
            "verify",
            "app.ota",
            "--release",
            "release.pub",
            "--boot",
            "boot.pub",
            "--boot",
            "boot.pub",
        ],
        "twice",
    );
}

#[test]
fn a_damaged_package_is_not_signed() {
    let bench = Bench::with_package();
    for offset in [TABLE + 5, PAYLOAD + 5, LENGTH - 1] {
        damaged(&bench, |bytes| bytes[offset] ^= 0x80);
        let before = bench.read("bad.ota");
        bench.refused(&["sign", "bad.ota", "--key", "boot.key"], "bad.ota: ");
        assert_eq!(bench.read("bad.ota"), before);
    }
}

#[test]
fn a_release_for_another_device_is_refused() {
    let bench = Bench::with_package();
    let verify = |more: &[&'static str], reason: &str| {
        bench.refused(&[bench.verify("app.ota").as_slice(), more].concat(), reason)
    };
    let right = "--vendor acme --class sensor --hw 2 --floor 7 --map rp2040";
    bench.ok(&[bench.verify("app.ota"), right.split(' ').collect()].concat());
    verify(&["--vendor", "other"], "another vendor's");
    verify(
        &["--vendor", "acme", "--class", "gateway"],
        "another kind of device",
    );
    verify(&["--class", "gateway"], "another kind of device");
    verify(&["--hw", "0"], "hardware revision");
    verify(&["--hw", "4"], "hardware revision");
    verify(&["--floor", "8"], "below the floor");
    verify(&["--map", "stm32l476"], "linked for another address");
    verify(&["--vendor", ""], "not a vendor name");
}

#[test]
fn a_counter_far_above_the_floor_is_refused() {
    let bench = Bench::with_keys();
    bench.write("app.bin", &image(10));
    let fixed =
        "pack app.bin -o app.ota --version 1 --counter 1032 --vendor v --class c --load-address 0";
    bench.ok(&fixed.split(' ').collect::<Vec<_>>());
    bench.ok(&["sign", "app.ota", "--key", "release.key"]);
    bench.ok(&["sign", "app.ota", "--key", "boot.key"]);
    bench.ok(&[bench.verify("app.ota").as_slice(), &["--floor", "8"]].concat());
    bench.refused(
        &[bench.verify("app.ota").as_slice(), &["--floor", "7"]].concat(),
        "1024 above",
    );
}

#[test]
fn verify_tells_programs_too() {
    let bench = Bench::with_package();
    let json = |args: &[&str], status: i32| -> serde_json::Value {
        let outcome = bench.run(&[args, &["--json"]].concat());
        assert_eq!(outcome.status, status);
        serde_json::from_str(&outcome.stdout).unwrap()
    };
    let good = json(&bench.verify("app.ota"), 0);
    assert_eq!(
        (&good["ok"], &good["version"]),
        (&true.into(), &"1.4.2".into())
    );
    let refused = json(
        &[bench.verify("app.ota").as_slice(), &["--floor", "8"]].concat(),
        1,
    );
    assert_eq!(
        (&refused["ok"], &refused["code"]),
        (&false.into(), &0x0409.into())
    );
    assert!(
        refused["reason"]
            .as_str()
            .unwrap()
            .contains("below the floor")
    );
    damaged(&bench, |bytes| bytes.push(0));
    assert_eq!(
        json(&bench.verify("bad.ota"), 1)["code"],
        serde_json::Value::Null
    );
}

#[test]
fn an_unknown_critical_field_is_refused_and_shown() {
    use ota_cli::keys::PrivateKey;
    use ota_cli::package::Package;
    use ota_image::{MAX_BODY, Tlv, tag, write_envelope};
    let bench = Bench::with_package();
    let package = Package::load(&bench.path("app.ota")).unwrap();
    for (bit, who) in [
        (tag::CRITICAL_FOR_CLIENT, "client"),
        (tag::CRITICAL_FOR_BOOTLOADER, "bootloader"),
    ] {
        let field = Tlv {
            tag: tag::ENCRYPTION | bit,
            value: b"x",
        };
        let mut body = [0; MAX_BODY];
        let length = package
            .manifest()
            .unwrap()
            .encode(&[field], &mut body)
            .unwrap();
        let envelope = write_envelope(&body[..length], &[]).unwrap();
        let bytes = [&envelope, &package.as_bytes()[1024..]].concat();
        let mut with_field = Package::from_bytes(bytes).unwrap();
        for name in ["release.key", "boot.key"] {
            with_field
                .sign(&PrivateKey::load(&bench.path(name), None).unwrap())
                .unwrap();
        }
        with_field.save(&bench.path("bad.ota")).unwrap();
        bench.refused(&bench.verify("bad.ota"), "which is not known here");
        let shown = bench.ok(&["inspect", "bad.ota"]);
        assert!(
            shown.contains(&format!("tag {:#06x}, 1 bytes", field.tag)),
            "{who}: {shown}"
        );
    }
}

#[test]
fn what_cannot_be_packed_is_refused_and_leaves_nothing() {
    let bench = Bench::new();
    let fixed = "-o app.ota --vendor v --class c";
    let pack = |line: &str, reason: &str| {
        let line = format!("pack {line} {fixed}");
        bench.refused(&line.split(' ').collect::<Vec<_>>(), reason);
    };
    bench.write("empty.bin", b"");
    bench.write("app.bin", &image(100));
    bench.write("long.bin", &image(512 * 1024 + 1));
    pack(
        "empty.bin --version 1 --counter 1 --load-address 0",
        "empty.bin: the image is empty",
    );
    pack(
        "missing.bin --version 1 --counter 1 --load-address 0",
        "cannot read missing.bin",
    );
    pack(
        "app.bin --version 1 --counter 1",
        "give --load-address or --map",
    );
    pack(
        "app.bin --version 1.0.0-with-a-very-long-suffix-here --counter 1 --load-address 0",
        "visible ASCII",
    );
    pack(
        "app.bin --version 1 --counter 1 --map nowhere.toml",
        "no built-in map (rp2040, ",
    );
    pack(
        "long.bin --version 1 --counter 1 --load-address 0 --chunk-size 1024",
        "give --chunk-size 2048",
    );
    assert_eq!(bench.files(), ["app.bin", "empty.bin", "long.bin"]);
    let over =
        "pack app.bin -o app.bin --version 1 --counter 1 --load-address 0 --vendor v --class c";
    bench.refused(
        &over.split(' ').collect::<Vec<_>>(),
        "would replace its own image",
    );
}

#[test]
fn a_folder_that_cannot_be_written_leaves_the_package_as_it_was() {
    let bench = Bench::with_package();
    bench.refused(&["inspect", "."], "cannot read");
    let out = [
        "image",
        "--map",
        "rp2040",
        "--app",
        "app.ota",
        "-o",
        "no/such/folder/x.bin",
    ];
    bench.refused(&out, "cannot write no/such/folder/x.bin");
}

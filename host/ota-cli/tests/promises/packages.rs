//! From image to signed package and back.

use ota_cli::package::Package;

use crate::bench::{Bench, image};

#[test]
fn a_package_signed_in_both_roles_verifies_with_every_mix_of_algorithms() {
    let bench = Bench::new();
    bench.write("app.bin", &image(10_000));
    for (release, boot) in [
        ("ed25519", "ed25519"),
        ("ed25519", "p256"),
        ("p256", "p256"),
    ] {
        for (role, algorithm) in [("release", release), ("boot", boot)] {
            bench.ok(&[
                "keygen", "--role", role, "--alg", algorithm, "--out", role, "--force",
            ]);
        }
        bench.pack("app.bin", "app.ota", &[]);
        bench.ok(&["sign", "app.ota", "--key", "release.key"]);
        bench.ok(&["sign", "app.ota", "--key", "boot.key"]);
        let said = bench.ok(&bench.verify("app.ota"));
        assert!(
            said.starts_with("app.ota: good, version 1.4.2, release "),
            "{said}"
        );
    }
}

#[test]
fn images_of_every_size_come_out_as_they_went_in() {
    let bench = Bench::with_keys();
    for chunk_size in [1024, 2048, 4096, 8192, 16384] {
        for length in [
            1,
            chunk_size - 1,
            chunk_size,
            chunk_size + 1,
            33 * chunk_size,
            512 * 1024,
        ] {
            let bytes = image(length);
            bench.write("app.bin", &bytes);
            bench.pack(
                "app.bin",
                "app.ota",
                &["--chunk-size", &chunk_size.to_string()],
            );
            bench.ok(&["sign", "app.ota", "--key", "boot.key"]);
            bench.ok(&["sign", "app.ota", "--key", "release.key"]);
            bench.ok(&bench.verify("app.ota"));
            let package = Package::load(&bench.path("app.ota")).unwrap();
            assert_eq!(package.payload().unwrap(), bytes);
            assert_eq!(
                package.bank().unwrap().len(),
                1024 + length.div_ceil(chunk_size) * 32
            );
        }
    }
}

#[test]
fn packing_the_same_twice_gives_the_same_bytes() {
    let bench = Bench::new();
    bench.write("app.bin", &image(5000));
    bench.pack("app.bin", "a.ota", &[]);
    bench.pack("app.bin", "b.ota", &[]);
    assert_eq!(bench.read("a.ota"), bench.read("b.ota"));
}

#[test]
fn the_sequence_is_the_time_unless_it_is_given() {
    let bench = Bench::new();
    bench.write("app.bin", &image(5));
    let pack =
        "pack app.bin -o app.ota --version 1 --counter 1 --vendor v --class c --load-address 0";
    let before = milliseconds();
    bench.ok(&pack.split(' ').collect::<Vec<_>>());
    let sequence = Package::load(&bench.path("app.ota"))
        .unwrap()
        .manifest()
        .unwrap()
        .sequence;
    assert!((before..=milliseconds()).contains(&sequence));
}

fn milliseconds() -> u64 {
    let time = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    time.as_millis().try_into().unwrap()
}

#[test]
fn inspect_shows_what_was_packed_to_people_and_programs() {
    let bench = Bench::with_package();
    let report: serde_json::Value =
        serde_json::from_str(&bench.ok(&["inspect", "app.ota", "--json"])).unwrap();
    let expected = [
        ("version", "1.4.2".into()),
        ("sequence", 100.into()),
        ("security_counter", 7.into()),
        ("vendor", "5bd98a2b-f186-505c-9abd-abeea11dba9e".into()),
        ("class", "9206f8bd-49f8-5265-89b8-a5d5559be1a1".into()),
        ("hardware_min", 1.into()),
        ("hardware_max", 3.into()),
        ("load_address", 0x1002_0000.into()),
        ("image_length", 10_000.into()),
        ("chunk_size", 4096.into()),
        ("chunks", 3.into()),
        ("pages", 1.into()),
        ("package_length", (1024 + 3 * 32 + 10_000).into()),
        ("intact", true.into()),
        ("damage", serde_json::Value::Null),
    ];
    for (field, value) in expected {
        assert_eq!(report[field], value, "{field}");
    }
    let roles: Vec<_> = report["signatures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["role"])
        .collect();
    assert_eq!(roles, ["release", "boot"]);

    let table = bench.ok(&["inspect", "app.ota"]);
    let has = |name: &str, value: &str| {
        table
            .lines()
            .any(|line| line.starts_with(name) && line.ends_with(value))
    };
    assert!(
        has("version", " 1.4.2") && has("hardware", " 1 to 3"),
        "{table}"
    );
    assert!(has("contents", "fit the digests"), "{table}");
}

#[test]
fn revoked_boot_keys_are_a_mask_and_devices_obey_it() {
    let bench = Bench::with_keys();
    bench.ok(&["keygen", "--role", "boot", "--out", "next"]);
    bench.write("app.bin", &image(100));
    bench.pack(
        "app.bin",
        "app.ota",
        &["--revoke-boot-key", "0", "--revoke-boot-key", "5"],
    );
    let package = Package::load(&bench.path("app.ota")).unwrap();
    assert_eq!(package.manifest().unwrap().revoked_boot_keys, 0b10_0001);

    bench.ok(&["sign", "app.ota", "--key", "release.key"]);
    bench.ok(&["sign", "app.ota", "--key", "boot.key"]);
    let verify = [bench.verify("app.ota"), vec!["--boot", "next.pub"]].concat();
    bench.refused(&verify, "revoked");
    bench.ok(&["sign", "app.ota", "--key", "next.key"]);
    bench.ok(&verify);
}

#[test]
fn signing_again_replaces_and_a_fifth_signature_is_refused() {
    let bench = Bench::with_package();
    let once = bench.read("app.ota");
    assert!(
        bench
            .ok(&["sign", "app.ota", "--key", "boot.key"])
            .contains("signed again by boot key")
    );
    assert_eq!(bench.read("app.ota"), once);
    for name in ["third", "fourth", "fifth"] {
        bench.ok(&["keygen", "--role", "boot", "--alg", "p256", "--out", name]);
    }
    bench.ok(&["sign", "app.ota", "--key", "third.key"]);
    bench.ok(&["sign", "app.ota", "--key", "fourth.key"]);
    bench.refused(
        &["sign", "app.ota", "--key", "fifth.key"],
        "4 signatures already",
    );
    bench.ok(&["sign", "app.ota", "--key", "third.key"]);
    bench.ok(&bench.verify("app.ota"));
}

#[test]
fn the_release_keeps_its_name_whoever_signs() {
    let bench = Bench::with_keys();
    bench.write("app.bin", &image(100));
    bench.pack("app.bin", "app.ota", &[]);
    let name = |bench: &Bench| {
        Package::load(&bench.path("app.ota"))
            .unwrap()
            .release_id()
            .unwrap()
    };
    let before = name(&bench);
    bench.ok(&["sign", "app.ota", "--key", "release.key"]);
    assert_eq!(name(&bench), before);
}

#[test]
fn a_map_gives_the_load_address_and_refuses_what_does_not_fit() {
    let bench = Bench::new();
    let pack = |more: &[&str]| {
        let fixed = "pack app.bin -o app.ota --version 1 --counter 1 --vendor v --class c";
        fixed
            .split(' ')
            .chain(more.iter().copied())
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let args = |list: &[String]| {
        list.iter()
            .map(String::as_str)
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let run = |more: &[&str]| {
        let list = args(&pack(more));
        bench.run(&list.iter().map(String::as_str).collect::<Vec<_>>())
    };
    bench.write("app.bin", &image(512 * 1024));
    assert_eq!(run(&["--map", "rp2040"]).status, 0);
    let manifest = Package::load(&bench.path("app.ota"))
        .unwrap()
        .manifest()
        .unwrap();
    assert_eq!(manifest.load_address, 0x1002_0000);

    assert!(
        run(&["--map", "rp2040", "--chunk-size", "1024"])
            .stderr
            .contains("0x0407")
    );
    assert!(
        run(&["--map", "rp2040", "--chunk-size", "8192"])
            .stderr
            .contains("0x0408")
    );
    assert!(
        run(&["--map", "rp2040", "--load-address", "0x100A0000"])
            .stderr
            .contains("0x0405")
    );
    bench.write("app.bin", &image(512 * 1024 + 1));
    assert!(
        run(&["--map", "rp2040"])
            .stderr
            .contains("larger than the slot")
    );
}

//! Files that are no firmware: refused by the name of what they are, on every map, by every command.

use ota_cli::input::Kind;
use ota_cli::keys::PrivateKey;
use ota_cli::package::Package;
use ota_image::{Role, SignatureEntry, SoftwareCrypto, write_envelope};

use crate::bench::{Bench, firmware, image};
use crate::linker::hex;
use crate::shop::{OLD, Shop};

/// Where an image is to go: the maps, and no map.
const PLACES: [&str; 5] = [
    "--map rp2040",
    "--map stm32l476",
    "--map stm32l476-dual-bank",
    "--map esp32c3",
    "--load-address 0x10020000",
];

/// What people take for firmware, and what it is.
fn wrong_kinds() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let code = firmware(0x1002_0000, 5000);
    let bom = [b"\xEF\xBB\xBF\n<HTML>", "é".as_bytes()].concat();
    let latin = b"\r\n<!doctype HTML><p>\xE9\xE8</p>".to_vec();
    let mut windows = vec![0; 0x100];
    windows[..2].copy_from_slice(b"MZ");
    windows[0x3C] = 0x80;
    windows[0x80..0x84].copy_from_slice(b"PE\0\0");
    let after = |magic: &[u8]| [magic, &image(200)].concat();
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("app.hex", hex(&[(0x1002_0000, &code)]), "an Intel HEX file"),
        ("app.uf2", after(b"UF2\nWQ]\x9E"), "a UF2 file"),
        (
            "404.bin",
            text("<!DOCTYPE html><html></html>"),
            "a web page",
        ),
        ("bom.bin", bom, "a web page"),
        ("latin.bin", latin, "a web page"),
        ("text.bin", text("No such release\n"), "a text file"),
        ("json.bin", text("{\"error\": 404}"), "a text file"),
        (
            "lfs.bin",
            text("version https://git-lfs.github.com/spec/v1\n"),
            "a Git LFS pointer",
        ),
        (
            "app.srec",
            text("S00F000068656C6C6F202020202000003C\n"),
            "Motorola S-records",
        ),
        ("erased.bin", vec![0xFF; 4096], "erased flash"),
        ("zeros.bin", vec![0; 4096], "nothing but zeros"),
        ("zero.bin", vec![0], "nothing but zeros"),
        ("old.ota", after(&ota_image::MAGIC), "an .ota package"),
        ("app.dfu", after(b"DfuSe"), "a DfuSe file"),
        ("app.zip", after(b"PK\x03\x04"), "a zip archive"),
        ("app.gz", after(b"\x1F\x8B\x08"), "a gzip archive"),
        ("app.xz", after(b"\xFD7zXZ\0"), "an xz archive"),
        ("app.zst", after(b"(\xB5/\xFD"), "a zstd archive"),
        ("app.bz2", after(b"BZh9"), "a bzip2 archive"),
        ("libapp.a", after(b"!<arch>\n"), "a static library"),
        ("app.exe", windows, "a program for Windows"),
        ("app", after(b"\xCF\xFA\xED\xFE"), "a program for macOS"),
        ("app.pdf", after(b"%PDF-"), "a PDF document"),
        ("app.png", after(b"\x89PNG"), "a picture"),
    ]
}

fn pack<'a>(file: &'a str, place: &'a str) -> Vec<&'a str> {
    let fixed = "-o app.ota --version 1 --counter 1 --vendor v --class c";
    let start = ["pack", file].into_iter();
    start
        .chain(place.split(' '))
        .chain(fixed.split(' '))
        .collect()
}

#[test]
fn wrong_kinds_are_not_packed_for_any_map() {
    let bench = Bench::new();
    for (file, bytes, name) in wrong_kinds() {
        bench.write(file, &bytes);
        for place in PLACES {
            let said = bench.refused(&pack(file, place), &format!("{file}: this is "));
            assert!(said.contains(name), "{file} {place}: {said}");
        }
    }
    assert!(!bench.files().contains(&"app.ota".into()));
}

#[test]
fn wrong_kinds_are_no_bootloader_either() {
    let bench = Bench::with_package();
    for (file, bytes, name) in wrong_kinds() {
        bench.write(file, &bytes);
        let line = "image --map rp2040 --app app.ota -o x.bin --bootloader";
        let args: Vec<_> = line.split(' ').chain([file]).collect();
        let said = bench.refused(&args, &format!("{file}: this is "));
        assert!(said.contains(name), "{file}: {said}");
    }
    assert!(!bench.files().contains(&"x.bin".into()));
}

/// Signs whatever it is: the tool refuses to.
fn sign(package: &Package, keys: &[PrivateKey]) -> Vec<u8> {
    let entry = |key: &PrivateKey| {
        let public = key.public().unwrap().key;
        let message = package.message(key.role(), public.algorithm()).unwrap();
        SignatureEntry {
            role: key.role() as u8,
            algorithm: public.algorithm() as u8,
            key_id: public.key_id(&mut SoftwareCrypto),
            signature: key.sign(&message).unwrap(),
        }
    };
    let entries: Vec<_> = keys.iter().map(entry).collect();
    let body = package.envelope().unwrap();
    let envelope = write_envelope(body.body(), &entries).unwrap();
    [&envelope, &package.as_bytes()[1024..]].concat()
}

#[test]
fn wrong_kinds_are_neither_signed_nor_called_good_nor_flashed() {
    let shop = Shop::new();
    let bench = &shop.bench;
    let keys =
        ["release.key", "boot.key"].map(|name| PrivateKey::load(&bench.path(name), None).unwrap());
    for (file, bytes, name) in wrong_kinds() {
        let package = Package::build(&shop.recipe(OLD, 100), &bytes).unwrap();
        package.save(&bench.path("unsigned.ota")).unwrap();
        bench.write("signed.ota", &sign(&package, &keys));
        let flash = "image --map rp2040 --app signed.ota -o x.bin";
        for args in [
            bench.verify("signed.ota"),
            vec!["sign", "unsigned.ota", "--key", "boot.key"],
            flash.split(' ').collect(),
        ] {
            let said = bench.refused(&args, "the payload is ");
            assert!(said.contains(name), "{file} {args:?}: {said}");
        }
        assert_eq!(bench.read("unsigned.ota"), package.as_bytes());
    }
    // And what is signed by this test is what the tool would have signed.
    let package = Package::build(&shop.recipe(OLD, 100), &image(5000)).unwrap();
    bench.write("signed.ota", &sign(&package, &keys));
    bench.ok(&bench.verify("signed.ota"));
    assert_eq!(keys.map(|key| key.role()), [Role::Release, Role::Boot]);
}

#[test]
fn an_image_in_a_chips_own_format_is_for_that_chip_and_no_other() {
    let bench = Bench::new();
    let esp = std::fs::read(crate::bench::here("tests/vectors/esp32c3/app.bin")).unwrap();
    bench.write("esp.bin", &esp);
    bench.write("arm.bin", &firmware(0x1002_0000, 5000));
    for map in ["rp2040", "stm32l476", "stm32l476-dual-bank"] {
        bench.refused(&pack("esp.bin", &format!("--map {map}")), "for an ESP32-C3");
    }
    bench.ok(&pack("esp.bin", "--map esp32c3"));
    bench.refused(&pack("arm.bin", "--map esp32c3"), "(code 0x4001)");
}

#[test]
fn firmware_is_not_taken_for_anything_else() {
    // Words that no kind begins with, at every length.
    for length in 2..600 {
        assert_eq!(Kind::of(&image(length)), Kind::Flat, "{length}");
        assert_eq!(Kind::of(&firmware(0x1002_0000, length.max(8))), Kind::Flat);
    }
    // Text within firmware, in front too.
    let text = [b"<h1>Setup</h1>", image(100).as_slice()].concat();
    assert_eq!(Kind::of(&text), Kind::Flat);
    let mostly_blank = [vec![0xFF; 4095], vec![0xFE]].concat();
    assert_eq!(Kind::of(&mostly_blank), Kind::Flat);
    let without_pe = [b"MZ".as_slice(), &image(100)].concat();
    assert_eq!(Kind::of(&without_pe), Kind::Flat);
}

#[test]
fn a_format_that_is_asked_for_must_be_the_files() {
    let bench = Bench::new();
    let code = firmware(0x1002_0000, 500);
    let segments = [crate::linker::load(0x1002_0000, &code)];
    for (file, bytes) in [
        ("bin", code.clone()),
        ("elf", crate::linker::elf(&segments)),
        ("hex", hex(&[(0x1002_0000, &code)])),
    ] {
        bench.write(file, &bytes);
        for format in ["bin", "elf", "hex"] {
            let place = format!("--map rp2040 --format {format}");
            if file == format {
                bench.ok(&pack(file, &place));
                let package = Package::load(&bench.path("app.ota")).unwrap();
                assert_eq!(package.payload().unwrap(), code, "{file}");
            } else {
                bench.refused(&pack(file, &place), "this is a");
            }
        }
    }
}

//! Images in the ESP32-C3's own format, compared with what the vendor's tool makes.

use ota_cli::esp32c3::{check, image};
use ota_cli::package::Package;
use ota_cli::refusal::Refusal;
use ota_esp32c3::image::Image;
use ota_esp32c3::memory::Loader;

use crate::bench::{Bench, here};

const FLASH: u32 = 4 << 20;

fn vector(name: &str) -> Vec<u8> {
    std::fs::read(here("tests/vectors/esp32c3").join(name)).unwrap()
}

#[test]
fn an_elf_becomes_what_the_vendors_tool_makes_of_it() {
    for (elf, bin, loader) in [
        ("app.elf", "app.bin", Loader::SecondStage),
        ("boot.elf", "boot.bin", Loader::MaskRom),
    ] {
        let made = image(&vector(elf), loader, FLASH).unwrap();
        assert!(made == vector(bin), "{elf}");
        check(&made, loader).unwrap();
    }
}

#[test]
fn every_byte_is_loaded_where_it_runs() {
    let bin = image(&vector("app.elf"), Loader::SecondStage, FLASH).unwrap();
    let parsed = Image::parse(&bin, Loader::SecondStage).unwrap();
    assert_eq!(parsed.entry(), 0x4201_0030);
    let at = |address: u32| {
        let mut segments = parsed.segments();
        segments.find_map(|s| {
            s.bytes
                .get(address.checked_sub(s.address)? as usize)
                .copied()
        })
    };
    // The first word of each of the ELF's segments, by the numbers that filled them.
    for (address, number) in [
        (0x4038_0000, 2),
        (0x3FC8_1000, 3),
        (0x4201_0020, 4),
        (0x5000_0000, 5),
    ] {
        let word = 0x9E37_79B9_u32.wrapping_mul(number).to_le_bytes();
        for (byte, expected) in (address..).zip(word) {
            assert_eq!(at(byte), Some(expected), "{byte:#x}");
        }
    }
    assert_eq!(at(0x3FC8_1063), Some(0), "filled up to a word");
}

#[test]
fn a_release_and_a_factory_image_hold_what_the_loaders_take() {
    let bench = Bench::with_keys();
    for elf in ["app.elf", "boot.elf"] {
        bench.write(elf, &vector(elf));
    }
    let line = "pack app.elf -o app.ota --map esp32c3 --version 1 --counter 1 --vendor v --class c";
    bench.ok(&line.split(' ').collect::<Vec<_>>());
    let package = Package::load(&bench.path("app.ota")).unwrap();
    assert!(package.payload().unwrap() == vector("app.bin"));
    assert_eq!(package.manifest().unwrap().load_address, 0x4200_0000);
    let line = "image --map esp32c3 --app app.ota --bootloader boot.elf -o flash.bin";
    bench.ok(&line.split(' ').collect::<Vec<_>>());
    let flash = bench.read("flash.bin");
    let (boot, app) = (vector("boot.bin"), vector("app.bin"));
    assert!(flash[..boot.len()] == boot);
    assert!(flash[0x2_0000..0x2_0000 + app.len()] == app);
}

#[test]
fn images_made_elsewhere_are_checked() {
    let bench = Bench::new();
    let pack = |bytes: &[u8], reason: &str| {
        bench.write("app.bin", bytes);
        let line =
            "pack app.bin -o app.ota --map esp32c3 --version 1 --counter 1 --vendor v --class c";
        let line: Vec<_> = line.split(' ').collect();
        if reason.is_empty() {
            bench.ok(&line);
        } else {
            bench.refused(&line, reason);
        }
    };
    let good = vector("app.bin");
    pack(&good, "");
    pack(&vector("boot.bin"), "(code 0x4008)");
    pack(&good[..good.len() - 1], "(code 0x4004)");
    for (at, code) in [
        (0x100, "(code 0x400d)"),
        (good.len() - 1, "(code 0x400e)"),
        (12, "(code 0x4002)"),
    ] {
        let mut bytes = good.clone();
        bytes[at] ^= 4;
        pack(&bytes, code);
    }
}

/// One byte of the ELF's header or program headers changed.
fn changed(name: &str, at: usize, byte: u8) -> Result<Vec<u8>, String> {
    let mut elf = vector(name);
    elf[at] = byte;
    image(&elf, Loader::SecondStage, FLASH).map_err(|error| {
        let code = Refusal::of(&error).map(Refusal::code);
        format!("{error:#} {code:04x?}")
    })
}

#[test]
fn elfs_that_make_no_image_are_refused() {
    let refused = |elf: Result<Vec<u8>, String>, reason: &str| {
        let error = elf.unwrap_err();
        assert!(error.contains(reason), "{error}");
    };
    refused(changed("app.elf", 18, 40), "another processor");
    refused(changed("app.elf", 24, 0x11), "entry point");
    // The second segment's address, 0x3FC8_1000, becomes 0x3FCF_1000: no memory.
    refused(changed("app.elf", 52 + 32 + 10, 0xCF), "4007");
    // The first one's, 0x4038_0000, becomes 0x403D_0000: the second stage's.
    refused(changed("app.elf", 52 + 10, 0x3D), "4008");
    let size = |megabytes: u32| image(&vector("app.elf"), Loader::SecondStage, megabytes << 20);
    assert!(size(3).is_err() && size(32).is_err());
    assert_eq!(size(16).unwrap()[3], 0x40);
    let boot = image(&vector("app.elf"), Loader::MaskRom, FLASH).unwrap_err();
    assert_eq!(Refusal::of(&boot).map(Refusal::code), Some(0x4007));
}

#[test]
fn damaged_elfs_are_errors_never_panics() {
    let whole = vector("app.elf");
    for at in 4..52 + 5 * 32 {
        for bit in 0..8 {
            let mut elf = whole.clone();
            elf[at] ^= 1 << bit;
            if let Ok(bytes) = image(&elf, Loader::SecondStage, FLASH) {
                check(&bytes, Loader::SecondStage).unwrap();
            }
        }
    }
}

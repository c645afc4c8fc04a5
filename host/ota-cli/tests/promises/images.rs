//! Factory images, read back by other people's readers.

use std::collections::BTreeMap;

use ota_cli::map::Map;

use crate::bench::{Bench, firmware_for, image};

const BASE: u32 = 0x1000_0000;
const BOOTLOADER: usize = 0;
const JOURNAL: std::ops::Range<usize> = 0x1_0000..0x1_2000;
const BANK0: usize = 0x1_2000;
const BANK1: std::ops::Range<usize> = 0x1_6000..0x1_A000;
const SLOT0: usize = 0x2_0000;
const FLASH: usize = 0x20_0000;

fn bench() -> Bench {
    let bench = Bench::with_package();
    bench.write("boot.bin", &image(5000));
    bench
}

fn make(bench: &Bench, out: &str) -> Vec<u8> {
    bench.ok(&[
        "image",
        "--map",
        "rp2040",
        "--app",
        "app.ota",
        "--bootloader",
        "boot.bin",
        "-o",
        out,
    ]);
    bench.read(out)
}

#[test]
fn a_bin_is_the_whole_flash() {
    let bench = bench();
    let flash = make(&bench, "flash.bin");
    let package = bench.read("app.ota");
    let bank = 1024 + 3 * 32;
    let mut expected = vec![0xFF; FLASH];
    expected[BOOTLOADER..5000].copy_from_slice(&image(5000));
    expected[BANK0..BANK0 + bank].copy_from_slice(&package[..bank]);
    expected[SLOT0..SLOT0 + 10_000].copy_from_slice(&image(10_000));
    assert!(flash == expected, "not what the map says");
}

#[test]
fn a_hex_holds_what_was_written_and_nothing_else() {
    let bench = bench();
    let flash = make(&bench, "flash.bin");
    let text = String::from_utf8(make(&bench, "flash.hex")).unwrap();
    let mut upper = 0;
    let mut read = BTreeMap::new();
    for record in ihex::Reader::new(&text) {
        match record.unwrap() {
            ihex::Record::ExtendedLinearAddress(half) => upper = u32::from(half) << 16,
            ihex::Record::Data { offset, value } => {
                for (address, byte) in (upper + u32::from(offset)..).zip(value) {
                    assert_eq!(read.insert(address, byte), None, "{address:#x} twice");
                }
            }
            ihex::Record::EndOfFile => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(read.len(), 5000 + 1024 + 3 * 32 + 10_000);
    for (address, byte) in read {
        assert_eq!(flash[(address - BASE) as usize], byte, "{address:#x}");
    }
}

/// Address and payload of each block, after checking that it is one.
fn blocks(file: &[u8]) -> Vec<(u32, &[u8])> {
    let (blocks, rest) = file.as_chunks::<512>();
    assert!(rest.is_empty());
    let word =
        |block: &[u8; 512], at: usize| u32::from_le_bytes(block[at..at + 4].try_into().unwrap());
    let read = |(number, block): (usize, &'static [u8; 512])| {
        let header: Vec<u32> = (0..8).map(|i| word(block, 4 * i)).collect();
        let (number, total) = (
            u32::try_from(number).unwrap(),
            u32::try_from(blocks.len()).unwrap(),
        );
        let expected = [
            0x0A32_4655,
            0x9E5D_5157,
            0x2000,
            header[3],
            256,
            number,
            total,
            0xE48B_FF56,
        ];
        assert_eq!(header, expected);
        assert_eq!(word(block, 508), 0x0AB1_6F30);
        (header[3], &block[32..288])
    };
    let blocks: &'static [[u8; 512]] = Box::leak(blocks.to_vec().into_boxed_slice());
    blocks.iter().enumerate().map(read).collect()
}

#[test]
fn a_uf2_holds_whole_erase_units_and_blanks_what_would_be_believed() {
    let bench = bench();
    let flash = make(&bench, "flash.bin");
    let file = make(&bench, "flash.uf2");
    let blocks = blocks(&file);
    for (address, payload) in &blocks {
        let offset = (address - BASE) as usize;
        assert_eq!(*payload, &flash[offset..offset + 256], "{address:#x}");
    }
    // RP2040's ROM erases at every 16th block number: blocks come in whole, aligned units.
    for unit in blocks.chunks(16) {
        assert_eq!((unit.len(), unit[0].0 % 4096), (16, 0));
        assert!(unit.windows(2).all(|pair| pair[1].0 == pair[0].0 + 256));
    }
    let offsets: Vec<usize> = blocks.iter().map(|(at, _)| (at - BASE) as usize).collect();
    let holds = |range: std::ops::Range<usize>| range.step_by(256).all(|at| offsets.contains(&at));
    assert!(holds(BOOTLOADER..5000) && holds(BANK0..BANK0 + 1120) && holds(SLOT0..SLOT0 + 10_000));
    assert!(
        holds(JOURNAL) && holds(BANK1),
        "an old journal or manifest would survive"
    );
    // 2 units of bootloader, 2 of journal, 1 of bank 0, 4 of bank 1, 3 of slot 0.
    assert_eq!(blocks.len(), 12 * 16);
}

#[test]
fn another_reader_of_uf2_sees_the_same() {
    let bench = bench();
    let flash = make(&bench, "flash.bin");
    let (read, families) = uf2_decode::convert_from_uf2(&make(&bench, "flash.uf2")).unwrap();
    assert_eq!(
        families.into_iter().collect::<Vec<_>>(),
        [(0xE48B_FF56, u64::from(BASE))]
    );
    // It fills gaps with zeros, so only what was written can be compared.
    for range in [BOOTLOADER..5000, BANK0..BANK0 + 1120, SLOT0..SLOT0 + 10_000] {
        assert!(read[range.clone()] == flash[range]);
    }
}

#[test]
fn every_built_in_map_makes_an_image() {
    let bench = Bench::new();
    for name in ["rp2040", "stm32l476", "stm32l476-dual-bank", "esp32c3"] {
        let map = Map::load(name.as_ref()).unwrap();
        let app = firmware_for(&map, 70_000);
        bench.write("app.bin", &app);
        let line = format!(
            "pack app.bin -o app.ota --map {name} --version 1 --counter 1 --vendor v --class c"
        );
        bench.ok(&line.split(' ').collect::<Vec<_>>());
        for out in ["x.bin", "x.hex"] {
            bench.ok(&["image", "--map", name, "--app", "app.ota", "-o", out]);
        }
        let slot = map.regions.slot0.offset as usize;
        assert!(bench.read("x.bin")[slot..].starts_with(&app), "{name}");
    }
    let uf2 = [
        "image",
        "--map",
        "stm32l476",
        "--app",
        "app.ota",
        "-o",
        "x.uf2",
    ];
    bench.refused(&uf2, "linked for another address");
}

#[test]
fn a_full_slot_fits_and_a_byte_more_does_not() {
    let bench = bench();
    for (length, status) in [(0x8_0000 - 1, 0), (0x8_0000, 0), (0x8_0000 + 1, 1)] {
        bench.write("app.bin", &image(length));
        bench.pack("app.bin", "app.ota", &[]);
        let outcome = bench.run(&[
            "image", "--map", "rp2040", "--app", "app.ota", "-o", "x.bin",
        ]);
        assert_eq!(outcome.status, status, "{length}: {}", outcome.stderr);
    }
}

#[test]
fn what_does_not_belong_on_the_chip_is_refused() {
    let bench = bench();
    let image_for = |map: &str, bootloader: &str, out: &str, reason: &str| {
        bench.refused(
            &[
                "image",
                "--map",
                map,
                "--app",
                "app.ota",
                "--bootloader",
                bootloader,
                "-o",
                out,
            ],
            reason,
        );
    };
    image_for(
        "stm32l476",
        "boot.bin",
        "x.bin",
        "linked for another address",
    );
    image_for(
        "rp2350",
        "boot.bin",
        "x.bin",
        "rp2350 is no built-in map (rp2040, stm32l476, stm32l476-dual-bank, esp32c3)",
    );
    image_for("rp2040", "missing.bin", "x.bin", "cannot read missing.bin");
    image_for("rp2040", "boot.bin", "x.img", ".bin, .uf2 or .hex");
    bench.write("large.bin", &image(0x1_0001));
    image_for(
        "rp2040",
        "large.bin",
        "x.bin",
        "large.bin (65537 bytes) does not fit",
    );

    let map = std::fs::read_to_string(crate::bench::here("maps/rp2040.toml")).unwrap();
    bench.write(
        "overlap.toml",
        map.replace("offset = 0x01_6000", "offset = 0x01_5000")
            .as_bytes(),
    );
    image_for(
        "overlap.toml",
        "boot.bin",
        "x.bin",
        "overlap.toml: bank0 (0x12000..0x16000) overlaps bank1",
    );
    bench.write(
        "unaligned.toml",
        map.replace("0x01_6000", "0x01_6010").as_bytes(),
    );
    image_for(
        "unaligned.toml",
        "boot.bin",
        "x.bin",
        "bank1 (0x16010..0x1a010) is not aligned",
    );
    bench.write("broken.toml", b"name = \n");
    image_for("broken.toml", "boot.bin", "x.bin", "broken.toml: line 1: ");
    bench.write(
        "no-family.toml",
        map.replace("[uf2]\nfamily = 0xE48B_FF56", "").as_bytes(),
    );
    image_for("no-family.toml", "boot.bin", "x.uf2", "no [uf2] family");
    assert!(!bench.files().iter().any(|name| name.starts_with("x.")));
}

#[test]
fn an_image_for_the_second_of_two_slots_is_a_release_but_not_the_factorys() {
    let bench = Bench::new();
    bench.write("app.bin", &image(1000));
    let map = std::fs::read_to_string(crate::bench::here("maps/rp2040.toml")).unwrap();
    bench.write("ab.toml", map.replace("\"swap\"", "\"ab\"").as_bytes());
    let pack = |address: &str| {
        let line = format!(
            "pack app.bin -o app.ota --map ab.toml --version 1 --counter 1 --vendor v --class c \
             --load-address {address}"
        );
        bench.run(&line.split(' ').collect::<Vec<_>>())
    };
    let make = [
        "image", "--map", "ab.toml", "--app", "app.ota", "-o", "x.bin",
    ];
    assert_eq!(pack("0x10020000").status, 0);
    bench.ok(&make);
    assert_eq!(pack("0x100A0000").status, 0);
    bench.refused(&make, "linked for another address");
    assert!(
        pack("0x10030000")
            .stderr
            .contains("linked for another address")
    );
}

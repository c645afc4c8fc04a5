//! Images that are not where the bootloader jumps to, and how to take only what is.

use ota_cli::package::Package;

use crate::bench::{Bench, Outcome, firmware, image};
use crate::linker::{ARM, elf, elf_for, hex, load};

/// Where slot 0 of these maps begins.
const SLOTS: [(&str, u32); 3] = [
    ("rp2040", 0x1002_0000),
    ("stm32l476", 0x0802_0000),
    ("stm32l476-dual-bank", 0x0801_0000),
];

struct Desk(Bench);

impl Desk {
    fn new() -> Self {
        Self(Bench::new())
    }

    fn args<'a>(file: &'a str, map: &'a str, more: &'a str) -> Vec<&'a str> {
        let fixed = "-o app.ota --version 1 --counter 1 --vendor v --class c";
        let mut args = vec!["pack", file];
        if !map.is_empty() {
            args.extend(["--map", map]);
        }
        args.extend(fixed.split(' ').chain(more.split_whitespace()));
        args
    }

    fn run(&self, bytes: &[u8], map: &str, more: &str) -> Outcome {
        self.0.write("app", bytes);
        self.0.run(&Self::args("app", map, more))
    }

    /// What was packed, without a word about it or with these.
    #[track_caller]
    fn packed(&self, bytes: &[u8], map: &str, more: &str, remarks: &[&str]) -> Vec<u8> {
        self.0.write("app", bytes);
        self.0.warned(&Self::args("app", map, more), remarks);
        let package = Package::load(&self.0.path("app.ota")).unwrap();
        std::fs::remove_file(self.0.path("app.ota")).unwrap();
        package.payload().unwrap().to_vec()
    }

    #[track_caller]
    fn refused(&self, bytes: &[u8], map: &str, more: &str, reasons: &[&str]) {
        self.0.write("app", bytes);
        let said = self.0.refused(&Self::args("app", map, more), "app: ");
        for reason in reasons {
            assert!(said.contains(reason), "{reason}: {said}");
        }
        for misleading in ["make it smaller", "chunk-size"] {
            assert!(!said.contains(misleading), "{said}");
        }
        assert!(!self.0.files().contains(&"app.ota".into()));
    }
}

#[test]
fn an_elf_must_begin_where_the_slot_does() {
    let desk = Desk::new();
    for (map, slot) in SLOTS {
        let code = firmware(slot, 5000);
        assert_eq!(desk.packed(&elf(&[load(slot, &code)]), map, "", &[]), code);
        for wrong in [slot + 4, slot + 0x100, slot + 0x1000, slot + 0x4_0000] {
            let begins = format!("begins at {wrong:#010x}");
            let slot = format!("{slot:#010x}");
            desk.refused(&elf(&[load(wrong, &code)]), map, "", &[&begins, &slot]);
        }
    }
}

#[test]
fn an_elf_for_another_place_is_refused_with_both_addresses() {
    let desk = Desk::new();
    for (map, slot, linked, place) in [
        ("rp2040", "0x10020000", 0x100A_0000, "slot1"),
        ("rp2040", "0x10020000", 0x1000_0100, "bootloader"),
        ("rp2040", "0x10020000", 0x1001_0000, "journal"),
        ("rp2040", "0x10020000", 0x0802_0000, "outside of the flash"),
        ("stm32l476", "0x08020000", 0x0808_E000, "slot1"),
        ("stm32l476", "0x08020000", 0x0800_0000, "bootloader"),
        (
            "stm32l476",
            "0x08020000",
            0x1002_0000,
            "outside of the flash",
        ),
        ("stm32l476-dual-bank", "0x08010000", 0x0809_0000, "slot1"),
    ] {
        let elf = elf(&[load(linked, &firmware(linked, 3000))]);
        let linked = format!("linked for {linked:#010x} ({place})");
        desk.refused(&elf, map, "", &[&linked, slot]);
    }
}

#[test]
fn the_second_of_two_slots_has_images_of_its_own() {
    let desk = Desk::new();
    let map = std::fs::read_to_string(crate::bench::here("maps/rp2040.toml")).unwrap();
    let map = map.replace("\"swap\"", "\"ab\"");
    desk.0.write("ab.toml", map.as_bytes());
    let second = firmware(0x100A_0000, 3000);
    let file = elf(&[load(0x100A_0000, &second)]);
    desk.refused(&file, "ab.toml", "", &["(slot1)", "0x10020000"]);
    assert_eq!(
        desk.packed(&file, "ab.toml", "--load-address 0x100A0000", &[]),
        second
    );
}

#[test]
fn what_is_not_for_the_slot_is_left_out_if_it_is_little_and_said() {
    let desk = Desk::new();
    let words = image(16);
    for (map, slot, other, size) in [
        ("rp2040", 0x1002_0000, 0x1000_0000, 256), // a second stage
        ("rp2040", 0x1002_0000, 0x1001_F000, 0x134), // ELF headers, in the settings' region
        ("rp2040", 0x1002_0000, 0x1002_0000 + (16 << 20), 64), // settings beyond the flash
        ("stm32l476", 0x0802_0000, 0x1FFF_7800, 16), // option bytes
        ("stm32l476", 0x0802_0000, 0x1FFF_7000, 4096), // one-time-programmable bytes
        ("stm32l476-dual-bank", 0x0801_0000, 0x1FFF_F800, 16),
    ] {
        let (code, other_bytes) = (firmware(slot, 3000), image(size));
        let both = [load(slot, &code), load(other, &other_bytes)];
        let said = format!("left out: {size} bytes for {other:#010x}..");
        assert_eq!(
            desk.packed(&elf(&both), map, "", &[&said]),
            code,
            "{other:#x}"
        );
    }
    // Two of them.
    let code = firmware(0x0802_0000, 3000);
    let three = [
        load(0x0802_0000, &code),
        load(0x1FFF_7800, &words),
        load(0x1FFF_F800, &words),
    ];
    let said = ["0x1fff7800..0x1fff7810", "0x1ffff800..0x1ffff810"];
    assert_eq!(desk.packed(&elf(&three), "stm32l476", "", &said), code);
}

#[test]
fn what_a_release_would_miss_is_not_left_out_silently() {
    let desk = Desk::new();
    let many = image(4097);
    let few = image(16);
    for (other, bytes, reason) in [
        (0x1FFF_0000, &many, "4097 bytes are not for slot 0"),
        (0x1000_0000, &many, "4097 bytes are not for slot 0"),
        (0x1001_0000, &few, "in journal"),
        (0x1001_2000, &few, "in bank0"),
        (0x1001_6000, &few, "in bank1"),
        (0x100A_0000, &few, "in slot1"),
        (0x1012_2000, &few, "in no region of the flash"),
        (0x2000_0000, &few, "> RAM AT > FLASH"),
        (0x1001_FFF8, &few, "begins before slot 0"),
        (0x1009_FFF8, &few, "8 bytes past the end of slot 0"),
    ] {
        let code = firmware(0x1002_0000, 3000);
        let both = elf(&[load(0x1002_0010, &code[16..]), load(other, bytes)]);
        let whole = elf(&[load(0x1002_0000, &code), load(other, bytes)]);
        let part = format!("{other:#010x}..{:#010x}", other as usize + bytes.len());
        let file = if other == 0x1001_FFF8 { both } else { whole };
        let found = desk.run(&file, "rp2040", "");
        assert_eq!(found.status, 1, "{part}");
        let said = found.stderr;
        assert!(said.contains(reason) && said.contains(&part), "{said}");
    }
}

#[test]
fn only_and_skip_choose_by_region_and_by_address() {
    let desk = Desk::new();
    let (code, rest) = (firmware(0x1002_0000, 3000), image(5000));
    let boot = image(3000);
    let segments: [(u32, &[u8]); 3] = [
        (0x1000_0000, &boot),
        (0x1002_0000, &code),
        (0x1010_0000, &rest),
    ];
    let loads: Vec<_> = segments
        .iter()
        .map(|(at, bytes)| load(*at, bytes))
        .collect();
    let file = elf_for(ARM, 0x1002_0009, &loads);
    let hex = hex(&segments);
    desk.refused(
        &file,
        "rp2040",
        "",
        &["in slot1", "--skip 0x10100000..0x10101388"],
    );
    for (map, more, left) in [
        ("rp2040", "--only slot0", "0x10000000.. 0x10100000.."),
        ("rp2040", "--skip slot1", "0x10000000.."),
        (
            "rp2040",
            "--skip slot1 --skip bootloader",
            "0x10000000.. 0x10100000..",
        ),
        (
            "rp2040",
            "--only 0x1002_0000..0x1003_0000",
            "0x10000000.. 0x10100000..",
        ),
        (
            "",
            "--only 0x10020000..0x10030000",
            "0x10000000.. 0x10100000..",
        ),
        (
            "",
            "--skip 0..0x10020000 --skip 0x10030000..0x1_0000_0000",
            "0x10000000.. 0x10100000..",
        ),
    ] {
        let mut remarks: Vec<_> = left.split(' ').collect();
        if more == "--skip slot1" {
            // Asked for, then left out besides.
            remarks = vec!["0x10100000..", "0x10000000.."];
        }
        assert_eq!(desk.packed(&file, map, more, &remarks), code, "{more}");
        let more = format!("{more} --format hex");
        assert_eq!(desk.packed(&hex, map, &more, &remarks), code, "{more}");
    }
}

#[test]
fn only_and_skip_cut_what_reaches_over_their_ends() {
    let desk = Desk::new();
    let code = firmware(0x1002_0000, 3000);
    // A segment that begins with the ELF's headers, a page before the slot.
    let page = [image(0x1000), code.clone()].concat();
    let file = elf_for(ARM, 0x1002_0009, &[load(0x1001_F000, &page)]);
    desk.refused(
        &file,
        "rp2040",
        "",
        &["begins before slot 0", "--only 0x10020000..0x100a0000"],
    );
    let said = ["4096 bytes for 0x1001f000..0x10020000"];
    for more in [
        "--only slot0",
        "--skip settings",
        "--only 0x10020000..0x100a0000",
    ] {
        assert_eq!(desk.packed(&file, "rp2040", more, &said), code, "{more}");
    }
    let said = ["1000 bytes for 0x100207d0..0x10020bb8"];
    let whole = elf(&[load(0x1002_0000, &code)]);
    let cut = desk.packed(&whole, "rp2040", "--skip 0x100207d0..0x10030000", &said);
    assert_eq!(cut, code[..2000]);
}

#[test]
fn choices_that_mean_nothing_are_refused() {
    let desk = Desk::new();
    let code = firmware(0x1002_0000, 3000);
    let file = elf(&[load(0x1002_0000, &code)]);
    desk.refused(
        &file,
        "rp2040",
        "--only slot1",
        &["leave nothing", "0x10020000..0x10020bb8"],
    );
    desk.refused(
        &file,
        "rp2040",
        "--skip slot2",
        &["slot2 is no region of rp2040 (bootloader, "],
    );
    desk.refused(&file, "", "--skip slot1", &["give --map"]);
    desk.refused(&code, "rp2040", "--skip slot1", &["are for ELF and HEX"]);
    for area in [
        "0x2000..0x1000",
        "0x1000..0x1000",
        "..",
        "0..0x2_0000_0000",
        "0x1000",
        "1..x",
    ] {
        let found = desk.run(&file, "rp2040", &format!("--only {area}"));
        assert_eq!(found.status, 2, "{area}: {}", found.stderr);
    }
}

#[test]
fn a_gap_is_named_as_what_it_is() {
    let desk = Desk::new();
    let code = firmware(0x8000, 5000);
    let settings = image(64);
    let file = elf(&[load(0x8000, &code), load(0x0100_A300, &settings)]);
    desk.refused(
        &file,
        "",
        "",
        &["0x0100a300..0x0100a340", "16 MiB apart", "--skip"],
    );
    desk.refused(&file, "", "--load-address 0x8000", &["16 MiB apart"]);
    let said = ["left out: 64 bytes for 0x0100a300"];
    assert_eq!(
        desk.packed(&file, "", "--skip 0x100_0000..0x200_0000", &said),
        code
    );
    // With a map that has the gap in its slot, or when it is asked for, it is filled.
    let end = [load(0x0802_0000, b""), load(0x0808_0000, &settings)];
    let code = firmware(0x0802_0000, 5000);
    let file = elf(&[load(0x0802_0000, &code), end.into_iter().nth(1).unwrap()]);
    assert_eq!(desk.packed(&file, "stm32l476", "", &[]).len(), 0x6_0040);
}

/// Stack pointers and reset vectors, for an image of 3000 bytes at this address.
fn wrong_tables(slot: u32) -> Vec<(u32, u32, &'static str)> {
    vec![
        (0, slot + 9, "no stack in RAM"),
        (0xFFFF_FFFF, slot + 9, "no stack in RAM"),
        (0x2000_1002, slot + 9, "no stack in RAM"), // not a whole word
        (0x2000_0000, slot + 9, "no stack in RAM"), // nothing below it
        (slot + 0x100, slot + 9, "no stack in RAM"),
        (0x4000_0000, slot + 9, "no stack in RAM"), // more than the chip has
        (0x2000_1000, slot + 8, "without the Thumb bit"),
        (0x2000_1000, slot - 0x1000 + 1, "not in the image"),
        (0x2000_1000, slot + 3001, "not in the image"),
        (0x2000_1000, 0x100A_0009, "not in the image"), // slot 1 of an RP2040
        (0x2000_1000, 0xFFFF_FFFF, "not in the image"),
    ]
}

#[test]
fn an_image_must_begin_with_a_vector_table_that_can_be() {
    let desk = Desk::new();
    for (map, slot) in SLOTS {
        let with = |stack: u32, reset: u32| {
            let mut code = firmware(slot, 3000);
            code[..8].copy_from_slice(&[stack, reset].map(u32::to_le_bytes).concat());
            code
        };
        for (stack, reset, reason) in wrong_tables(slot) {
            let code = with(stack, reset);
            let file = elf_for(ARM, slot + 9, &[load(slot, &code)]);
            desk.refused(&file, map, "", &["no vector table", reason]);
            desk.refused(&hex(&[(slot, &code)]), map, "--format hex", &[reason]);
            // Whoever made a flat image may know better, or have made it of noise for a test.
            let said = ["does not look like an image"];
            assert_eq!(desk.packed(&code, map, "", &said), code);
            // An ELF that was made of a flat image says no more than that.
            let file = elf_for(ARM, 0, &[load(slot, &code)]);
            assert_eq!(desk.packed(&file, map, "", &["no vector table"]), code);
        }
        let good = with(0x2000_1000, slot + 2999);
        assert_eq!(desk.packed(&good, map, "", &[]), good);
    }
}

#[test]
fn the_stack_may_be_in_any_ram_of_the_chip() {
    let desk = Desk::new();
    for (map, slot, stack, good) in [
        ("rp2040", 0x1002_0000, 0x2004_2000, true),
        ("rp2040", 0x1002_0000, 0x2004_2004, false),
        ("stm32l476", 0x0802_0000, 0x2001_8000, true),
        ("stm32l476", 0x0802_0000, 0x2001_8004, false),
        ("stm32l476", 0x0802_0000, 0x1000_8000, true), // SRAM2
    ] {
        let mut code = firmware(slot, 100);
        code[..4].copy_from_slice(&u32::to_le_bytes(stack));
        let status = desk.run(&elf(&[load(slot, &code)]), map, "").status;
        assert_eq!(status == 0, good, "{map} {stack:#x}");
    }
}

#[test]
fn without_a_map_a_missing_vector_table_is_a_warning() {
    let desk = Desk::new();
    let noise = image(3000);
    let file = elf(&[load(0x1002_0000, &noise)]);
    assert_eq!(
        desk.packed(&file, "", "", &["no vector table at 0x10020000"]),
        noise
    );
    // For another processor, nothing is known of how it begins.
    let risc_v = elf_for(243, 0x1002_0000, &[load(0x1002_0000, &noise)]);
    assert_eq!(desk.packed(&risc_v, "", "", &[]), noise);
    desk.refused(&risc_v, "rp2040", "", &["another processor"]);
}

#[test]
fn blank_flash_in_an_elf_is_blank() {
    let desk = Desk::new();
    let file = elf(&[load(0x1002_0000, &[0xFF; 3000])]);
    desk.refused(&file, "", "", &["erased flash"]);
}

#[test]
fn damaged_hex_is_an_error() {
    let desk = Desk::new();
    let code = firmware(0x1002_0000, 100);
    let whole = String::from_utf8(hex(&[(0x1002_0000, &code)])).unwrap();
    let refused = |text: &str, reason: &str| {
        desk.refused(text.as_bytes(), "rp2040", "--format hex", &[reason]);
    };
    let end = whole.rfind(":00000001FF").unwrap();
    refused(&whole[..end], "cut short");
    refused(&whole.replacen("0020", "0021", 1), "record 2");
    refused(":00000001FF\n", "no data");
    let twice = whole[..end].to_owned() + &whole;
    refused(&twice, "overlaps");
    refused(&[whole.as_str(), &whole].concat(), "after the end");
    desk.refused(whole.as_bytes(), "esp32c3", "--format hex", &["of an ELF"]);
}

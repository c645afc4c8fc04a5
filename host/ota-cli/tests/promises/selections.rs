//! Parts of ELF and HEX files, chosen.

use crate::bench::{Bench, firmware, image};
use crate::desk::Desk;
use crate::linker::{ARM, elf, elf_for, hex, load};

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
fn a_bootloader_is_chosen_in_the_same_way() {
    let bench = Bench::with_package();
    let boot = image(3000);
    let more = image(5000);
    let parts: [(u32, &[u8]); 2] = [(0x1000_0000, &boot), (0x1002_0000, &more)];
    bench.write("boot.hex", &hex(&parts));
    bench.write("boot.elf", &elf(&parts.map(|(at, bytes)| load(at, bytes))));
    let make = |more: &str| {
        let line = format!("image --map rp2040 --app app.ota -o x.bin --bootloader {more}");
        let args: Vec<_> = line.split(' ').collect();
        bench.run(&args)
    };
    for file in ["boot.hex --format hex", "boot.elf"] {
        assert!(make(file).stderr.contains("in slot0"), "{file}");
        let made = make(&format!("{file} --only bootloader"));
        assert_eq!(made.status, 0, "{}", made.stderr);
        assert!(
            made.stderr.contains("left out: 5000 bytes"),
            "{}",
            made.stderr
        );
        assert_eq!(bench.read("x.bin")[..3000], boot);
    }
    bench.write("high.elf", &elf(&[load(0x1000_0100, &boot)]));
    let said = make("high.elf").stderr;
    assert!(
        said.contains("begins at 0x10000100, but the bootloader's region"),
        "{said}"
    );
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

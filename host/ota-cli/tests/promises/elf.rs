//! ELF files, made by hand so that they can be wrong in one way at a time.

use ota_cli::input::Firmware;

use crate::bench::{Bench, firmware};
use crate::linker::{Segment, elf, load, note};

fn parse(segments: &[Segment<'_>]) -> Result<Firmware, String> {
    Firmware::parse(elf(segments)).map_err(|error| format!("{error:#}"))
}

#[test]
fn segments_lie_at_their_load_addresses_and_gaps_are_erased_flash() {
    let read = parse(&[
        load(0x1002_0010, b"data"),
        load(0x1002_0000, b"vectors"),
        note(b"not loaded"),
        load(0x2000_0000, b""),
    ]);
    let bytes = b"vectors\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFdata".to_vec();
    let read = read.unwrap();
    assert_eq!((read.bytes, read.address), (bytes, Some(0x1002_0000)));
}

#[test]
fn an_elf_lies_where_it_was_linked_for_and_nowhere_else() {
    let at = |address| {
        parse(&[load(0x1002_0004, b"\x01code")])
            .unwrap()
            .at(address)
    };
    assert_eq!(at(0x1002_0004).unwrap().bytes, b"\x01code");
    for elsewhere in [0, 0x0800_0000, 0x1002_0000, 0x1002_0003, 0x1002_0008] {
        let said = at(elsewhere).unwrap_err().to_string();
        assert!(said.contains("begins at 0x10020004"), "{said}");
        assert!(said.contains(&format!("{elsewhere:#010x}")), "{said}");
    }
}

#[test]
fn an_elf_that_makes_no_image_is_refused() {
    let refused = |segments: &[Segment<'_>], reason: &str| {
        let error = parse(segments).unwrap_err();
        assert!(error.contains(reason), "{error}");
    };
    refused(
        &[load(0x1000_0000, b"a"), load(0x2000_0000, b"b")],
        "255 MiB apart",
    );
    refused(&[load(0, b"a"), load(0xFFFF_FFFF, b"b")], "apart");
    refused(&[load(0x100, b"abcd"), load(0x103, b"e")], "overlap");
    refused(&[], "nothing to load");
    refused(&[note(b"x")], "nothing to load");
}

#[test]
fn damaged_elfs_are_errors_never_panics() {
    let whole = elf(&[
        load(0x1002_0000, b"some code"),
        load(0x1002_0100, b"some data"),
    ]);
    for length in 4..whole.len() {
        assert!(
            Firmware::parse(whole[..length].to_vec()).is_err(),
            "{length}"
        );
    }
    for offset in 4..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[offset] ^= 1 << bit;
            // Whatever comes out is no more than was put in, and what lies between.
            if let Ok(firmware) = Firmware::parse(bytes) {
                assert!(firmware.bytes.len() <= 32 * 1024 * 1024);
            }
        }
    }
}

#[test]
fn the_load_address_comes_from_the_elf_unless_it_is_given() {
    let bench = Bench::new();
    let code = firmware(0x1002_0000, 100);
    bench.write("app.elf", &elf(&[load(0x1002_0000, &code)]));
    let pack = |more: &str| {
        let line =
            format!("pack app.elf -o app.ota --version 1 --counter 1 --vendor v --class c{more}");
        bench.ok(&line.split(' ').collect::<Vec<_>>());
        let package = ota_cli::package::Package::load(&bench.path("app.ota")).unwrap();
        let manifest = package.manifest().unwrap();
        assert_eq!(package.payload().unwrap(), code);
        manifest.load_address
    };
    for more in ["", " --load-address 0x10020000", " --map rp2040"] {
        assert_eq!(pack(more), 0x1002_0000, "{more}");
    }
}

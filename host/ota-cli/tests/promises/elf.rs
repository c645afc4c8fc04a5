//! ELF files, made by hand so that they can be wrong in one way at a time.

use ota_cli::input::Firmware;

use crate::bench::Bench;

const LOAD: u32 = 1;
const NOTE: u32 = 4;

struct Segment<'a> {
    kind: u32,
    physical: u32,
    bytes: &'a [u8],
}

fn load(physical: u32, bytes: &[u8]) -> Segment<'_> {
    Segment {
        kind: LOAD,
        physical,
        bytes,
    }
}

/// A little-endian 32-bit ARM executable with these program headers and nothing else.
fn elf(segments: &[Segment<'_>]) -> Vec<u8> {
    let count = u16::try_from(segments.len()).unwrap();
    let mut data = 52 + 32 * u32::from(count);
    let mut file = b"\x7FELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    // Executable, ARM, version 1, entry, program headers at 52, no sections, flags.
    file.extend([2, 0, 40, 0, 1, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0]);
    file.extend([0; 8]);
    file.extend(
        [52_u16, 32, count, 40, 0, 0]
            .iter()
            .flat_map(|half| half.to_le_bytes()),
    );
    for Segment {
        kind,
        physical,
        bytes,
    } in segments
    {
        let length = u32::try_from(bytes.len()).unwrap();
        // Virtual addresses in RAM: it must be the physical ones that count.
        let header = [
            *kind,
            data,
            0x2000_0000,
            *physical,
            length,
            length + 64,
            5,
            4,
        ];
        file.extend(header.iter().flat_map(|word| word.to_le_bytes()));
        data += length;
    }
    segments
        .iter()
        .for_each(|segment| file.extend(segment.bytes));
    file
}

fn parse(segments: &[Segment<'_>]) -> Result<Firmware, String> {
    Firmware::parse(elf(segments)).map_err(|error| format!("{error:#}"))
}

#[test]
fn segments_lie_at_their_load_addresses_and_gaps_are_erased_flash() {
    let firmware = parse(&[
        load(0x1002_0010, b"data"),
        load(0x1002_0000, b"vectors"),
        Segment {
            kind: NOTE,
            physical: 0,
            bytes: b"not loaded",
        },
        load(0x2000_0000, b""),
    ]);
    let bytes = b"vectors\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFdata".to_vec();
    assert_eq!(
        firmware,
        Ok(Firmware {
            bytes,
            address: Some(0x1002_0000)
        })
    );
}

#[test]
fn an_elf_can_be_placed_at_its_slot_but_not_moved() {
    let at = |address| parse(&[load(0x1002_0004, b"code")]).unwrap().at(address);
    assert_eq!(at(0x1002_0000).unwrap().bytes, b"\xFF\xFF\xFF\xFFcode");
    assert_eq!(at(0x1002_0004).unwrap().bytes, b"code");
    assert!(
        at(0x1002_0008)
            .unwrap_err()
            .to_string()
            .contains("below the load address")
    );
    assert!(
        at(0x0800_0000)
            .unwrap_err()
            .to_string()
            .contains("another slot")
    );
}

#[test]
fn an_elf_that_makes_no_image_is_refused() {
    let refused = |segments: &[Segment<'_>], reason: &str| {
        let error = parse(segments).unwrap_err();
        assert!(error.contains(reason), "{error}");
    };
    refused(
        &[load(0x1000_0000, b"a"), load(0x2000_0000, b"b")],
        "256 MiB apart",
    );
    refused(&[load(0, b"a"), load(0xFFFF_FFFF, b"b")], "apart");
    refused(&[load(0x100, b"abcd"), load(0x103, b"e")], "overlap");
    refused(&[], "nothing to load");
    refused(
        &[Segment {
            kind: NOTE,
            physical: 0,
            bytes: b"x",
        }],
        "nothing to load",
    );
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
    bench.write("app.elf", &elf(&[load(0x1002_0100, b"code")]));
    let pack = |more: &str| {
        let line =
            format!("pack app.elf -o app.ota --version 1 --counter 1 --vendor v --class c{more}");
        bench.ok(&line.split(' ').collect::<Vec<_>>());
        let package = ota_cli::package::Package::load(&bench.path("app.ota")).unwrap();
        let manifest = package.manifest().unwrap();
        (manifest.load_address, manifest.image_length)
    };
    assert_eq!(pack(""), (0x1002_0100, 4));
    assert_eq!(pack(" --load-address 0x10020000"), (0x1002_0000, 0x104));
    assert_eq!(pack(" --map rp2040"), (0x1002_0000, 0x104));
}

//! What may be loaded, and what may not.

mod support;

use ota_esp32c3::image::{Image, ImageError};
use ota_esp32c3::memory::Loader;
use sha2::{Digest as _, Sha256};
use support::{Builder, application};

fn refused(builder: &Builder) -> ImageError {
    Image::parse(&builder.build(), Loader::SecondStage).expect_err("not to be loaded")
}

#[test]
fn an_application_is_taken_apart() {
    let mut bytes = application().build();
    let len = bytes.len();
    bytes.extend([0xFF; 100]); // the rest of the slot
    let image = Image::parse(&bytes, Loader::SecondStage).unwrap();
    assert_eq!(image.as_bytes().len(), len);
    assert_eq!(image.entry(), 0x4201_0020);
    let segments: Vec<_> = image
        .segments()
        .map(|s| (s.address, s.offset, s.bytes.len()))
        .collect();
    assert_eq!(
        segments,
        [
            (0x3C00_0020, 0x20, 0x100),
            (0x3FC8_2000, 0x128, 0x40),
            (0x4038_0000, 0x170, 0x80),
            (0, 0x1F8, 0xFE20),
            (0x4201_0020, 0x1_0020, 0x200),
        ]
    );
    let mapped: Vec<_> = image
        .pages()
        .entries()
        .enumerate()
        .filter(|(_, page)| page.is_some())
        .collect();
    assert_eq!(mapped, [(0, Some(0)), (1, Some(1))]);
    assert_eq!(image.check_sum(), Ok(()));
    let (covered, digest) = image.appended_digest().unwrap();
    assert_eq!(covered.len() + 32, len);
    assert_eq!(Sha256::digest(covered).as_slice(), digest);
}

#[test]
fn a_second_stage_is_for_ram_only() {
    let ram = Builder::new(0x403C_E400)
        .with(0x403C_E400, 0x1000)
        .with(0x3FCD_9800, 0x400);
    let bytes = ram.build();
    assert!(Image::parse(&bytes, Loader::MaskRom).is_ok());
    assert_eq!(
        Image::parse(&bytes, Loader::SecondStage).unwrap_err(),
        ImageError::OverLoader(0x403C_E400)
    );
    let mapped = application().build();
    assert_eq!(
        Image::parse(&mapped, Loader::MaskRom).unwrap_err(),
        ImageError::BadAddress(0x3C00_0020)
    );
    let rom = Builder::new(0x4038_0000)
        .with(0x4038_0000, 16)
        .with(0x403D_DFF0, 32)
        .build();
    assert_eq!(
        Image::parse(&rom, Loader::MaskRom).unwrap_err(),
        ImageError::OverLoader(0x403D_DFF0)
    );
}

#[test]
fn what_is_not_for_this_chip_is_refused() {
    let good = application().build();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Image::parse(&bytes, Loader::SecondStage).expect_err("refused")
    };
    assert_eq!(with(0, 0xFF), ImageError::NotAnImage);
    assert_eq!(with(12, 9), ImageError::WrongChip(9));
    assert_eq!(with(1, 0), ImageError::SegmentCount(0));
    assert_eq!(with(1, 17), ImageError::SegmentCount(17));
    assert_eq!(with(23, 2), ImageError::DigestFlag(2));
    assert_eq!(
        Image::parse(&[], Loader::SecondStage),
        Err(ImageError::NotAnImage)
    );
    for len in 1..good.len() {
        let cut = Image::parse(&good[..len], Loader::SecondStage);
        assert_eq!(cut, Err(ImageError::Truncated), "{len}");
    }
}

#[test]
fn addresses_and_lengths_are_not_believed() {
    let code = || Builder::new(0x4038_0000).with(0x4038_0000, 0x100);
    // Over the second stage, through either bus; by one byte too; the whole of RAM.
    assert_eq!(
        refused(&code().with(0x403C_E3FC, 8)),
        ImageError::OverLoader(0x403C_E3FC)
    );
    assert_eq!(
        refused(&code().with(0x3FCD_9800, 4)),
        ImageError::OverLoader(0x3FCD_9800)
    );
    assert_eq!(
        refused(&code().with(0x3FC8_0100, 0x4_E304)),
        ImageError::OverLoader(0x3FC8_0100)
    );
    // Over each other, through the other bus.
    assert_eq!(
        refused(&code().with(0x3FC8_00FC, 4)),
        ImageError::Overlap(0x3FC8_00FC)
    );
    // No memory, the cache's, registers, over the end, wrapping.
    for address in [
        4,
        0x2000_0000,
        0x4000_0000,
        0x4037_C000,
        0x6000_0000,
        0x600C_5000,
        0xFFFF_FFFC,
    ] {
        assert_eq!(
            refused(&code().with(address, 8)),
            ImageError::BadAddress(address)
        );
    }
    assert_eq!(
        refused(&code().claiming(0x3FC8_1000, 0xFFFF_FFFC)),
        ImageError::BadAddress(0x3FC8_1000)
    );
    assert_eq!(
        refused(&code().claiming(0, 0xFFFF_FFFC)),
        ImageError::Truncated
    );
    assert_eq!(
        refused(&code().claiming(0x3FC8_1000, 0x1_0000)),
        ImageError::Truncated
    );
    // Words.
    assert_eq!(
        refused(&code().claiming(0x3FC8_1002, 4)),
        ImageError::Unaligned(0x3FC8_1002)
    );
    assert_eq!(
        refused(&code().claiming(0x3FC8_1000, 6)),
        ImageError::Unaligned(0x3FC8_1000)
    );
}

#[test]
fn what_the_mmu_cannot_show_is_refused() {
    let code = || Builder::new(0x4038_0000).with(0x4038_0000, 0x100);
    assert_eq!(
        refused(&code().with(0x3C00_0020, 4)),
        ImageError::NotMappable(0x3C00_0020)
    );
    // The data window's page 1 and the code window's page 1 are one entry.
    let twice = Builder::new(0x4201_0020)
        .mapped(0x3C01_0020, 0x100)
        .mapped(0x4201_0020, 0x100);
    assert_eq!(refused(&twice), ImageError::Overlap(0x4201_0020));
    // Both may be in the same page of the file.
    let shared = Builder::new(0x4200_0200)
        .mapped(0x3C00_0020, 0x100)
        .mapped(0x4200_0200, 0x100);
    let bytes = shared.build();
    assert!(bytes.len() < 2000);
    let image = Image::parse(&bytes, Loader::SecondStage).unwrap();
    assert_eq!(image.pages().entries().flatten().collect::<Vec<_>>(), [0]);
}

#[test]
fn it_begins_in_its_own_code() {
    let at = |entry| {
        Builder::new(entry)
            .with(0x4038_0000, 0x100)
            .with(0x3FC8_2000, 0x100)
    };
    assert!(Image::parse(&at(0x4038_00FE).build(), Loader::SecondStage).is_ok());
    for entry in [
        0,
        0x4038_0001,
        0x4038_0100,
        0x4037_FFFE,
        0x3FC8_2000,
        0x4038_2000,
        0x4000_0090,
    ] {
        assert_eq!(refused(&at(entry)), ImageError::BadEntry(entry));
    }
}

#[test]
fn a_changed_byte_is_seen_by_checksum_and_digest() {
    let good = application().build();
    for at in (0x20..0x120).chain(0x1_0020..0x1_0220) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        let image = Image::parse(&bytes, Loader::SecondStage).unwrap();
        assert_eq!(image.check_sum(), Err(ImageError::WrongChecksum), "{at:#x}");
        let (covered, digest) = image.appended_digest().unwrap();
        assert_ne!(Sha256::digest(covered).as_slice(), digest);
    }
}

#[test]
fn every_error_has_a_code_of_its_own_and_says_what_to_do() {
    use ImageError as E;
    let errors = [
        E::NotAnImage,
        E::WrongChip(1),
        E::SegmentCount(0),
        E::Truncated,
        E::TooLong,
        E::Unaligned(1),
        E::BadAddress(1),
        E::OverLoader(1),
        E::Overlap(1),
        E::NotMappable(1),
        E::BadEntry(1),
        E::DigestFlag(7),
        E::WrongChecksum,
        E::WrongDigest,
    ];
    for (number, error) in (0x4001..).zip(errors) {
        assert_eq!(error.code(), number);
        assert!(error.to_string().contains([';', ':']), "{error}");
        let text = include_str!("../README.md");
        let name: String = format!("{error:?}")
            .chars()
            .take_while(char::is_ascii_alphabetic)
            .collect();
        assert!(
            text.contains(&format!("| {number:#06X} | `{name}`").replace("0X", "0x")),
            "{name}"
        );
    }
}

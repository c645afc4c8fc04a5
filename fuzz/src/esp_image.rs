//! ESP32-C3 images: nothing that parses loads a byte over its loader, over another segment or
//! outside of memory, or has the MMU show what is not in the image.

use std::collections::{HashMap, HashSet};

use ota_esp32c3::image::{Image, Segment, checksum, checksum_at};
use ota_esp32c3::memory::Loader;

use crate::input::Input;

/// Where segments may go, or just not; by the chip's documentation, not by the crate's constants.
const ADDRESSES: [u32; 12] = [
    0,
    0x3FC8_0000,
    0x3FCC_E400,
    0x4038_0000,
    0x403C_E400,
    0x403D_E000,
    0x3C00_0020,
    0x4200_0020,
    0x427F_FF00,
    0x5000_0000,
    0xFFFF_FF00,
    0x4037_C000,
];

/// Takes the input as an image, or makes a well-formed one of it, with any addresses.
///
/// # Panics
/// If a promise does not hold.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let raw = input.byte() == 0;
    let loader = input.of(&[Loader::SecondStage, Loader::MaskRom]);
    let bytes = if raw {
        input.rest().to_vec()
    } else {
        made(&mut input)
    };
    let Ok(image) = Image::parse(&bytes, loader) else {
        return;
    };
    assert_eq!(image.as_bytes(), &bytes[..image.as_bytes().len()]);
    assert!(!raw || image.check_sum().is_err() || image.as_bytes().len() >= 48);
    if !raw {
        assert_eq!(image.check_sum(), Ok(()), "it was made with its checksum");
    }
    loaded(&image, loader);
    mapped(&image);
    let entered = image
        .segments()
        .filter(|s| s.address >= 0x4000_0000)
        .any(|s| {
            (s.address..=s.address + (s.bytes.len() as u32).saturating_sub(1))
                .contains(&image.entry())
        });
    assert!(entered, "begins outside of its code");
}

/// Loads it byte by byte into a model of the RAM.
fn loaded(image: &Image<'_>, loader: Loader) {
    let mut written = HashSet::new();
    for segment in image.segments() {
        for address in bytes_of(&segment) {
            let cell = match address {
                0x3FC8_0000..0x3FCE_0000 => address,
                0x4038_0000..0x403E_0000 => address - 0x70_0000,
                0x5000_0000..0x5000_2000 => address,
                0x3C00_0000..0x3C80_0000 | 0x4200_0000..0x4280_0000 => {
                    assert_eq!(loader, Loader::SecondStage);
                    continue;
                }
                _ => panic!("{address:#x} is no memory for images"),
            };
            let limit = match loader {
                Loader::SecondStage => 0x3FCC_E400,
                Loader::MaskRom => 0x3FCD_E000,
            };
            assert!(
                cell >= 0x5000_0000 || cell < limit,
                "{cell:#x} is the loader's"
            );
            assert!(written.insert(cell), "{cell:#x} is loaded twice");
        }
    }
}

/// Reads each mapped byte through the pages, as the processor would.
fn mapped(image: &Image<'_>) {
    let pages: Vec<Option<u8>> = image.pages().entries().collect();
    let mut used = HashMap::new();
    for segment in image.segments() {
        let flash = matches!(segment.address >> 24, 0x3C | 0x42);
        for (address, byte) in bytes_of(&segment).zip(segment.bytes).filter(|_| flash) {
            let entry = (address as usize & 0x7F_FFFF) >> 16;
            let page = pages[entry].expect("it is mapped");
            let at = usize::from(page) << 16 | address as usize & 0xFFFF;
            assert_eq!(image.as_bytes()[at], *byte, "{address:#x}");
            used.insert(entry, page);
        }
    }
    let shown = pages.iter().flatten().count();
    assert_eq!(
        shown,
        used.len(),
        "something is mapped that no segment wants"
    );
}

fn bytes_of(segment: &Segment<'_>) -> impl Iterator<Item = u32> + use<> {
    let padding = segment.address == 0;
    let len = if padding {
        0
    } else {
        segment.bytes.len() as u32
    };
    let begin = segment.address;
    (0..len).map(move |i| begin.checked_add(i).expect("no address wraps"))
}

/// A well-formed image: only what it says of addresses is the input's.
fn made(input: &mut Input<'_>) -> Vec<u8> {
    let entry = input.byte();
    let mut image = vec![0; 24];
    let (mut count, mut sum, mut addresses) = (0_u8, 0xEF, Vec::new());
    while !input.is_over() && count < 20 {
        let address = input.of(&ADDRESSES);
        let distance = i32::from(i16::from_be_bytes([input.byte(), input.byte()]));
        let address = address.wrapping_add_signed(distance * 4);
        let data: Vec<u8> = (0..u32::from(input.byte()) * 4)
            .map(|i| ((i * 167) >> 3) as u8)
            .collect();
        if matches!(address >> 24, 0x3C | 0x42) && entry % 2 == 1 {
            let missing = (address as usize).wrapping_sub(image.len() + 16) & 0xFFFF;
            image.extend([0; 4]);
            image.extend((missing as u32 & !3).to_le_bytes());
            image.resize(image.len() + (missing & !3), 0);
            count += 1;
        }
        image.extend(address.to_le_bytes());
        image.extend((data.len() as u32).to_le_bytes());
        sum = checksum(sum, &data);
        image.extend(data);
        count += 1;
        addresses.push(address);
    }
    let entered = addresses.get(usize::from(entry / 2) % addresses.len().max(1));
    image[0] = 0xE9;
    image[1] = count;
    image[4..8].copy_from_slice(&entered.copied().unwrap_or_default().to_le_bytes());
    image[12] = 5;
    image.resize(checksum_at(image.len()), 0);
    image.push(sum);
    image
}

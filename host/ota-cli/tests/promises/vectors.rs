//! Images that a processor could not begin to run.

use crate::bench::{firmware, image};
use crate::desk::{Desk, SLOTS};
use crate::linker::{ARM, elf, elf_for, hex, load};

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

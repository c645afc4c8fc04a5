//! Images that are not where the bootloader jumps to.

use crate::bench::{firmware, image};
use crate::desk::{Desk, SLOTS};
use crate::linker::{elf, load};

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

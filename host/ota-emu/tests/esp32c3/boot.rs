//! What the mask ROM loads, and how it enters it.

use crate::programs::{A0, ENTRY, Program, RTC, Segments, board_with, image, run_to_end, seen};
use crate::riscv::SP;
use ota_emu::Exit;

const RAM: u32 = 0x3FC8_0000;

fn code() -> (u32, Vec<u8>) {
    (ENTRY, Program::default().done().bytes())
}

#[track_caller]
fn boots(image: &[u8]) -> bool {
    let mut board = board_with(image);
    match board.run(100) {
        Exit::NoSecondStage => {
            assert_eq!(board.run(100), Exit::NoSecondStage, "it stays so");
            false
        }
        Exit::Fault(ota_emu::Fault::Breakpoint { pc: ENTRY }) => true,
        exit => panic!("{exit:?}"),
    }
}

fn with(more: Segments) -> Vec<u8> {
    image(ENTRY, &[vec![code()], more].concat())
}

#[test]
fn an_image_is_loaded_and_entered() {
    let program = Program::default().note(0, RAM).note(1, RAM + 4).done();
    let data = vec![1, 2, 3, 4, 5, 6, 7, 8];
    let mut board = board_with(&image(ENTRY, &[(ENTRY, program.bytes()), (RAM, data)]));
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0x0403_0201, 0x0807_0605]);
}

#[test]
fn blank_flash_has_no_second_stage() {
    assert!(!boots(&[]));
}

#[test]
fn the_magic_number_and_the_checksum_have_to_be_right() {
    let good = with(vec![]);
    assert!(boots(&good));
    for at in [0, good.len() - 1, 33] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(!boots(&bad), "byte {at}");
    }
}

#[test]
fn the_digest_behind_it_does_not_matter() {
    let mut image = with(vec![]);
    image[23] = 1;
    image.extend([0; 32]);
    assert!(boots(&image));
}

#[test]
fn sixteen_segments_are_taken_and_no_more() {
    let more = |count| with(vec![(RAM, vec![0; 4]); count]);
    assert!(boots(&more(15)));
    assert!(!boots(&more(16)));
    let mut none = with(vec![]);
    none[1] = 0;
    assert!(!boots(&none));
}

#[test]
fn segments_go_into_ram_that_the_rom_does_not_use() {
    let four = |address| with(vec![(address, vec![0; 4])]);
    for address in [
        RAM,
        0x3FCD_DFFC,
        0x4037_C000,
        0x4038_0000,
        0x403D_DFFC,
        0x403D_F700,
        0x5000_0000,
        0x5000_1FFC,
    ] {
        assert!(boots(&four(address)), "{address:#x}");
    }
    for address in [
        0,
        0x3FC7_FFFC,
        0x3FCD_E000,
        0x3FCD_E160,
        0x4037_BFFC,
        0x403D_E160,
        0x403E_0000,
        0x5000_2000,
        0x3C00_0000,
        0x4200_0000,
        0xFFFF_FFFC,
    ] {
        assert!(!boots(&four(address)), "{address:#x}");
    }
    assert!(!boots(&with(vec![(RAM, vec![0; 6])])), "half a word");
}

#[test]
fn the_core_is_entered_as_the_rom_leaves_it() {
    let program = Program::default()
        .control(A0, 0x300)
        .keep(0, A0)
        .control(A0, 0x305)
        .keep(1, A0)
        .keep(2, SP)
        .keep(3, 4)
        // The cache: on, but shut. The MMU's first entry: nothing.
        .note(4, 0x600C_4000)
        .note(5, 0x600C_4004)
        .note(6, 0x600C_5000)
        // The flash chip as the ROM knows it, before it is told better.
        .fetch(A0, 0x3FCD_FFF0)
        .op(4 << 20 | A0 << 15 | 2 << 12 | A0 << 7 | 0x03)
        .keep(7, A0);
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    let [status, vectors, stack, thread, cache, shut, entry, size] = seen(&board);
    assert_ne!(status & 8, 0, "interrupts are enabled");
    assert_eq!(vectors, 0x4000_1D01);
    assert_eq!((stack, thread), (0x3FCD_E710, 0));
    assert_eq!((cache, shut, entry), (1, 3, 0x100));
    assert_eq!(size, 2 << 20);
}

#[test]
fn the_rom_says_why_it_boots() {
    let program = Program::quiet()
        .rom(0x84, [])
        .store(RTC, 1 << 31)
        .op(crate::riscv::FOR_EVER);
    let mut board = program.on_board();
    assert!(matches!(board.run(10_000), Exit::Reset(_)));
    board.run(10_000);
    assert!(board.has_logged("rst:0x1 (POWERON)"));
    assert!(board.has_logged("rst:0x3 (RTC_SW_SYS_RST)"));
    assert!(board.has_logged("entry 0x40390000"));
}

//! What silicon would not forgive ends the run, by name; and the odd device.

use crate::programs::{A0, Program, SEEN, fault, run_to_end, seen};
use crate::riscv::{FOR_EVER, MRET};
use ota_emu::Fault;

const SYSTEM: u32 = 0x600C_0000;
const SHA: u32 = 0x6003_B000;
/// Of the registers for clocks and resets.
const SHA_BIT: u32 = 1 << 2;
const DS: u32 = 1 << 4;
const HMAC: u32 = 1 << 5;

#[test]
fn an_address_without_anything() {
    for address in [
        0,
        0x2000_0000,
        0x3FC7_FFFC,
        0x3FCE_0000,
        0x403E_0000,
        0x5000_2000,
    ] {
        let board = Program::quiet().fetch(A0, address).on_board();
        assert_eq!(fault(board), Fault::Nothing { address });
        let board = Program::quiet().store(address, 1).on_board();
        assert_eq!(fault(board), Fault::Nothing { address });
        let board = Program::quiet().jump(address).on_board();
        assert_eq!(fault(board), Fault::Nothing { address });
    }
}

#[test]
fn data_is_not_executed() {
    let address = 0x3FC8_0000;
    let board = Program::quiet().jump(address).on_board();
    assert_eq!(fault(board), Fault::Nothing { address });
}

#[test]
fn an_instruction_that_the_core_does_not_have() {
    for instruction in [0, 0xFFFF_FFFF, 0x0000_0073] {
        let board = Program::default().op(instruction).on_board();
        let pc = crate::programs::ENTRY;
        assert_eq!(fault(board), Fault::Undefined { pc });
    }
}

#[test]
fn exceptions_are_delivered_if_the_test_says_so() {
    // Skips the instruction: mepc += 4.
    let handler = Program::default()
        .control(5, 0x342)
        .put(5, SEEN)
        .control(5, 0x341)
        .op(4 << 20 | 5 << 15 | 5 << 7 | 0x13)
        .set_control(0x341, 5)
        .op(MRET);
    let program = Program::quiet()
        .interrupted_by(0)
        // The first entry of the table is for exceptions; so is the program in its place.
        .fetch(A0, 0x2000_0000)
        .store(SEEN + 4, 0x600D)
        .op(FOR_EVER);
    let mut board = program.with_exception_handler(handler);
    board.deliver_hard_faults(true);
    board.run(1000);
    assert_eq!(seen(&board), [5, 0x600D]);
}

#[test]
fn without_a_handler_of_its_own_there_is_nobody_to_deliver_to() {
    let address = 0x2000_0000;
    let mut board = Program::quiet().fetch(A0, address).on_board();
    board.deliver_hard_faults(true);
    assert_eq!(fault(board), Fault::Nothing { address });
}

#[test]
fn a_device_that_is_not_modelled() {
    for address in [
        0x6002_4000,
        0x6001_3000,
        0x6003_F000,
        0x6003_3000,
        0x600D_0000,
    ] {
        let board = Program::quiet().fetch(A0, address).on_board();
        assert_eq!(fault(board), Fault::NotModelled { address });
    }
    // Interrupts of pins, and by edge; fuses that are burnt.
    for (address, value) in [
        (0x6000_4074, 1 << 13),
        (0x600C_2108, 1),
        (0x6000_8800 + 0x1D4, 2),
    ] {
        let board = Program::quiet().store(address, value).on_board();
        assert_eq!(fault(board), Fault::NotModelled { address });
    }
}

#[test]
fn a_device_without_its_clock_or_in_reset() {
    const UART: u32 = 0x6000_001C;
    let board = Program::quiet()
        .store(SYSTEM + 0x10, 0)
        .fetch(A0, UART)
        .on_board();
    assert_eq!(fault(board), Fault::NoClock { address: UART });
    let board = Program::quiet()
        .store(SYSTEM + 0x18, 1 << 2)
        .fetch(A0, UART)
        .on_board();
    assert_eq!(fault(board), Fault::HeldInReset { address: UART });
    let board = Program::quiet().fetch(A0, SHA).on_board();
    assert_eq!(fault(board), Fault::NoClock { address: SHA });
}

#[test]
fn sha_stays_in_reset_while_ds_or_hmac_do() {
    let with_resets = |resets| {
        Program::quiet()
            .store(SYSTEM + 0x14, SHA_BIT)
            .store(SYSTEM + 0x1C, resets)
            .store(SHA, 2)
            .done()
            .on_board()
    };
    for held in [SHA_BIT, DS, HMAC] {
        let address = SHA;
        assert_eq!(fault(with_resets(held)), Fault::HeldInReset { address });
    }
    run_to_end(&mut with_resets(0x1FE & !(SHA_BIT | DS | HMAC)));
}

#[test]
fn a_function_that_the_rom_does_not_have_here() {
    let address = 0x4000_0040;
    let board = Program::quiet().call(address, []).on_board();
    match fault(board) {
        Fault::MaskRom { address: at, .. } => assert_eq!(at, address),
        fault => panic!("{fault:?}"),
    }
}

/// With the SHA accelerator on, and "abc" with its padding as the message.
fn hashing() -> Program {
    let block = [(0, 0x8063_6261), (15, 24_u32.swap_bytes())];
    let on = Program::quiet()
        .store(SYSTEM + 0x14, SHA_BIT)
        .store(SYSTEM + 0x1C, 0x1FE & !(SHA_BIT | DS | HMAC))
        .store(SHA, 2);
    block.into_iter().fold(on, |program, (word, value)| {
        program.store(SHA + 0x80 + 4 * word, value)
    })
}

#[test]
fn a_digest_is_made_block_by_block() {
    let mut program = hashing().store(SHA + 0x10, 1).note(8, SHA + 0x18);
    program = program.rom(0x50, [10]).note(9, SHA + 0x18);
    for nth in 0..8 {
        program = program.note(nth, SHA + 0x40 + 4 * nth);
    }
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    let words: [u32; 10] = seen(&board);
    let digest: Vec<u8> = words[..8]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    // SHA-256 of "abc", as FIPS 180-2 has it.
    assert_eq!(digest[..4], [0xBA, 0x78, 0x16, 0xBF]);
    assert_eq!(digest[28..], [0xF2, 0x00, 0x15, 0xAD]);
    assert_eq!(words[8..], [1, 0], "busy, and then not");
}

#[test]
fn a_digest_goes_on_from_a_state_that_is_written_to_it() {
    const BEGIN: [u32; 8] = [
        0x6A09_E667,
        0xBB67_AE85,
        0x3C6E_F372,
        0xA54F_F53A,
        0x510E_527F,
        0x9B05_688C,
        0x1F83_D9AB,
        0x5BE0_CD19,
    ];
    let program = (0..).zip(BEGIN).fold(hashing(), |program, (nth, word)| {
        program.store(SHA + 0x40 + 4 * nth, word.swap_bytes())
    });
    let mut board = program
        .store(SHA + 0x14, 1)
        .note(0, SHA + 0x40)
        .done()
        .on_board();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0xBF16_78BA]);
}

#[test]
fn other_digests_are_not_modelled() {
    let board = hashing().store(SHA, 0).store(SHA + 0x10, 1).on_board();
    assert!(matches!(fault(board), Fault::NotModelled { .. }));
}

#[test]
fn pins_are_driven_from_both_sides() {
    const GPIO: u32 = 0x6000_4000;
    let program = Program::quiet()
        .note(0, GPIO + 0x3C)
        .store(GPIO + 0x08, 1 << 7)
        .store(GPIO + 0x24, 1 << 7)
        .done();
    let mut board = program.on_board();
    board.drive(9, false);
    assert!(!board.pin(7));
    run_to_end(&mut board);
    assert!(board.pin(7));
    let [input] = seen(&board);
    assert_eq!(input >> 8 & 7, 0b101);
}

#[test]
fn the_fuses_tell_an_address_and_a_revision() {
    let program = Program::quiet().note(0, 0x6000_8844).note(1, 0x6000_8848);
    let mut board = program.note(2, 0x6000_8850).done().on_board();
    run_to_end(&mut board);
    let [low, high, revision] = seen(&board);
    assert_eq!((low, high), (0x00C3_0001, 0x0200));
    assert_eq!(revision >> 18 & 7, 3);
}

#[test]
fn the_rom_calculates() {
    let program = Program::quiet()
        // __udivdi3: 10^10 by 7.
        .rom(0x8AC, [0x540B_E400, 2, 7, 0])
        .keep(0, A0)
        .keep(1, A0 + 1)
        // __divsi3 by 0, as the compiler's own.
        .rom(0x7C0, [5, 0])
        .keep(2, A0)
        // crc32_le of "1234".
        .store(SEEN + 0x100, u32::from_le_bytes(*b"1234"))
        .rom(0x628, [0, SEEN + 0x100, 4])
        .keep(3, A0)
        // memcpy, memcmp.
        .rom(0x358, [SEEN + 0x200, SEEN + 0x100, 4])
        .keep(4, A0)
        .note(5, SEEN + 0x200)
        .rom(0x360, [SEEN + 0x200, SEEN + 0x100, 4])
        .keep(6, A0);
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    let expected = [
        1_428_571_428,
        0,
        u32::MAX,
        0x9BE3_E0A3,
        SEEN + 0x200,
        u32::from_le_bytes(*b"1234"),
        0,
    ];
    assert_eq!(seen(&board), expected);
}

#[test]
fn the_rom_calculates_with_fractions() {
    let [half, three] = [0.5_f32, 3.0].map(f32::to_bits);
    let wide = |value: f64| {
        let bits = value.to_bits();
        [bits & 0xFFFF_FFFF, bits >> 32].map(|half| u32::try_from(half).expect("half"))
    };
    let ([a, b], [c, d]) = (wide(-0.1), wide(7.0));
    let program = Program::quiet()
        // __addsf3, __muldf3.
        .rom(0x770, [half, three])
        .keep(0, A0)
        .rom(0x848, [a, b, c, d])
        .keep(1, A0)
        .keep(2, A0 + 1)
        // __ltdf2 of those, and of NaN; __gtsf2 of NaN.
        .rom(0x834, [a, b, c, d])
        .keep(3, A0)
        .rom(0x834, [0, 0x7FF8_0000, c, d])
        .keep(4, A0)
        .rom(0x824, [0x7FC0_0000, three])
        .keep(5, A0)
        // __fixdfsi, __floatunsisf.
        .rom(0x7DC, [a, b])
        .keep(6, A0)
        .rom(0x810, [3])
        .keep(7, A0);
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    let [low, high] = wide(-0.1 * 7.0);
    let sum = 3.5_f32.to_bits();
    let expected = [sum, low, high, u32::MAX, 1, u32::MAX, 0, three];
    assert_eq!(seen(&board), expected);
}

#[test]
fn registers_of_the_analog_parts_are_remembered() {
    let program = Program::quiet()
        .rom(0x195C, [0x66, 0, 4, 0xA5])
        .rom(0x1960, [0x66, 0, 4, 5, 4, 1])
        .rom(0x1954, [0x66, 0, 4])
        .keep(0, A0)
        .rom(0x1958, [0x66, 0, 4, 7, 4])
        .keep(1, A0);
    let mut board = program.done().on_board();
    run_to_end(&mut board);
    assert_eq!(seen(&board), [0x95, 9]);
}

//! Calls that are known: a board that passes them is, at the end, what one is that executes them.

use crate::programs::{
    ENTRY, KEY, Program, RTC, RWDT, RWDT_FEED, RWDT_KEY, SEEN, board_with, image,
};
use crate::riscv::{A0, FOR_EVER, RA, T0};
use ota_emu::esp32c3::{Board, Esp32c3};
use ota_emu::{Calls, Exit, Fault, Reset};
use std::sync::Arc;

/// The function: in RAM, or in the page of the flash that programs show as page 2.
const IN_RAM: u32 = 0x4039_6000;
const IN_FLASH: u32 = CODE + PAGE + 0x2000;
/// What it reads: a page of the flash, and where that is shown.
const OFFSET: u32 = 0x10_0000;
const DATA: u32 = 0x3C00_0000;
const CODE: u32 = 0x4200_0000;
const PAGE: u32 = 0x2_0000;
const WORDS: u32 = 300;
/// What it reads of RAM, behind what it comes to, and memory of its own.
const OWN_KEY: u32 = SEEN + 4;
const OWN: u32 = SEEN + 0x100;

const MMU: u32 = 0x600C_5000;
const EXTMEM: u32 = 0x600C_4000;
const SYSTIMER: u32 = 0x6002_3000;
const SYSTEM: u32 = 0x600C_0000;
const SHA: u32 = 0x6003_B000;

const A1: u32 = 11;
const A2: u32 = 12;
const A3: u32 = 13;
/// Registers that what is done for each word has to itself.
const T3: u32 = 28;
const T4: u32 = 29;

const fn lw(to: u32, base: u32, offset: u32) -> u32 {
    offset << 20 | base << 15 | 2 << 12 | to << 7 | 0x03
}

const fn sw(value: u32, base: u32, offset: u32) -> u32 {
    offset >> 5 << 25 | value << 20 | base << 15 | 2 << 12 | (offset & 31) << 7 | 0x23
}

const fn addi(to: u32, from: u32, value: u32) -> u32 {
    (value & 0xFFF) << 20 | from << 15 | to << 7 | 0x13
}

const fn add(to: u32, a: u32, b: u32) -> u32 {
    b << 20 | a << 15 | to << 7 | 0x33
}

const fn xor(to: u32, a: u32, b: u32) -> u32 {
    add(to, a, b) | 4 << 12
}

/// `bnez register, offset`, which is negative.
const fn back_unless_zero(register: u32, offset: i32) -> u32 {
    let to = offset.cast_unsigned();
    (to >> 12 & 1) << 31
        | (to >> 5 & 0x3F) << 25
        | register << 15
        | 1 << 12
        | (to >> 1 & 0xF) << 8
        | (to >> 11 & 1) << 7
        | 0x63
}

/// Sums words up. a0: where they are, a1: how many, a2: where the sum goes, with the key behind it.
fn sum(each: Program) -> Program {
    let each = Program::default()
        .op(lw(T0, A0, 0))
        .op(add(A3, A3, T0))
        .op(addi(A0, A0, 4))
        .then(each);
    let length = i32::try_from(each.clone().bytes().len()).expect("it is short");
    // addi sp, sp, -16; sw ra, 0(sp), and back
    Program::default()
        .op(addi(2, 2, 16_u32.wrapping_neg()))
        .op(sw(RA, 2, 0))
        .op(addi(A3, 0, 0))
        .then(each)
        .op(addi(A1, A1, 1_u32.wrapping_neg()))
        .op(back_unless_zero(A1, -length - 4))
        .op(lw(T0, A2, 4))
        .op(xor(A3, A3, T0))
        .op(sw(A3, A2, 0))
        .op(lw(RA, 2, 0))
        .op(addi(2, 2, 16))
        .op(RA << 15 | 0x67)
}

/// What a board runs.
#[derive(Clone)]
struct Scene {
    before: Program,
    function: u32,
    each: Program,
    key: u32,
    data: u8,
    /// Which page of the flash is shown.
    page: u32,
    after: Program,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            before: Program::default(),
            function: IN_RAM,
            each: Program::default(),
            key: 7,
            data: 1,
            page: OFFSET >> 16,
            after: Program::default().done(),
        }
    }
}

impl Scene {
    fn board(self) -> Board {
        let program = Program::quiet()
            .rom(0x51C, [])
            .store(MMU + 4 * 2, self.page)
            .store(EXTMEM + 4, 0)
            .rom(0x4D8, [])
            .rom(0x520, [0])
            .store(OWN_KEY, self.key)
            // All that was said is sent, and taken.
            .rom(0x84, [])
            .then(self.before)
            .call(self.function, [DATA + PAGE + 0x800, WORDS, SEEN])
            .then(self.after);
        let function = sum(self.each).bytes();
        let segments = [(ENTRY, program.bytes()), (IN_RAM, function.clone())];
        let mut board = board_with(&image(ENTRY, &segments));
        board.edit_flash(|flash| {
            for (page, data) in [(OFFSET >> 16, 1), (self.page, self.data)] {
                flash.load((page << 16) + 0x2000, &function);
                flash.load((page << 16) + 0x800, &[data; 4 * WORDS as usize]);
            }
        });
        board
    }
}

fn calls() -> Arc<Calls<Esp32c3>> {
    let calls = Calls::new(&[]);
    for function in [IN_RAM, IN_FLASH] {
        calls.know_function(function);
    }
    Arc::new(calls)
}

/// How many instructions of the scene are passed, which must make no difference.
#[track_caller]
fn passed(calls: &Arc<Calls<Esp32c3>>, scene: &Scene) -> u64 {
    let ends = |mut board: Board| {
        let exit = board.run(10_000_000);
        let seen = [0, 4, 8, 12, 16].map(|at| board.word(SEEN + at));
        let state = (board.now(), board.fingerprint(), seen, exit);
        (state, board.instructions())
    };
    let (end, all) = ends(scene.clone().board());
    let mut board = scene.clone().board();
    board.share_calls(Arc::clone(calls));
    board.compare_calls();
    let (other, executed) = ends(board);
    assert_eq!(end, other);
    all - executed
}

/// Whether its call is passed once it is known.
#[track_caller]
fn is_passed(scene: &Scene) -> bool {
    let calls = calls();
    assert_eq!(passed(&calls, scene), 0, "it is the first");
    passed(&calls, scene) > 5 * u64::from(WORDS)
}

#[test]
fn a_call_that_is_known_is_passed_in_ram_and_in_flash() {
    for function in [IN_RAM, IN_FLASH] {
        assert!(is_passed(&Scene {
            function,
            ..Scene::default()
        }));
    }
}

#[test]
fn a_call_with_something_else_to_read_is_executed() {
    for function in [IN_RAM, IN_FLASH] {
        let calls = calls();
        let scene = Scene {
            function,
            ..Scene::default()
        };
        passed(&calls, &scene);
        let others = [
            Scene {
                data: 2,
                ..scene.clone()
            },
            Scene {
                key: 9,
                ..scene.clone()
            },
            Scene {
                each: Program::default().op(addi(A3, A3, 1)),
                ..scene.clone()
            },
            // What is read is not what was, and that is still there.
            Scene {
                page: 1 + (OFFSET >> 16),
                data: 2,
                ..scene.clone()
            },
        ];
        for scene in &others {
            assert_eq!(passed(&calls, scene), 0);
            assert_ne!(passed(&calls, scene), 0);
        }
    }
}

/// With the accelerator on, and one block digested that begins with this.
fn digesting(first: u32) -> Program {
    Program::default()
        .store(SYSTEM + 0x14, 1 << 2)
        .store(SYSTEM + 0x1C, 0)
        .store(SHA, 2)
        .store(SHA + 0x80, first)
        .store(SHA + 0x10, 1)
}

/// Waits for it, or does not, for so many microseconds.
fn digested(first: u32, wait: u32) -> Program {
    digesting(first).rom(0x50, [wait])
}

/// Gives the accelerator the sum, and lets it go on.
fn digest() -> Program {
    Program::default()
        .load(T3, SHA)
        .op(sw(A3, T3, 0x80))
        .op(addi(T4, 0, 1))
        .op(sw(T4, T3, 0x14))
        // 1: lw t4, BUSY; bnez t4, 1b
        .op(lw(T4, T3, 0x18))
        .op(back_unless_zero(T4, -4))
}

#[test]
fn the_accelerator_is_what_a_passed_call_leaves() {
    let scene = |first, wait| Scene {
        before: digested(first, wait),
        each: digest(),
        after: Program::default()
            .note(1, SHA + 0x40)
            .note(2, SHA + 0x5C)
            .note(3, SHA + 0x80)
            .done(),
        ..Scene::default()
    };
    assert!(is_passed(&scene(1, 10)));
    // What it has digested before is a part of what has to be the same, and whether it still does.
    let calls = calls();
    passed(&calls, &scene(1, 10));
    assert_eq!(passed(&calls, &scene(2, 10)), 0);
    assert_eq!(passed(&calls, &scene(1, 0)), 0);
}

#[test]
fn an_accelerator_that_is_busy_at_the_end_of_a_call_is_so_as_long_as_it_would_have_been() {
    let scene = Scene {
        before: digested(1, 10),
        each: Program::default()
            .load(T3, SHA)
            .op(addi(T4, 0, 1))
            .op(sw(T4, T3, 0x14)),
        after: Program::default()
            .note(1, SHA + 0x18)
            .times(60, &Program::default().note(2, SHA + 0x18))
            .done(),
        ..Scene::default()
    };
    assert!(is_passed(&scene));
    let mut board = scene.board();
    board.run(10_000_000);
    assert_eq!(board.word(SEEN + 4), Some(1), "it is busy");
    assert_eq!(board.word(SEEN + 8), Some(0), "and then is not");
}

#[test]
fn what_a_passed_call_read_is_in_the_cache() {
    // The flash changes below; what was not read before may be read.
    let changed = |offset| Program::default().rom(0x128, [(OFFSET + offset) >> 12]);
    for (function, offset, is_stale) in [
        (IN_RAM, 0, true),
        (IN_RAM, 0x1000, false),
        (IN_FLASH, 0, true),
    ] {
        let scene = Scene {
            function,
            after: changed(offset).note(1, DATA + PAGE + offset).done(),
            ..Scene::default()
        };
        assert!(is_passed(&scene));
        let exit = scene.board().run(10_000_000);
        let fault = matches!(exit, Exit::Fault(Fault::StaleCache { .. }));
        assert_eq!(fault, is_stale, "{exit:?}");
    }
}

#[test]
fn functions_of_the_mask_rom_that_compute_and_read_are_a_part_of_a_call() {
    // Arguments are kept in registers that the function may not change.
    let rom = |function, arguments: [u32; 3]| {
        let keep = [A0, A1, A2, A3].into_iter().zip(14..);
        let saved = keep.clone().fold(Program::default(), |program, (a, to)| {
            program.op(addi(to, a, 0))
        });
        let called = saved.rom(function, arguments);
        keep.fold(called, |program, (a, from)| program.op(addi(a, from, 0)))
    };
    let with = |function, arguments| Scene {
        each: rom(function, arguments),
        ..Scene::default()
    };
    // memcpy, a division, a read of the flash.
    assert!(is_passed(&with(0x358, [OWN, SEEN, 64])));
    assert!(is_passed(&with(0x8B4, [1000, 7, 0])));
    assert!(is_passed(&with(0x130, [OFFSET + 0x2000, OWN, 64])));
    // The cache is emptied; a write.
    assert!(!is_passed(&with(0x4D8, [0, 0, 0])));
    assert!(!is_passed(&with(0x12C, [OFFSET + 0x2000, OWN, 0])));

    let calls = calls();
    let reads = with(0x130, [OFFSET + 0x2000, OWN, 64]);
    passed(&calls, &reads);
    let mut other = reads.board();
    other.edit_flash(|flash| flash.load(OFFSET + 0x2000, &[5]));
    let mut executes = other.snapshot();
    other.share_calls(Arc::clone(&calls));
    assert_eq!(other.run(10_000_000), executes.run(10_000_000));
    assert_eq!(other.instructions(), executes.instructions());
}

#[test]
fn a_call_is_not_passed_when_something_else_matters() {
    let asks = |register| Program::default().load(T3, register).op(lw(T4, T3, 0));
    let tells = |register| Program::default().load(T3, register).op(sw(0, T3, 0));
    let eachs = [
        asks(SYSTIMER + 0x44),
        // A random number.
        asks(0x6002_60B0),
        asks(RTC + 0x38),
        tells(RTC + 0x50),
    ];
    for each in eachs {
        assert!(!is_passed(&Scene {
            each,
            ..Scene::default()
        }));
    }
    // An alarm within the call, which nobody is interrupted by, and one behind it.
    let alarm = |ticks: u32| Scene {
        before: Program::default()
            .store(SYSTIMER + 0x34, 1 << 30 | ticks)
            .store(SYSTIMER + 0x50, 1)
            .store(SYSTIMER, 0x6700_0000),
        ..Scene::default()
    };
    assert!(!is_passed(&alarm(200)));
    let calls = calls();
    passed(&calls, &alarm(200_000));
    assert_ne!(passed(&calls, &alarm(200_000)), 0);
    assert_eq!(passed(&calls, &alarm(200)), 0);
}

/// With the watchdog of the RTC running, and its registers open with this key.
fn watched(cycles: u32, key: u32) -> Program {
    Program::default()
        .store(RWDT_KEY, KEY)
        .store(RWDT + 4, cycles)
        .store(RWDT, 1 << 31 | 4 << 28)
        .store(RWDT_KEY, key)
}

fn feed() -> Program {
    Program::default().load(T3, RTC).op(sw(A3, T3, 0xA4))
}

#[test]
fn a_watchdog_that_was_fed_in_a_call_fires_when_it_would_have() {
    let scene = Scene {
        before: watched(100, KEY),
        each: feed(),
        after: Program::default().op(FOR_EVER),
        ..Scene::default()
    };
    assert!(is_passed(&scene));
    let mut board = scene.board();
    assert_eq!(board.run(10_000_000), Exit::Reset(Reset::WatchdogTimeout));
}

#[test]
fn a_watchdog_that_is_protected_is_not_fed_by_a_call_that_is_known() {
    let scene = |key| Scene {
        before: watched(100, key),
        each: feed(),
        ..Scene::default()
    };
    let calls = calls();
    passed(&calls, &scene(KEY));
    assert_ne!(passed(&calls, &scene(KEY)), 0);
    assert_eq!(passed(&calls, &scene(0)), 0);
    let exit = scene(0).board().run(10_000_000);
    let Exit::Fault(Fault::Misuse { register, .. }) = exit else {
        panic!("{exit:?}");
    };
    assert_eq!(register, RWDT_FEED);
}

#[test]
fn a_watchdog_that_would_fire_in_a_call_does() {
    // In cycles of the RTC's oscillator, two of which take 15 microseconds.
    let scene = |cycles| Scene {
        before: watched(cycles, KEY),
        ..Scene::default()
    };
    let calls = calls();
    passed(&calls, &scene(1000));
    assert_ne!(passed(&calls, &scene(1000)), 0);
    assert_eq!(passed(&calls, &scene(4)), 0);
    let exit = scene(4).board().run(10_000_000);
    assert_eq!(exit, Exit::Reset(Reset::WatchdogTimeout));
}

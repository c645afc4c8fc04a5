//! Calls that are known: a board that passes them is, at the end, what one is that executes them.

use crate::ecc::{ECCD, ECCR, NMI};
use crate::functions::{CALLER, bytes, sum};
use crate::power::IWDG;
use crate::thumb::{ENABLE_INTERRUPTS, Program, RCC, SEEN, run_to_end, seen};
use crate::time::{TIM15, TIM15_ENABLE, TIM15_EXCEPTION};
use ota_emu::stm32::{Board, FLASH_START, Stm32l4};
use ota_emu::{Calls, Exit};
use std::sync::Arc;

/// Functions, as offsets in the flash, and what they read there.
const INNER: u32 = 0x2000;
const OUTER: u32 = 0x3000;
const DATA: u32 = 0x8_4000;
const WORDS: u32 = 300;
/// What functions read of RAM.
const KEY: u32 = SEEN + 4;
const OTHER_KEY: u32 = SEEN + 8;

/// What a board runs.
struct Scene {
    before: Program,
    /// The function that is called.
    function: u32,
    /// What the inner one does for each word.
    each: Vec<u16>,
    handler: Option<(u32, Program)>,
    keys: [u32; 2],
    data: u8,
    broken: bool,
    /// Behind the call.
    after: Option<u16>,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            before: Program::default(),
            function: INNER,
            each: Vec::new(),
            handler: None,
            keys: [7, 8],
            data: 1,
            broken: false,
            after: None,
        }
    }
}

impl Scene {
    fn board(self) -> Board {
        let program = self
            .before
            .store(KEY, self.keys[0])
            .store(OTHER_KEY, self.keys[1])
            .load(0, FLASH_START + DATA)
            .load(1, WORDS)
            .load(2, SEEN)
            .load(4, FLASH_START + INNER + 1)
            .load(5, FLASH_START + self.function + 1)
            .load(6, 0)
            .load(7, 0)
            .op(0x47A8); // blx r5
        let end = Program::default();
        let program = program.then(match self.after {
            Some(after) => end.op(after),
            None => end.done(),
        });
        let mut board = match self.handler {
            Some(handler) => program.with_handlers([handler]),
            None => program.in_flash(),
        };
        board.edit_flash(|flash| {
            flash.load(INNER, &bytes(&sum(&self.each)));
            flash.load(OUTER, &bytes(&CALLER));
            flash.load(DATA, &[self.data; 4 * WORDS as usize]);
            if self.broken {
                flash.fail_read(DATA + 40..DATA + 48);
            }
        });
        board
    }
}

fn calls() -> Arc<Calls<Stm32l4>> {
    let calls = Calls::new(&[]);
    for function in [INNER, OUTER] {
        calls.know_function(FLASH_START + function);
    }
    Arc::new(calls)
}

/// How many instructions of the scene are passed, which must make no difference.
#[track_caller]
fn passed(calls: &Arc<Calls<Stm32l4>>, scene: impl Fn() -> Scene) -> u64 {
    let ends = |mut board: Board| {
        if scene().after.is_some() {
            assert!(matches!(board.run(100_000_000), Exit::Reset(_)));
        } else {
            run_to_end(&mut board);
        }
        let seen = seen::<5>(&board);
        (
            (board.now(), board.fingerprint(), seen),
            board.instructions(),
        )
    };
    let (end, all) = ends(scene().board());
    let mut board = scene().board();
    board.share_calls(Arc::clone(calls));
    board.compare_calls();
    let (other, executed) = ends(board);
    assert_eq!(end, other);
    all - executed
}

#[test]
fn a_call_that_is_known_is_passed() {
    let calls = calls();
    assert_eq!(passed(&calls, Scene::default), 0, "it is the first");
    assert!(passed(&calls, Scene::default) > 5 * u64::from(WORDS));
}

#[test]
fn a_call_with_something_else_to_read_is_executed() {
    let calls = calls();
    passed(&calls, Scene::default);
    let other_flash = || Scene {
        data: 2,
        ..Scene::default()
    };
    let other_ram = || Scene {
        keys: [9, 8],
        ..Scene::default()
    };
    let other_code = || Scene {
        each: vec![0x1C5B], // adds r3, r3, #1
        ..Scene::default()
    };
    for scene in [&other_flash as &dyn Fn() -> Scene, &other_ram, &other_code] {
        assert_eq!(passed(&calls, scene), 0);
        assert_ne!(passed(&calls, scene), 0);
    }
    let not_read = || Scene {
        keys: [7, 9],
        ..Scene::default()
    };
    assert_ne!(passed(&calls, not_read), 0);
}

#[test]
fn a_call_within_a_call_counts_for_both() {
    let calls = calls();
    let outer = |keys, data| {
        move || Scene {
            function: OUTER,
            keys,
            data,
            ..Scene::default()
        }
    };
    assert_eq!(passed(&calls, outer([7, 8], 1)), 0);
    let all = passed(&calls, outer([7, 8], 1));
    // The outer one is another, and the inner one of it the same.
    let inner = passed(&calls, outer([7, 9], 1));
    assert!((1..all).contains(&inner));
    assert_eq!(passed(&calls, outer([7, 9], 1)), all);
    // What only the inner one reads is what the outer one depends on.
    assert_eq!(passed(&calls, outer([7, 9], 2)), 0);
    assert_eq!(passed(&calls, outer([6, 9], 1)), 0);
}

#[test]
fn a_call_that_meets_a_broken_word_is_executed() {
    let calls = calls();
    passed(&calls, Scene::default);
    let nmi = || Program::default().store(ECCR, ECCD).op(0x4770);
    let scene = || Scene {
        broken: true,
        handler: Some((NMI, nmi())),
        ..Scene::default()
    };
    assert_eq!(passed(&calls, scene), 0);
    assert_eq!(passed(&calls, scene), 0);
}

#[test]
fn a_call_is_not_passed_when_something_else_matters() {
    let timer = || {
        Program::default()
            .store(RCC + 0x60, 1 << 16)
            .store(TIM15, 1)
    };
    let alarm = || {
        timer()
            .store(TIM15 + 0x34, 500)
            .store(TIM15 + 0x0C, 1 << 1)
            .store(ENABLE_INTERRUPTS, TIM15_ENABLE)
    };
    let quiet = || Program::default().store(TIM15 + 0x10, 0).op(0x4770);
    // movs r5, #0x40; lsls r5, #24; adds r5, #0x14 << 10 by way of r6; ldr r6, [r5, #0x24]
    let count = [0x2540, 0x062D, 0x2650, 0x02B6, 0x19AD, 0x6A6E];
    let asks = || Scene {
        before: timer(),
        each: count.into(),
        ..Scene::default()
    };
    let is_interrupted = || Scene {
        before: alarm(),
        handler: Some((TIM15_EXCEPTION, quiet())),
        ..Scene::default()
    };
    // ldrex r6, [r2]
    let is_exclusive = || Scene {
        each: vec![0xE852, 0x6F00],
        ..Scene::default()
    };
    for scene in [&asks as &dyn Fn() -> Scene, &is_interrupted, &is_exclusive] {
        let calls = calls();
        assert_eq!(passed(&calls, scene), 0);
        assert_eq!(passed(&calls, scene), 0);
    }
}

/// Feeds the watchdog for each word.
const FEED: [u16; 9] = [
    0x2540, // movs r5, #0x40
    0x062D, // lsls r5, #24
    0x2630, // movs r6, #0x30
    0x0236, // lsls r6, #8
    0x19AD, // adds r5, r5, r6
    0x26AA, // movs r6, #0xAA
    0x0236, // lsls r6, #8
    0x36AA, // adds r6, #0xAA
    0x602E, // str r6, [r5]
];

fn fed(window: u32) -> Scene {
    Scene {
        before: Program::default()
            .store(IWDG, 0x5555)
            .store(IWDG + 0x10, window)
            .store(IWDG, 0xCCCC),
        each: FEED.into(),
        after: Some(0xE7FE),
        ..Scene::default()
    }
}

#[test]
fn a_watchdog_that_was_fed_in_a_call_fires_when_it_would_have() {
    let calls = calls();
    assert_eq!(passed(&calls, || fed(0xFFF)), 0);
    assert_ne!(passed(&calls, || fed(0xFFF)), 0);
}

#[test]
fn a_watchdog_that_a_call_feeds_too_early_fires_in_it() {
    let calls = calls();
    passed(&calls, || fed(0xFFF));
    assert_eq!(passed(&calls, || fed(0x10)), 0);
}

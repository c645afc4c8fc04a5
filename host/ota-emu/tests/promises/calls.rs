//! Calls that are known: a board that passes them is, at the end, what one is that executes them.

use crate::functions::{CALLER, bytes, sum};
use crate::thumb::{Program, run_to_end};
use ota_emu::rp2040::{Board, Rp2040};
use ota_emu::{Calls, Exit, Reset};
use std::sync::Arc;

/// Functions, and what they read, as offsets in the flash.
const INNER: u32 = 0x2000;
const OUTER: u32 = 0x3000;
const DATA: u32 = 0x8_4000;
const WORDS: u32 = 300;
const XIP: u32 = 0x1000_0000;
/// Where they leave what they came to; what they read of RAM is behind it.
const SEEN: u32 = 0x2003_0000;
const KEY: u32 = SEEN + 4;
const OTHER_KEY: u32 = SEEN + 8;

const RELEASE: u32 = 0x4000_F000;
const SELECT: u32 = 0x4001_0008;
const TIMER: u32 = 0x4005_4000;
const WATCHDOG: u32 = 0x4005_8000;
const TICK: u32 = WATCHDOG + 0x2C;
const SIO: u32 = 0xD000_0000;
/// `wfe`, `sev`, `b .`
const WFE: u16 = 0xBF20;
const SEV: u16 = 0xBF40;
const FOR_EVER: u16 = 0xE7FE;

/// What a board runs.
struct Scene {
    before: Program,
    /// The function that is called.
    function: u32,
    /// What the inner one does for each word.
    each: Vec<u16>,
    keys: [u32; 2],
    data: u8,
    after: Program,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            before: Program::default(),
            function: INNER,
            each: Vec::new(),
            keys: [7, 8],
            data: 1,
            after: Program::default().done(),
        }
    }
}

impl Scene {
    fn board(self) -> Board {
        let program = self
            .before
            .store(KEY, self.keys[0])
            .store(OTHER_KEY, self.keys[1])
            .load(0, XIP + DATA)
            .load(1, WORDS)
            .load(2, SEEN)
            .load(4, XIP + INNER + 1)
            .load(5, XIP + self.function + 1)
            .load(6, 0)
            .load(7, 0)
            .op(0x47A8) // blx r5
            .then(self.after);
        let mut board = program.in_flash();
        board.edit_flash(|flash| {
            flash.load(INNER, &bytes(&sum(&self.each)));
            flash.load(OUTER, &bytes(&CALLER));
            flash.load(DATA, &[self.data; 4 * WORDS as usize]);
        });
        board
    }
}

fn calls() -> Arc<Calls<Rp2040>> {
    let calls = Calls::new(&[]);
    for function in [INNER, OUTER] {
        calls.know_function(XIP + function);
    }
    Arc::new(calls)
}

/// How many instructions of the scene are passed, which must make no difference.
#[track_caller]
fn passed(calls: &Arc<Calls<Rp2040>>, scene: impl Fn() -> Scene) -> u64 {
    let ends = |mut board: Board| {
        let exit = board.run(10_000_000);
        let seen = [0, 4, 8, 12].map(|at| board.word(SEEN + at));
        let state = (board.now(), board.fingerprint(), seen, exit);
        (state, board.instructions())
    };
    let (end, all) = ends(scene().board());
    let mut board = scene().board();
    board.share_calls(Arc::clone(calls));
    board.compare_calls();
    let (other, executed) = ends(board);
    assert_eq!(end, other);
    all - executed
}

/// Whether its call is passed once it is known.
#[track_caller]
fn is_passed(scene: impl Fn() -> Scene) -> bool {
    let calls = calls();
    assert_eq!(passed(&calls, &scene), 0, "it is the first");
    passed(&calls, &scene) > 5 * u64::from(WORDS)
}

/// An address in r5, by way of r6; its lowest byte is 0.
fn address(of: u32) -> [u16; 8] {
    let [low, middle, upper, high] = of.to_le_bytes().map(u16::from);
    assert_eq!(low, 0);
    // movs r5, high; lsls r5, #24; movs r6, upper; lsls r6, #16; adds r5, r5, r6; and so on
    let upper = [0x2500 | high, 0x062D, 0x2600 | upper, 0x0436, 0x19AD];
    let middle = [0x2600 | middle, 0x0236, 0x19AD];
    core::array::from_fn(|i| *upper.iter().chain(&middle).nth(i).expect("eight"))
}

#[test]
fn a_call_that_is_known_is_passed() {
    assert!(is_passed(Scene::default));
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
fn the_divider_and_locks_are_what_a_passed_call_leaves() {
    // str r3, [r5, #0x60]; str r1, [r5, #0x64]; ldr r6, [r5, #0x74]; adds r3, r3, r6
    let each = [&address(SIO)[..], &[0x662B, 0x6669, 0x6F6E, 0x199B]].concat();
    let scene = |dividend| {
        let each = each.clone();
        move || Scene {
            before: Program::default().store(SIO + 0x60, dividend),
            each: each.clone(),
            after: Program::default()
                .fetch(5, SIO + 0x70)
                .load(7, SEEN + 12)
                .op(0x603D)
                .done(),
            ..Scene::default()
        }
    };
    assert!(is_passed(scene(1)));
    // What the divider held before is a part of what has to be the same.
    let calls = calls();
    passed(&calls, scene(1));
    assert_eq!(passed(&calls, scene(2)), 0);
}

#[test]
fn an_event_is_what_a_passed_call_leaves() {
    let scene = || Scene {
        each: vec![SEV],
        after: Program::default().op(WFE).done(),
        ..Scene::default()
    };
    assert!(is_passed(scene));
}

#[test]
fn functions_of_the_boot_rom_that_compute_are_a_part_of_a_call() {
    let with = |code: &[u8; 2]| {
        let code = *code;
        move || Scene {
            before: Program::default()
                .rom_address(&code)
                .store_result(OTHER_KEY + 4),
            // ldr r5, [r2, #12]; push {r0-r3}; blx r5; pop {r0-r3}
            each: vec![0x68D5, 0xB40F, 0x47A8, 0xBC0F],
            ..Scene::default()
        }
    };
    assert!(is_passed(with(b"P3")));
    assert!(!is_passed(with(b"FC")), "it empties the cache");
}

#[test]
fn a_call_is_not_passed_when_something_else_matters() {
    let timer = || {
        Program::default()
            .store(RELEASE, 1 << 21)
            .store(TICK, 1 << 9 | 12)
    };
    // ldr r6, [r5, #0x28]: the lower half of the time.
    let asks = || Scene {
        before: timer(),
        each: [&address(TIMER)[..], &[0x6AAE]].concat(),
        ..Scene::default()
    };
    // str r3, [r5, #0x0C]: a scratch register of the watchdog.
    let tells = || Scene {
        each: [
            &address(0x4005_8000 & 0xFF00_FF00)[..],
            &[0x2605, 0x0436, 0x19AD, 0x60EB],
        ]
        .concat(),
        ..Scene::default()
    };
    for scene in [&asks as &dyn Fn() -> Scene, &tells] {
        assert!(!is_passed(scene));
    }
    // An alarm within the call, which nobody is interrupted by, and one behind it.
    let alarm = |microseconds: u16| {
        move || Scene {
            before: timer()
                .fetch(0, TIMER + 0x28)
                .op(0x3000 | microseconds) // adds r0, #microseconds
                .load(7, TIMER + 0x10)
                .op(0x6038),
            ..Scene::default()
        }
    };
    assert!(!is_passed(alarm(10)));
    let calls = calls();
    passed(&calls, alarm(250));
    assert_ne!(passed(&calls, alarm(250)), 0);
    assert_eq!(passed(&calls, alarm(10)), 0);
}

/// Stores `counts` in the watchdog's LOAD for each word.
fn feeding(counts: u16) -> Vec<u16> {
    // movs r6, counts; lsls r6, #4; str r6, [r5, #4]
    [&address(WATCHDOG)[..], &[0x2600 | counts, 0x0136, 0x606E]].concat()
}

const ENABLED: u32 = 1 << 30;

fn watched(microseconds: u32, control: u32) -> Program {
    Program::default()
        .store(SELECT, 0x1_FFFC)
        .store(TICK, 1 << 9 | 12)
        .store(WATCHDOG + 4, 2 * microseconds)
        .store(WATCHDOG, control)
}

#[test]
fn a_watchdog_that_was_fed_in_a_call_fires_when_it_would_have() {
    let scene = || Scene {
        before: watched(1000, ENABLED),
        each: feeding(200),
        after: Program::default().op(FOR_EVER),
        ..Scene::default()
    };
    assert!(is_passed(scene));
    let mut board = scene().board();
    assert_eq!(board.run(1_000_000), Exit::Reset(Reset::WatchdogTimeout));
}

#[test]
fn a_watchdog_that_would_fire_in_a_call_does() {
    let scene = |microseconds, control| {
        move || Scene {
            before: watched(microseconds, control),
            each: feeding(0),
            after: Program::default().op(FOR_EVER),
            ..Scene::default()
        }
    };
    let calls = calls();
    // Off, it does not mind being told to fire at once.
    let mut off = scene(1_000_000, 0)().board();
    off.share_calls(Arc::clone(&calls));
    let mut other = off.snapshot();
    for board in [&mut off, &mut other] {
        assert_eq!(board.run(100_000), Exit::Asleep);
    }
    assert_ne!(calls.passed(), 0);
    let on = scene(1_000_000, ENABLED);
    assert_eq!(passed(&calls, on), 0);
    let exit = on().board().run(100_000);
    assert_eq!(exit, Exit::Reset(Reset::WatchdogTimeout));
}

#[test]
fn a_call_that_ends_a_run_does_so_whether_or_not_it_is_known() {
    let mut board = Scene::default().board();
    let calls = calls();
    board.share_calls(Arc::clone(&calls));
    run_to_end(&mut board);
    let mut again = Scene::default().board();
    again.share_calls(Arc::clone(&calls));
    again.execute_all();
    run_to_end(&mut again);
    assert_eq!(board.instructions(), again.instructions());
    assert_eq!(calls.passed(), 0);
}

//! Single instructions, compared with what another emulator made of them: see
//! `tests/instructions`.

use super::{Cpu, Event, fixes};
use crate::stm32::bus::Bus;

const RAM: u32 = 0x2000_0000;
const CODE: u32 = 0x2000_2000;
const DATA: u32 = 0x1000;
const APSR: u32 = 0xF800_0000;
const INTEGERS: [u32; 9] = [
    0,
    1,
    0xFFFF_FFFF,
    0x8000_0000,
    0x7FFF_FFFF,
    0x8000,
    0xFFFF,
    0x7F,
    0x80,
];
const FLOATS: [u32; 7] = [
    0,
    0x8000_0000,
    0x3F80_0000,
    0xBF80_0000,
    0x7F80_0000,
    0xFF80_0000,
    0x7FC0_0000,
];

/// What fills the registers, as in `record.py`.
struct Values(u32);

impl Values {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn integer(&mut self) -> u32 {
        match self.next() % 20 {
            0..8 => RAM + 0x400 + self.next() % 512 * 4,
            8..11 => self.next() % 40,
            11..14 => INTEGERS[self.next() as usize % INTEGERS.len()],
            _ => self.next(),
        }
    }

    fn float(&mut self) -> u32 {
        match self.next() % 20 {
            0..3 => FLOATS[self.next() as usize % FLOATS.len()],
            _ => {
                let exponent = 107 + self.next() % 50;
                self.next() & 0x807F_FFFF | exponent << 23
            }
        }
    }
}

/// Everything that a case can change, by the names that the recordings use.
fn state(cpu: &Cpu, bus: &Bus, width: u32) -> Vec<(String, u32)> {
    let registers = &cpu.core.regs;
    let mut state: Vec<(String, u32)> = (0..15)
        .map(|i| (format!("r{i}"), registers.r[i]))
        .chain([
            ("pc".to_owned(), cpu.pc().wrapping_sub(width)),
            ("flags".to_owned(), registers.xpsr & APSR),
        ])
        .chain((0..32).map(|i| (format!("s{i}"), registers.s[i].to_bits())))
        .collect();
    state.push(("fpscr".to_owned(), registers.fpscr & 0xF000_0000));
    state.push(("primask".to_owned(), registers.primask));
    state.push(("faultmask".to_owned(), registers.faultmask));
    for at in (0..DATA).step_by(4) {
        state.push((format!("m{at:x}"), bus.word(RAM + at).unwrap_or(0)));
    }
    state
}

fn prepare(case: &Case) -> (Cpu, Bus) {
    let mut bus = Bus::new(crate::stm32::flash());
    for i in 0..DATA {
        let [byte, ..] = (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes();
        bus.store(RAM + i, [byte]);
    }
    bus.store(CODE, case.first.to_le_bytes());
    bus.store(CODE + 2, case.second.to_le_bytes());
    for at in (RAM + DATA..CODE).step_by(4) {
        bus.store(at, [0; 4]);
    }
    for at in (CODE + 4..CODE + 0x1000).step_by(2) {
        bus.store(at, 0xBF00_u16.to_le_bytes());
    }
    let mut values = Values(case.seed);
    let mut cpu = Cpu::starting_at(CODE, 0);
    let registers = &mut cpu.core.regs;
    for register in &mut registers.r[..15] {
        *register = values.integer();
    }
    let sp = RAM + 0x400 + values.next() % 256 * 8;
    registers.msp = sp;
    registers.set_sp(sp);
    registers.xpsr = 1 << 24 | values.next() & APSR;
    for single in &mut registers.s {
        *single = f32::from_bits(values.float());
    }
    registers.primask = case.seed & 1;
    registers.faultmask = case.seed >> 1 & 1;
    cpu.core.ppb.cpacr = 0xF << 20;
    (cpu, bus)
}

struct Case {
    first: u16,
    second: u16,
    seed: u32,
    changes: Vec<(String, u32)>,
}

fn parse(line: &str) -> Case {
    let hex = |text: &str| u32::from_str_radix(text, 16).expect("a number");
    let half = |text: &str| u16::from_str_radix(text, 16).expect("half an instruction");
    let mut words = line.split_whitespace();
    let mut word = || words.next().expect("instruction and seed");
    let (first, second, seed) = (half(word()), half(word()), hex(word()));
    let changes = words.map(|word| {
        let (name, value) = word.split_once('=').expect("NAME=VALUE");
        (name.to_owned(), hex(value))
    });
    Case {
        first,
        second,
        seed,
        changes: changes.collect(),
    }
}

/// What a case did that was not recorded, or the other way around.
fn differences(case: &Case) -> Vec<String> {
    let (mut cpu, mut bus) = prepare(case);
    let width = if case.first >= 0xE800 { 4 } else { 2 };
    // The program counter is told from behind the instruction, and written down absolutely.
    let mut before = state(&cpu, &bus, 0);
    let (_, event) = cpu.step(&mut bus);
    let mut after = state(&cpu, &bus, width);
    for (name, value) in &case.changes {
        let expected = before.iter_mut().find(|(known, _)| known == name);
        let expected = expected.unwrap_or_else(|| panic!("no {name}"));
        expected.1 = value.wrapping_sub(if name == "pc" { width } else { 0 });
    }
    for state in [&mut before, &mut after] {
        // One not-a-number is as good as another.
        for (name, value) in state {
            if name.starts_with('s') && f32::from_bits(*value).is_nan() {
                *value = f32::NAN.to_bits();
            }
        }
    }
    let mut differences: Vec<String> = before
        .iter()
        .zip(&after)
        .filter(|(expected, got)| expected != got)
        .map(|((name, expected), (_, got))| format!("{name} is {got:x}, not {expected:x}"))
        .collect();
    if event != Event::None {
        differences.push(format!("{event:?}"));
    }
    differences
}

/// Runs all cases of a file; says how many of them need a fix.
fn check(cases: &str) -> usize {
    let mut fixed = 0;
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let case = parse(line);
        let fix = fixes::find(case.first, case.second);
        fixed += usize::from(fixes::is_suspect(case.first) && fix.is_some());
        let differences = differences(&case);
        if !differences.is_empty() {
            wrong.push(format!("{line}: {}", differences.join(", ")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    fixed
}

#[test]
fn interrupt_masks_as_recorded() {
    assert_eq!(
        check(include_str!("../../../tests/instructions/cps.txt")),
        24
    );
}

#[test]
fn packing_half_words_as_recorded() {
    let cases = include_str!("../../../tests/instructions/pack.txt");
    assert_eq!(check(cases), 150);
}

#[test]
fn parallel_bytes_as_recorded() {
    let cases = include_str!("../../../tests/instructions/parallel.txt");
    assert_eq!(check(cases), 300);
}

#[test]
fn double_registers_as_recorded() {
    let cases = include_str!("../../../tests/instructions/doubles.txt");
    assert_eq!(check(cases), 400);
}

#[test]
fn all_other_instructions_as_recorded() {
    check(include_str!("../../../tests/instructions/integers.txt"));
}

#[test]
fn floating_point_as_recorded() {
    check(include_str!("../../../tests/instructions/floats.txt"));
}

/// A fix that is skipped by its condition does nothing, and the IT block goes on.
#[test]
fn a_condition_holds_for_fixed_instructions_too() {
    // ite eq; pkhbteq r0, r1, r2; pkhbtne r3, r1, r2, with Z set.
    let code = [0xBF0C, 0xEAC1, 0x0002, 0xEAC1, 0x0302_u16];
    let mut bus = Bus::new(crate::stm32::flash());
    for (at, half) in (CODE..).step_by(2).zip(code) {
        bus.store(at, half.to_le_bytes());
    }
    let mut cpu = Cpu::starting_at(CODE, RAM + 0x1000);
    let registers = &mut cpu.core.regs;
    registers.r[..4].copy_from_slice(&[7, 0x1111_2222, 0x3333_4444, 9]);
    registers.xpsr |= 1 << 30;
    cpu.step(&mut bus);
    // A copy is in the same IT block.
    let mut copy = cpu.copy(&mut bus);
    for cpu in [&mut cpu, &mut copy] {
        cpu.step(&mut bus);
        cpu.step(&mut bus);
        assert_eq!(cpu.core.regs.r[0], 0x3333_2222);
        assert_eq!(cpu.core.regs.r[3], 9);
        assert_eq!(cpu.core.it_state() & 0xF, 0);
        assert_eq!(cpu.pc(), CODE + 10);
    }
}

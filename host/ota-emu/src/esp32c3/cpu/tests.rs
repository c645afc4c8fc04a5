//! Single instructions, compared with what another emulator made of them (see
//! `tests/instructions`), and what those recordings do not have: traps and control registers.

use super::{Bus, Cpu, Exception, Width};

const RAM: u32 = 0x2000_0000;
const CODE: u32 = 0x2000_2000;
/// Bytes whose changes were recorded.
const DATA: usize = 0x1000;
const END: u32 = RAM + 0x4000;
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

/// RAM and nothing else.
#[derive(Clone)]
struct Memory(Vec<u8>);

impl Memory {
    fn new() -> Self {
        let byte = |i: u32| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0];
        let mut bytes: Vec<u8> = (0..0x1000).map(byte).collect();
        bytes.resize((END - RAM) as usize, 0);
        Self(bytes)
    }

    fn at(&mut self, address: u32, len: usize) -> Option<&mut [u8]> {
        let offset = address.checked_sub(RAM)? as usize;
        self.0.get_mut(offset..offset.checked_add(len)?)
    }

    fn program(&mut self, address: u32, instructions: &[u32]) {
        for (place, word) in (address..).step_by(4).zip(instructions) {
            self.store(place, Width::Word, *word).expect("in memory");
        }
    }

    fn word(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.0[offset..offset + 4].try_into().expect("four"))
    }
}

const fn len(width: Width) -> usize {
    match width {
        Width::Byte => 1,
        Width::Half => 2,
        Width::Word => 4,
    }
}

impl Bus for Memory {
    fn load(&mut self, address: u32, width: Width) -> Option<u32> {
        let bytes = self.at(address, len(width))?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u32::from(*byte)),
        )
    }

    fn store(&mut self, address: u32, width: Width, value: u32) -> Option<()> {
        let bytes = self.at(address, len(width))?;
        bytes.copy_from_slice(&value.to_le_bytes()[..bytes.len()]);
        Some(())
    }

    fn fetch(&mut self, address: u32) -> Option<u16> {
        self.at(address, 2)
            .map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }
}

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
}

/// Everything that a case can change, by the names that the recordings use.
fn state(cpu: &Cpu, memory: &Memory) -> Vec<(String, u32)> {
    let registers = (0..32).map(|i| (format!("x{i}"), cpu.register(i)));
    let words = (0..DATA)
        .step_by(4)
        .map(|at| (format!("m{at:x}"), memory.word(at)));
    registers
        .chain([("pc".to_owned(), cpu.pc)])
        .chain(words)
        .collect()
}

/// What a case did that was not recorded, or the other way around.
fn differences(line: &str) -> Vec<String> {
    let hex = |text: &str| u32::from_str_radix(text, 16).expect("a number");
    let words: Vec<&str> = line.split(' ').collect();
    let (instruction, seed, changes) = (hex(words[0]), hex(words[1]), &words[2..]);
    let mut memory = Memory::new();
    let padding = if words[0].len() == 4 { 0x0001_0000 } else { 0 };
    memory.program(CODE, &[instruction | padding]);
    let mut values = Values(seed);
    let mut cpu = Cpu::starting_at(CODE);
    for number in 1..32 {
        cpu.set_register(number, values.integer());
    }
    let mut expected = state(&cpu, &memory);
    let exception = cpu.step(&mut memory);
    if changes == ["illegal"] {
        let right = exception == Some(Exception::Illegal(instruction));
        return if right {
            Vec::new()
        } else {
            vec![format!("{exception:?}")]
        };
    }
    let width = if words[0].len() == 4 { 2 } else { 4 };
    let mut set = |name: &str, value: u32| {
        let place = expected.iter_mut().find(|(known, _)| known == name);
        place.unwrap_or_else(|| panic!("no {name}")).1 = value;
    };
    set("pc", CODE + width);
    for change in changes {
        let (name, value) = change.split_once('=').expect("NAME=VALUE");
        set(name, hex(value));
    }
    let got = state(&cpu, &memory);
    let wrong = expected
        .iter()
        .zip(&got)
        .filter(|(expected, got)| expected != got);
    wrong
        .map(|((name, expected), (_, got))| format!("{name} is {got:x}, not {expected:x}"))
        .chain(exception.map(|exception| format!("{exception:?}")))
        .collect()
}

#[test]
fn instructions_as_recorded() {
    let lines: Vec<_> = include_str!("../../../tests/instructions/riscv.txt")
        .lines()
        .collect();
    let wrong: Vec<String> = lines
        .iter()
        .map(|line| (line, differences(line)))
        .filter(|(_, differences)| !differences.is_empty())
        .map(|(line, differences)| format!("{line}: {}", differences.join(", ")))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(lines.len(), 3000);
    assert!(
        lines
            .iter()
            .filter(|line| line.ends_with("illegal"))
            .count()
            > 500
    );
}

/// `csrrw x0, number, register`.
const fn write_csr(number: u32, register: u32) -> u32 {
    number << 20 | register << 15 | 0x1073
}

/// `csrrs register, number, x0`.
const fn read_csr(register: u32, number: u32) -> u32 {
    number << 20 | 0x2073 | register << 7
}

const MRET: u32 = 0x3020_0073;
const WFI: u32 = 0x1050_0073;
const VECTORS: u32 = RAM + 0x3000;

/// A processor whose trap vectors are set.
fn with_vectors(program: &[u32]) -> (Cpu, Memory) {
    let mut memory = Memory::new();
    memory.program(CODE, &[&[write_csr(0x305, 5)], program].concat());
    let mut cpu = Cpu::starting_at(CODE);
    cpu.set_register(5, VECTORS | 0x7C);
    assert_eq!(cpu.step(&mut memory), None);
    (cpu, memory)
}

#[test]
fn an_exception_enters_the_first_vector_and_mret_comes_back() {
    for (instruction, exception, cause, value) in [
        (0x0000_0073, Exception::EnvironmentCall, 11, 0),
        (0x0010_0073, Exception::Breakpoint(CODE + 4), 3, CODE + 4),
        (0xFFFF_FFFF, Exception::Illegal(0xFFFF_FFFF), 2, 0xFFFF_FFFF),
        (0x0000_2083, Exception::Load(0), 5, 0), // lw x1, 0(x0)
        (0x0010_2223, Exception::Store(4), 7, 4), // sw x1, 4(x0)
    ] {
        let (mut cpu, mut memory) = with_vectors(&[instruction]);
        memory.program(VECTORS, &[read_csr(6, 0x342), read_csr(7, 0x343), MRET]);
        assert_eq!(cpu.step(&mut memory), Some(exception));
        assert_eq!(cpu.pc, VECTORS);
        assert!(!cpu.csrs.interrupts_enabled());
        for _ in 0..3 {
            assert_eq!(cpu.step(&mut memory), None);
        }
        assert_eq!((cpu.register(6), cpu.register(7)), (cause, value));
        assert_eq!(cpu.pc, CODE + 4, "at the instruction again");
        assert!(cpu.csrs.interrupts_enabled());
    }
}

#[test]
fn nothing_to_fetch_is_an_exception() {
    let (mut cpu, mut memory) = with_vectors(&[]);
    cpu.pc = END - 2;
    memory
        .store(cpu.pc, Width::Half, 0x0003)
        .expect("in memory");
    assert_eq!(cpu.step(&mut memory), Some(Exception::Fetch(END)));
    cpu.pc = 0x6000_0000;
    assert_eq!(cpu.step(&mut memory), Some(Exception::Fetch(0x6000_0000)));
    assert_eq!(
        (cpu.csrs.epc, cpu.csrs.cause, cpu.csrs.value),
        (0x6000_0000, 1, 0x6000_0000)
    );
}

#[test]
fn an_interrupt_enters_its_vector_if_enabled_and_wakes_in_any_case() {
    let (mut cpu, mut memory) = with_vectors(&[WFI]);
    assert_eq!(cpu.step(&mut memory), None);
    assert!(cpu.asleep);
    assert!(cpu.interrupt(17));
    assert_eq!(cpu.pc, VECTORS + 4 * 17);
    assert_eq!((cpu.csrs.cause, cpu.csrs.epc), (1 << 31 | 17, CODE + 8));
    cpu.asleep = true;
    assert!(!cpu.interrupt(18), "it is disabled in a handler");
    assert!(!cpu.asleep);
    assert_eq!(cpu.pc, VECTORS + 4 * 17);
}

#[test]
fn control_registers_keep_what_the_chip_keeps() {
    let mut memory = Memory::new();
    let mut written = |number: u32| {
        memory.program(CODE, &[write_csr(number, 5), read_csr(6, number)]);
        let mut cpu = Cpu::starting_at(CODE);
        cpu.set_register(5, 0xFFFF_FFFF);
        let exceptions = (cpu.step(&mut memory), cpu.step(&mut memory));
        (exceptions.0.is_some(), cpu.register(6))
    };
    assert_eq!(written(0x300), (false, 0x0020_1888), "mstatus");
    assert_eq!(written(0x301), (false, 0x4000_1104), "misa");
    assert_eq!(written(0x305), (false, 0xFFFF_FF01), "mtvec");
    assert_eq!(written(0x341), (false, 0xFFFF_FFFE), "mepc");
    assert_eq!(written(0x340), (false, 0xFFFF_FFFF), "mscratch");
    assert_eq!(written(0x3B0), (false, 0xFFFF_FFFF), "pmpaddr0");
    assert!(written(0xF14).0, "mhartid is read-only");
}

/// `csrrs`, `csrrc` and their immediate forms; with `x0` or zero they only read.
#[test]
fn bits_of_control_registers_are_set_and_cleared() {
    let mut memory = Memory::new();
    let csr = |which: u32, number: u32, operand: u32| {
        number << 20 | operand << 15 | which << 12 | 6 << 7 | 0x73
    };
    let program = [
        csr(5, 0x340, 0x15), // csrrwi
        csr(2, 0x340, 5),    // csrrs
        csr(7, 0x340, 0x11), // csrrci
        csr(3, 0x340, 7),    // csrrc
        csr(6, 0x340, 0),    // csrrsi, reads
        csr(2, 0xF14, 0),    // csrrs of a read-only register, reads
    ];
    memory.program(CODE, &program);
    let mut cpu = Cpu::starting_at(CODE);
    cpu.set_register(5, 0xF00);
    cpu.set_register(7, 0x300);
    for old in [0, 0x15, 0xF15, 0xF04, 0xC04, 0] {
        assert_eq!(cpu.step(&mut memory), None);
        assert_eq!(cpu.register(6), old);
    }
}

#[test]
fn the_first_register_is_zero() {
    let mut memory = Memory::new();
    memory.program(CODE, &[0x0010_0013]); // addi x0, x0, 1
    let mut cpu = Cpu::starting_at(CODE);
    assert_eq!(cpu.step(&mut memory), None);
    assert_eq!(cpu.register(0), 0);
}

/// Shifts by 32 and more, operations on double words, floating point, and what stands for nothing.
#[test]
fn compressed_instructions_of_other_chips_are_illegal() {
    let mut memory = Memory::new();
    for half in [
        0x0000, 0x8000, 0x9581, 0x9181, 0x1582, 0x9C01, 0x9C41, 0x2000, 0x6000, 0xA000, 0xE000,
        0x2002, 0x6002, 0xA002, 0xE002, 0x4002, 0x8002, 0x6101, 0x6081,
    ] {
        memory.program(CODE, &[half | 0x0001_0000]);
        let mut cpu = Cpu::starting_at(CODE);
        assert_eq!(
            cpu.step(&mut memory),
            Some(Exception::Illegal(half)),
            "{half:#x}"
        );
    }
}

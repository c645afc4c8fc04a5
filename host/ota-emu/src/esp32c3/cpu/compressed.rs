//! Compressed instructions, as the full ones that they stand for.

use std::sync::LazyLock;

const LOAD_WORD: u32 = 0x2003;
const STORE_WORD: u32 = 0x2023;
const ADD_IMMEDIATE: u32 = 0x13;
const SHIFT_LEFT: u32 = 0x1013;
const SHIFT_RIGHT: u32 = 0x5013;
const SHIFT_RIGHT_SIGNED: u32 = 0x4000_5013;
const AND_IMMEDIATE: u32 = 0x7013;
const ADD: u32 = 0x33;
const SUBTRACT: u32 = 0x4000_0033;
const XOR: u32 = 0x4033;
const OR: u32 = 0x6033;
const AND: u32 = 0x7033;
const LOAD_UPPER: u32 = 0x37;
const JUMP: u32 = 0x6F;
const JUMP_REGISTER: u32 = 0x67;
const BRANCH_EQUAL: u32 = 0x63;
const BRANCH_NOT_EQUAL: u32 = 0x1063;
const EBREAK: u32 = 0x0010_0073;

/// The link register, and the stack pointer.
const RA: u32 = 1;
const SP: u32 = 2;

static EXPANDED: LazyLock<Vec<Option<u32>>> = LazyLock::new(|| {
    (0..=u16::MAX)
        .map(|half| translate(Half(half.into())))
        .collect()
});

/// The full instruction; `None` if there is none.
#[inline]
pub(super) fn expand(half: u16) -> Option<u32> {
    EXPANDED.get(usize::from(half)).copied().flatten()
}

/// Half a word, and its fields.
#[derive(Clone, Copy)]
struct Half(u32);

impl Half {
    /// The bits from `low` on, so many, moved to the place `to`.
    fn bits(self, low: u32, count: u32, to: u32) -> u32 {
        (self.0 >> low & ((1 << count) - 1)) << to
    }

    /// A full register number, in the place of the destination.
    fn register(self) -> u32 {
        self.bits(7, 5, 0)
    }

    fn second(self) -> u32 {
        self.bits(2, 5, 0)
    }

    /// Three bits for one of `x8` to `x15`.
    fn upper(self) -> u32 {
        8 + self.bits(7, 3, 0)
    }

    fn lower(self) -> u32 {
        8 + self.bits(2, 3, 0)
    }

    /// Six bits with a sign.
    fn immediate(self) -> u32 {
        signed(self.bits(12, 1, 5) | self.bits(2, 5, 0), 6)
    }

    fn shift(self) -> Option<u32> {
        (self.bits(12, 1, 0) == 0).then(|| self.bits(2, 5, 0))
    }

    fn jump(self) -> u32 {
        let bits = self.bits(12, 1, 11)
            | self.bits(11, 1, 4)
            | self.bits(9, 2, 8)
            | self.bits(8, 1, 10)
            | self.bits(7, 1, 6)
            | self.bits(6, 1, 7)
            | self.bits(3, 3, 1)
            | self.bits(2, 1, 5);
        signed(bits, 12)
    }

    fn branch(self) -> u32 {
        let bits = self.bits(12, 1, 8)
            | self.bits(10, 2, 3)
            | self.bits(5, 2, 6)
            | self.bits(3, 2, 1)
            | self.bits(2, 1, 5);
        signed(bits, 9)
    }

    /// Of a word, from one of `x8` to `x15`.
    fn word_offset(self) -> u32 {
        self.bits(10, 3, 3) | self.bits(6, 1, 2) | self.bits(5, 1, 6)
    }
}

fn signed(value: u32, bits: u32) -> u32 {
    ((value << (32 - bits)).cast_signed() >> (32 - bits)).cast_unsigned()
}

fn translate(c: Half) -> Option<u32> {
    match (c.0 & 3, c.0 >> 13) {
        (0, 0) => {
            let offset = c.bits(11, 2, 4) | c.bits(7, 4, 6) | c.bits(6, 1, 2) | c.bits(5, 1, 3);
            (offset != 0).then(|| with_immediate(ADD_IMMEDIATE, c.lower(), SP, offset))
        }
        (0, 2) => Some(with_immediate(
            LOAD_WORD,
            c.lower(),
            c.upper(),
            c.word_offset(),
        )),
        (0, 6) => Some(store(c.upper(), c.lower(), c.word_offset())),
        (1, 0) => Some(with_immediate(
            ADD_IMMEDIATE,
            c.register(),
            c.register(),
            c.immediate(),
        )),
        (1, 1) => Some(jump(RA, c.jump())),
        (1, 2) => Some(with_immediate(
            ADD_IMMEDIATE,
            c.register(),
            0,
            c.immediate(),
        )),
        (1, 3) => upper_immediate(c),
        (1, 4) => arithmetic(c),
        (1, 5) => Some(jump(0, c.jump())),
        (1, 6) => Some(branch(BRANCH_EQUAL, c.upper(), c.branch())),
        (1, 7) => Some(branch(BRANCH_NOT_EQUAL, c.upper(), c.branch())),
        (2, 0) => Some(with_immediate(
            SHIFT_LEFT,
            c.register(),
            c.register(),
            c.shift()?,
        )),
        (2, 2) => {
            let offset = c.bits(12, 1, 5) | c.bits(4, 3, 2) | c.bits(2, 2, 6);
            (c.register() != 0).then(|| with_immediate(LOAD_WORD, c.register(), SP, offset))
        }
        (2, 4) => moves_and_jumps(c),
        (2, 6) => Some(store(SP, c.second(), c.bits(9, 4, 2) | c.bits(7, 2, 6))),
        _ => None,
    }
}

fn upper_immediate(c: Half) -> Option<u32> {
    if c.register() == SP {
        let bits = c.bits(12, 1, 9)
            | c.bits(6, 1, 4)
            | c.bits(5, 1, 6)
            | c.bits(3, 2, 7)
            | c.bits(2, 1, 5);
        return (bits != 0).then(|| with_immediate(ADD_IMMEDIATE, SP, SP, signed(bits, 10)));
    }
    let upper = c.immediate() << 12;
    (upper != 0).then(|| LOAD_UPPER | c.register() << 7 | upper)
}

fn arithmetic(c: Half) -> Option<u32> {
    let register = c.upper();
    let immediate = |operation, value| with_immediate(operation, register, register, value);
    Some(
        match (c.bits(10, 2, 0), c.bits(12, 1, 0), c.bits(5, 2, 0)) {
            (0, ..) => immediate(SHIFT_RIGHT, c.shift()?),
            (1, ..) => immediate(SHIFT_RIGHT_SIGNED, c.shift()?),
            (2, ..) => immediate(AND_IMMEDIATE, c.immediate()),
            (_, 0, 0) => of_registers(SUBTRACT, register, register, c.lower()),
            (_, 0, 1) => of_registers(XOR, register, register, c.lower()),
            (_, 0, 2) => of_registers(OR, register, register, c.lower()),
            (_, 0, _) => of_registers(AND, register, register, c.lower()),
            _ => return None,
        },
    )
}

fn moves_and_jumps(c: Half) -> Option<u32> {
    Some(match (c.bits(12, 1, 0), c.register(), c.second()) {
        (0, 0, 0) => return None,
        (0, to, 0) => with_immediate(JUMP_REGISTER, 0, to, 0),
        (0, to, from) => of_registers(ADD, to, 0, from),
        (_, 0, 0) => EBREAK,
        (_, to, 0) => with_immediate(JUMP_REGISTER, RA, to, 0),
        (_, to, from) => of_registers(ADD, to, to, from),
    })
}

fn with_immediate(operation: u32, to: u32, from: u32, immediate: u32) -> u32 {
    operation | to << 7 | from << 15 | immediate << 20
}

fn of_registers(operation: u32, to: u32, a: u32, b: u32) -> u32 {
    operation | to << 7 | a << 15 | b << 20
}

fn store(base: u32, from: u32, offset: u32) -> u32 {
    STORE_WORD | base << 15 | from << 20 | (offset & 31) << 7 | offset >> 5 << 25
}

fn jump(link: u32, offset: u32) -> u32 {
    let scattered = (offset >> 20 & 1) << 31
        | (offset >> 1 & 0x3FF) << 21
        | (offset >> 11 & 1) << 20
        | offset & 0xF_F000;
    JUMP | link << 7 | scattered
}

fn branch(operation: u32, register: u32, offset: u32) -> u32 {
    let scattered = (offset >> 12 & 1) << 31
        | (offset >> 5 & 0x3F) << 25
        | (offset >> 1 & 15) << 8
        | (offset >> 11 & 1) << 7;
    operation | register << 15 | scattered
}

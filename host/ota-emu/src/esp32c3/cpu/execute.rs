//! What each instruction does.

use super::csr::Change;
use super::{Bus, Cpu, Exception, Width};

const LOAD: u32 = 0x03;
const FENCE: u32 = 0x0F;
const IMMEDIATE: u32 = 0x13;
const AUIPC: u32 = 0x17;
const STORE: u32 = 0x23;
const REGISTERS: u32 = 0x33;
const LUI: u32 = 0x37;
const BRANCH: u32 = 0x63;
const JALR: u32 = 0x67;
const JAL: u32 = 0x6F;
const SYSTEM: u32 = 0x73;

const ECALL: u32 = 0x0000_0073;
const EBREAK: u32 = 0x0010_0073;
const MRET: u32 = 0x3020_0073;
const WFI: u32 = 0x1050_0073;

/// An instruction, and its fields as most formats have them.
#[derive(Clone, Copy)]
struct Instruction(u32);

impl Instruction {
    const fn destination(self) -> usize {
        (self.0 >> 7 & 31) as usize
    }

    const fn first(self) -> usize {
        (self.0 >> 15 & 31) as usize
    }

    const fn second(self) -> usize {
        (self.0 >> 20 & 31) as usize
    }

    /// `funct3`: which of a kind.
    const fn which(self) -> u32 {
        self.0 >> 12 & 7
    }

    /// `funct7`: more of that.
    const fn variant(self) -> u32 {
        self.0 >> 25
    }

    /// The upper twelve bits, with their sign.
    const fn immediate(self) -> u32 {
        (self.0.cast_signed() >> 20).cast_unsigned()
    }

    /// Of a store: its lower part is where others have the destination.
    const fn store_offset(self) -> u32 {
        self.immediate() & !31 | self.0 >> 7 & 31
    }

    const fn branch_offset(self) -> u32 {
        let sign = (self.0.cast_signed() >> 31).cast_unsigned() & !0xFFF;
        sign | (self.0 & 0x80) << 4 | self.0 >> 20 & 0x7E0 | self.0 >> 7 & 0x1E
    }

    const fn jump_offset(self) -> u32 {
        let sign = (self.0.cast_signed() >> 31).cast_unsigned() & !0xF_FFFF;
        sign | self.0 & 0xF_F000 | self.0 >> 9 & 0x800 | self.0 >> 20 & 0x7FE
    }
}

impl Cpu {
    /// Executes an instruction of full length that takes so many bytes in memory. Nothing is
    /// changed if there is an exception.
    #[inline]
    pub(super) fn execute(
        &mut self,
        bus: &mut impl Bus,
        word: u32,
        len: u32,
    ) -> Result<(), Exception> {
        let i = Instruction(word);
        let illegal = Exception::Illegal(word);
        let first = self.register(i.first());
        let second = self.register(i.second());
        let following = self.pc.wrapping_add(len);
        let mut next = following;
        let result = match word & 0x7F {
            LUI => Some(word & 0xFFFF_F000),
            AUIPC => Some(self.pc.wrapping_add(word & 0xFFFF_F000)),
            JAL => {
                next = self.pc.wrapping_add(i.jump_offset());
                Some(following)
            }
            JALR if i.which() == 0 => {
                next = first.wrapping_add(i.immediate()) & !1;
                Some(following)
            }
            BRANCH => {
                if taken(i.which(), first, second).ok_or(illegal)? {
                    next = self.pc.wrapping_add(i.branch_offset());
                }
                None
            }
            LOAD => Some(load(bus, i, first)?),
            STORE => {
                store(bus, i, first, second)?;
                None
            }
            IMMEDIATE => Some(immediate(i, first).ok_or(illegal)?),
            REGISTERS if i.variant() == 1 => Some(multiply(i.which(), first, second)),
            REGISTERS => Some(registers(i, first, second).ok_or(illegal)?),
            FENCE if i.which() < 2 => None,
            SYSTEM if i.which() & 3 != 0 => Some(self.csr(i, first).ok_or(illegal)?),
            SYSTEM => {
                next = self.system(word, following)?;
                None
            }
            _ => return Err(illegal),
        };
        if let Some(value) = result {
            self.set_register(i.destination(), value);
        }
        self.pc = next;
        Ok(())
    }

    fn system(&mut self, word: u32, following: u32) -> Result<u32, Exception> {
        match word {
            ECALL => Err(Exception::EnvironmentCall),
            EBREAK => Err(Exception::Breakpoint(self.pc)),
            MRET => Ok(self.csrs.leave()),
            WFI => {
                self.asleep = true;
                Ok(following)
            }
            _ => Err(Exception::Illegal(word)),
        }
    }

    /// The register's value before. The operand is a register, or the number of one.
    fn csr(&mut self, i: Instruction, first: u32) -> Option<u32> {
        let immediate = i.which() & 4 != 0;
        let operand = if immediate { i.0 >> 15 & 31 } else { first };
        let change = match i.which() & 3 {
            1 => Change::Write(operand),
            _ if i.first() == 0 => Change::None,
            2 => Change::Set(operand),
            _ => Change::Clear(operand),
        };
        self.csrs.access(i.0 >> 20, change)
    }
}

fn taken(which: u32, a: u32, b: u32) -> Option<bool> {
    Some(match which {
        0 => a == b,
        1 => a != b,
        4 => a.cast_signed() < b.cast_signed(),
        5 => a.cast_signed() >= b.cast_signed(),
        6 => a < b,
        7 => a >= b,
        _ => return None,
    })
}

fn load(bus: &mut impl Bus, i: Instruction, base: u32) -> Result<u32, Exception> {
    let address = base.wrapping_add(i.immediate());
    let mut read = |width| bus.load(address, width).ok_or(Exception::Load(address));
    Ok(match i.which() {
        0 => sign_extended(read(Width::Byte)?, 8),
        1 => sign_extended(read(Width::Half)?, 16),
        2 => read(Width::Word)?,
        4 => read(Width::Byte)?,
        5 => read(Width::Half)?,
        _ => return Err(Exception::Illegal(i.0)),
    })
}

fn sign_extended(value: u32, bits: u32) -> u32 {
    ((value << (32 - bits)).cast_signed() >> (32 - bits)).cast_unsigned()
}

fn store(bus: &mut impl Bus, i: Instruction, base: u32, value: u32) -> Result<(), Exception> {
    let address = base.wrapping_add(i.store_offset());
    let width = match i.which() {
        0 => Width::Byte,
        1 => Width::Half,
        2 => Width::Word,
        _ => return Err(Exception::Illegal(i.0)),
    };
    bus.store(address, width, value)
        .ok_or(Exception::Store(address))
}

fn immediate(i: Instruction, a: u32) -> Option<u32> {
    let b = i.immediate();
    Some(match (i.which(), i.variant()) {
        (0, _) => a.wrapping_add(b),
        (2, _) => u32::from(a.cast_signed() < b.cast_signed()),
        (3, _) => u32::from(a < b),
        (4, _) => a ^ b,
        (6, _) => a | b,
        (7, _) => a & b,
        (1, 0) => a << (b & 31),
        (5, 0) => a >> (b & 31),
        (5, 32) => (a.cast_signed() >> (b & 31)).cast_unsigned(),
        _ => return None,
    })
}

fn registers(i: Instruction, a: u32, b: u32) -> Option<u32> {
    Some(match (i.which(), i.variant()) {
        (0, 0) => a.wrapping_add(b),
        (0, 32) => a.wrapping_sub(b),
        (1, 0) => a << (b & 31),
        (2, 0) => u32::from(a.cast_signed() < b.cast_signed()),
        (3, 0) => u32::from(a < b),
        (4, 0) => a ^ b,
        (5, 0) => a >> (b & 31),
        (5, 32) => (a.cast_signed() >> (b & 31)).cast_unsigned(),
        (6, 0) => a | b,
        (7, 0) => a & b,
        _ => return None,
    })
}

/// Multiplication and division, which has a result by zero too.
fn multiply(which: u32, a: u32, b: u32) -> u32 {
    let (signed_a, signed_b) = (a.cast_signed(), b.cast_signed());
    let high = |product: i64| (product >> 32) as u32;
    match which {
        0 => a.wrapping_mul(b),
        1 => high(i64::from(signed_a) * i64::from(signed_b)),
        2 => high(i64::from(signed_a) * i64::from(b)),
        3 => ((u64::from(a) * u64::from(b)) >> 32) as u32,
        4 if b == 0 => u32::MAX,
        4 => signed_a.wrapping_div(signed_b).cast_unsigned(),
        5 => a.checked_div(b).unwrap_or(u32::MAX),
        6 if b == 0 => a,
        6 => signed_a.wrapping_rem(signed_b).cast_unsigned(),
        _ => a.checked_rem(b).unwrap_or(a),
    }
}

//! Instructions of a Cortex-M4 that the crate's core gets wrong, done outside of it.
//!
//! Found by comparing single instructions with another emulator; `tests/instructions` holds
//! recorded cases for each. The core executes a stand-in of the same width, which keeps its
//! program counter, IT state and cycles right, and the effect is added here:
//!
//! - `CPS`: the core takes the I and F bits for each other;
//! - `PKHBT`, `PKHTB`: undefined;
//! - `QADD8` and its family (saturating and halving, signed and not): no effect;
//! - moves, loads and stores of double registers, which a single-precision FPU has too:
//!   undefined.

use rp2350_emu::core::Registers;

const NOP: [u16; 2] = [0xBF00, 0xBF00];
const WIDE_NOP: [u16; 2] = [0xF3AF, 0x8000];
/// `vmov.f32 s0, s0`: does nothing, and counts as a use of the FPU.
const FPU_NOP: [u16; 2] = [0xEEB0, 0x0A40];
const PC: usize = 15;

/// What an instruction does that its stand-in does not.
#[derive(Debug, Clone, Copy)]
enum Effect {
    /// The stand-in does all of it.
    Nothing,
    SetMasks {
        value: u32,
        primask: bool,
        faultmask: bool,
    },
    Pack {
        n: usize,
        m: usize,
        d: usize,
        shift: u32,
        top_first: bool,
    },
    Bytes {
        n: usize,
        m: usize,
        d: usize,
        operation: fn(u8, u8) -> u8,
    },
    /// Two core registers to two single registers in a row.
    ToPair {
        single: usize,
        from: [usize; 2],
    },
    FromPair {
        single: usize,
        to: [usize; 2],
    },
    Load {
        single: usize,
        base: usize,
        offset: u32,
    },
    Store {
        single: usize,
        base: usize,
        offset: u32,
    },
}

/// An instruction to be done here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fix {
    /// What the core executes instead.
    pub(crate) stand_in: [u16; 2],
    /// Bytes of the instruction.
    pub(crate) width: u32,
    effect: Effect,
}

/// Memory, as far as the effects need it.
pub(crate) trait Words {
    fn load_word(&mut self, address: u32) -> u32;
    fn store_word(&mut self, address: u32, value: u32);
}

/// Whether an instruction that begins so may have to be done here. Asked before each one.
pub(crate) const fn is_suspect(first: u16) -> bool {
    match first >> 8 {
        0xB6 => first & 0xFFE8 == 0xB660,
        0xEA => first & 0xFFF0 == 0xEAC0,
        0xEC..=0xEE => true,
        0xFA => first & 0xFFB0 == 0xFA80,
        _ => false,
    }
}

/// The fix for an instruction, if it needs one.
pub(crate) fn find(first: u16, second: u16) -> Option<Fix> {
    let (stand_in, effect) = match first >> 8 {
        0xB6 => return Some(change_masks(first)),
        0xEA => (WIDE_NOP, pack(first, second)?),
        0xFA => (WIDE_NOP, bytes(first, second)?),
        0xEC..=0xEE => double(first, second)?,
        _ => return None,
    };
    Some(Fix {
        stand_in,
        width: 4,
        effect,
    })
}

const fn change_masks(first: u16) -> Fix {
    Fix {
        stand_in: NOP,
        width: 2,
        effect: Effect::SetMasks {
            value: (first >> 4 & 1) as u32,
            primask: first & 2 != 0,
            faultmask: first & 1 != 0,
        },
    }
}

/// The register whose number is in the four bits from `bit` on.
const fn register(half: u16, bit: u16) -> usize {
    (half >> bit & 0xF) as usize
}

fn pack(first: u16, second: u16) -> Option<Effect> {
    (second & 0x8010 == 0).then(|| Effect::Pack {
        n: register(first, 0),
        m: register(second, 0),
        d: register(second, 8),
        shift: u32::from(second >> 10 & 0x1C | second >> 6 & 3),
        top_first: second & 0x20 != 0,
    })
}

fn bytes(first: u16, second: u16) -> Option<Effect> {
    if second & 0xF080 != 0xF000 {
        return None;
    }
    let subtract = first & 0x40 != 0;
    let operation = match (second >> 4 & 7, subtract) {
        (1, false) => |a, b| signed(a).saturating_add(signed(b)).cast_unsigned(),
        (1, true) => |a, b| signed(a).saturating_sub(signed(b)).cast_unsigned(),
        (2, false) => |a, b| half(i16::from(signed(a)) + i16::from(signed(b))),
        (2, true) => |a, b| half(i16::from(signed(a)) - i16::from(signed(b))),
        (5, false) => u8::saturating_add,
        (5, true) => u8::saturating_sub,
        (6, false) => |a, b| half(i16::from(a) + i16::from(b)),
        (6, true) => |a, b| half(i16::from(a) - i16::from(b)),
        _ => return None,
    };
    Some(Effect::Bytes {
        n: register(first, 0),
        m: register(second, 0),
        d: register(second, 8),
        operation,
    })
}

const fn signed(byte: u8) -> i8 {
    byte.cast_signed()
}

/// Half of a sum or difference, of which the low byte counts.
const fn half(value: i16) -> u8 {
    (value >> 1).to_le_bytes()[0]
}

/// What there is of double registers: they are pairs of single ones.
fn double(first: u16, second: u16) -> Option<([u16; 2], Effect)> {
    let single = register(second, 12) * 2;
    let is_double = second & 0x0F00 == 0x0B00;
    let reads = first & 0x10 != 0;
    // VMOV between two core registers and Dm, or Sm and Sm+1.
    if first & 0xFFE0 == 0xEC40 && second & 0x0ED0 == 0x0A10 {
        let odd = usize::from(second >> 5 & 1);
        let single = register(second, 0) * 2 + if is_double { 0 } else { odd };
        let core = [register(second, 12), register(first, 0)];
        let effect = if reads {
            Effect::FromPair { single, to: core }
        } else {
            Effect::ToPair { single, from: core }
        };
        return (single < 31).then_some((FPU_NOP, effect));
    }
    if !is_double {
        return None;
    }
    // VLDR, VSTR.
    if first & 0xFF20 == 0xED00 {
        let distance = u32::from(second & 0xFF) * 4;
        let up = first & 0x80 != 0;
        let offset = if up {
            distance
        } else {
            distance.wrapping_neg()
        };
        let base = register(first, 0);
        let effect = if reads {
            Effect::Load {
                single,
                base,
                offset,
            }
        } else {
            Effect::Store {
                single,
                base,
                offset,
            }
        };
        return Some((FPU_NOP, effect));
    }
    // VLDM, VSTM, VPUSH, VPOP: the single registers move the same words.
    if matches!(first >> 8, 0xEC | 0xED) && first & 0xFE40 != 0xEC40 {
        return Some(([first, second & !0x100], Effect::Nothing));
    }
    // VMOV.32 between a core register and half of Dd: it is Sn.
    if first & 0xFFC0 == 0xEE00 && second & 0x0F7F == 0x0B10 {
        let stand_in = [
            first & !0x20,
            second & 0xF010 | 0x0A00 | (first & 0x20) << 2,
        ];
        return Some((stand_in, Effect::Nothing));
    }
    None
}

impl Fix {
    /// Adds the effect, once the stand-in at `pc` was executed.
    pub(crate) fn apply(&self, registers: &mut Registers, pc: u32, memory: &mut impl Words) {
        let r = &mut registers.r;
        match self.effect {
            Effect::Nothing => {}
            Effect::SetMasks {
                value,
                primask,
                faultmask,
            } => {
                if primask {
                    registers.primask = value;
                }
                if faultmask {
                    registers.faultmask = value;
                }
            }
            Effect::Pack {
                n,
                m,
                d,
                shift,
                top_first,
            } => r[d] = packed(r[n], r[m], shift, top_first),
            Effect::Bytes { n, m, d, operation } => {
                let (n, m) = (r[n].to_le_bytes(), r[m].to_le_bytes());
                r[d] = u32::from_le_bytes(core::array::from_fn(|i| operation(n[i], m[i])));
            }
            Effect::ToPair { single, from } => {
                for (i, from) in from.into_iter().enumerate() {
                    registers.s[single + i] = f32::from_bits(r[from]);
                }
            }
            Effect::FromPair { single, to } => {
                for (i, to) in to.into_iter().enumerate() {
                    r[to] = registers.s[single + i].to_bits();
                }
            }
            Effect::Load {
                single,
                base,
                offset,
            } => {
                let address = address(r, pc, base, offset);
                for (i, at) in [address, address.wrapping_add(4)].into_iter().enumerate() {
                    registers.s[single + i] = f32::from_bits(memory.load_word(at));
                }
            }
            Effect::Store {
                single,
                base,
                offset,
            } => {
                let address = address(r, pc, base, offset);
                for (i, at) in [address, address.wrapping_add(4)].into_iter().enumerate() {
                    memory.store_word(at, registers.s[single + i].to_bits());
                }
            }
        }
    }
}

fn address(r: &[u32; 16], pc: u32, base: usize, offset: u32) -> u32 {
    let base = if base == PC {
        pc.wrapping_add(4) & !3
    } else {
        r[base]
    };
    base.wrapping_add(offset)
}

fn packed(n: u32, m: u32, shift: u32, top_first: bool) -> u32 {
    if top_first {
        // A shift of 0 stands for 32.
        let shift = if shift == 0 { 31 } else { shift };
        n & 0xFFFF_0000 | (m.cast_signed() >> shift).cast_unsigned() & 0xFFFF
    } else {
        n & 0xFFFF | m << shift & 0xFFFF_0000
    }
}

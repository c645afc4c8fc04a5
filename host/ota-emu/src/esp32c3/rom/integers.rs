//! The compiler's helpers for integers, which the ROM has for all.

use super::{Frame, Outcome};
use crate::esp32c3::bus::Bus;
use core::cmp::Ordering;

/// Where these functions are, and those for floating point, which depend on nothing else, too.
pub(super) const RANGE: core::ops::Range<u32> = 0x770..0x8C4;

pub(super) fn serve(frame: &Frame, _: &mut Bus) -> Outcome {
    let [a, b, c, d, ..] = frame.arguments;
    let (wide, second) = (join(a, b), join(c, d));
    let narrow = match frame.function {
        0x788 => a.swap_bytes(),
        0x798 => wide.leading_zeros(),
        0x79C => a.leading_zeros(),
        0x7A0 => compared(wide.cast_signed().cmp(&second.cast_signed())),
        0x7A4 => wide.trailing_zeros(),
        0x7A8 => a.trailing_zeros(),
        0x7C0 => divide(a.cast_signed(), b.cast_signed()).cast_unsigned(),
        0x840 => remainder(a.cast_signed(), b.cast_signed()).cast_unsigned(),
        0x858 => a.wrapping_mul(b),
        0x884 => wide.count_ones(),
        0x888 => a.count_ones(),
        0x8A8 => compared(wide.cmp(&second)),
        0x8B4 => a.checked_div(b).unwrap_or(u32::MAX),
        0x8C0 => a.checked_rem(b).unwrap_or(a),
        function => return serve_wide(function, wide, second, c),
    };
    Outcome::Returns(narrow)
}

fn serve_wide(function: u32, a: u64, b: u64, shift: u32) -> Outcome {
    let (signed_a, signed_b) = (a.cast_signed(), b.cast_signed());
    Outcome::Wide(match function {
        0x77C => a.wrapping_shl(shift),
        0x780 => signed_a.wrapping_shr(shift).cast_unsigned(),
        0x784 => a.swap_bytes(),
        0x830 => a.wrapping_shr(shift),
        0x84C => a.wrapping_mul(b),
        0x86C => a.wrapping_neg(),
        0x7B4 if b == 0 => u64::MAX,
        0x7B4 => signed_a.wrapping_div(signed_b).cast_unsigned(),
        0x83C if b == 0 => a,
        0x83C => signed_a.wrapping_rem(signed_b).cast_unsigned(),
        0x8AC => a.checked_div(b).unwrap_or(u64::MAX),
        0x8BC => a.checked_rem(b).unwrap_or(a),
        _ => return Outcome::Unknown,
    })
}

/// 0 for less, 1 for equal, 2 for greater.
const fn compared(ordering: Ordering) -> u32 {
    match ordering {
        Ordering::Less => 0,
        Ordering::Equal => 1,
        Ordering::Greater => 2,
    }
}

const fn join(low: u32, high: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

const fn divide(a: i32, b: i32) -> i32 {
    if b == 0 { -1 } else { a.wrapping_div(b) }
}

const fn remainder(a: i32, b: i32) -> i32 {
    if b == 0 { a } else { a.wrapping_rem(b) }
}

//! The compiler's helpers for floating point, of which the core has none.
//!
//! The host's arithmetic is IEEE 754, as theirs; only what a NaN looks like may differ.

use super::{Frame, Outcome};
use crate::esp32c3::bus::Bus;
use core::cmp::Ordering;

pub(super) fn serve(frame: &Frame, _: &mut Bus) -> Outcome {
    let [a, b, c, d, ..] = frame.arguments;
    let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    let single = (f32::from_bits(a), f32::from_bits(b));
    let double = (f64::from_bits(wide(a, b)), f64::from_bits(wide(c, d)));
    let unknown = Outcome::Unknown;
    [
        of_singles(frame.function, single.0, single.1),
        of_doubles(frame.function, double.0, double.1),
        to_integers(frame.function, single.0, double.0),
        from_integers(frame.function, a, wide(a, b)),
    ]
    .into_iter()
    .find(|outcome| *outcome != unknown)
    .unwrap_or(unknown)
}

fn single(value: f32) -> Outcome {
    Outcome::Returns(value.to_bits())
}

fn double(value: f64) -> Outcome {
    Outcome::Wide(value.to_bits())
}

fn of_singles(function: u32, a: f32, b: f32) -> Outcome {
    match function {
        0x770 => single(a + b),
        0x7BC => single(a / b),
        0x7CC => double(a.into()),
        0x854 => single(a * b),
        0x870 => single(-a),
        0x898 => single(a - b),
        0x8C8 => Outcome::Returns((a.is_nan() || b.is_nan()).into()),
        // __eqsf2, __nesf2, __ltsf2, __lesf2: a NaN is "greater"; __gesf2, __gtsf2: it is "less".
        0x7C8 | 0x87C | 0x838 | 0x82C => ordered(a.partial_cmp(&b), 1),
        0x81C | 0x824 => ordered(a.partial_cmp(&b), u32::MAX),
        _ => Outcome::Unknown,
    }
}

fn of_doubles(function: u32, a: f64, b: f64) -> Outcome {
    match function {
        0x76C => double(a + b),
        0x7B0 => double(a / b),
        0x848 => double(a * b),
        0x868 => double(-a),
        0x894 => double(a - b),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is what the function is for"
        )]
        0x8A4 => single(a as f32),
        0x8C4 => Outcome::Returns((a.is_nan() || b.is_nan()).into()),
        // As for singles.
        0x7C4 | 0x864 | 0x834 | 0x828 => ordered(a.partial_cmp(&b), 1),
        0x818 | 0x820 => ordered(a.partial_cmp(&b), u32::MAX),
        _ => Outcome::Unknown,
    }
}

/// Below, at or above zero.
fn ordered(ordering: Option<Ordering>, of_nan: u32) -> Outcome {
    Outcome::Returns(match ordering {
        Some(Ordering::Less) => u32::MAX,
        Some(Ordering::Equal) => 0,
        Some(Ordering::Greater) => 1,
        None => of_nan,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "towards zero, and to the nearest that there is"
)]
fn to_integers(function: u32, single: f32, double: f64) -> Outcome {
    match function {
        0x7D8 => Outcome::Wide((double as i64).cast_unsigned()),
        0x7DC => Outcome::Returns((double as i32).cast_unsigned()),
        0x7E0 => Outcome::Wide((single as i64).cast_unsigned()),
        0x7E4 => Outcome::Returns((single as i32).cast_unsigned()),
        0x7E8 => Outcome::Returns(double as u32),
        0x7EC => Outcome::Wide(single as u64),
        0x7F0 => Outcome::Returns(single as u32),
        _ => Outcome::Unknown,
    }
}

#[expect(clippy::cast_precision_loss, reason = "rounded, as the function does")]
fn from_integers(function: u32, word: u32, wide: u64) -> Outcome {
    match function {
        0x7F4 => double(wide.cast_signed() as f64),
        0x7F8 => single(wide.cast_signed() as f32),
        0x7FC => double(word.cast_signed().into()),
        0x800 => single(word.cast_signed() as f32),
        0x804 => double(wide as f64),
        0x808 => single(wide as f32),
        0x80C => double(word.into()),
        0x810 => single(word as f32),
        _ => Outcome::Unknown,
    }
}

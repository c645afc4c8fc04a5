//! Points of the twisted Edwards curve -x² + y² = 1 + dx²y² in extended coordinates: x = X/Z,
//! y = Y/Z, xy = T/Z.

use crate::field::Field;

/// d = -121665 / 121666.
const D: [u8; 32] = [
    0xA3, 0x78, 0x59, 0x13, 0xCA, 0x4D, 0xEB, 0x75, 0xAB, 0xD8, 0x41, 0x41, 0x4D, 0x0A, 0x70, 0x00,
    0x98, 0xE8, 0x79, 0x77, 0x79, 0x40, 0xC7, 0x8C, 0x73, 0xFE, 0x6F, 0x2B, 0xEE, 0x6C, 0x03, 0x52,
];
/// A square root of -1.
const ROOT: [u8; 32] = [
    0xB0, 0xA0, 0x0E, 0x4A, 0x27, 0x1B, 0xEE, 0xC4, 0x78, 0xE4, 0x2F, 0xAD, 0x06, 0x18, 0x43, 0x2F,
    0xA7, 0xD7, 0xFB, 0x3D, 0x99, 0x00, 0x4D, 0x2B, 0x0B, 0xDF, 0xC1, 0x4F, 0x80, 0x24, 0x83, 0x2B,
];
/// The negative of the base point: y = 4/5, x odd.
pub(crate) const MINUS_BASE: [u8; 32] = {
    let mut bytes = [0x66; 32];
    bytes[0] = 0x58;
    bytes[31] |= 0x80;
    bytes
};

#[derive(Clone, Copy)]
pub(crate) struct Point {
    x: Field,
    y: Field,
    z: Field,
    t: Field,
}

impl Point {
    pub(crate) fn identity() -> Self {
        Self {
            x: Field::ZERO,
            y: Field::one(),
            z: Field::one(),
            t: Field::ZERO,
        }
    }

    /// From its encoding: y, and in bit 255 whether x is odd. `None` if it is not on the curve, or
    /// not encoded in the one way that it should be.
    #[inline(never)]
    pub(crate) fn decode(bytes: &[u8; 32]) -> Option<Self> {
        let mut y_bytes = *bytes;
        let odd = y_bytes.last().is_some_and(|top| top >> 7 == 1);
        if let Some(top) = y_bytes.last_mut() {
            *top &= 0x7F;
        }
        let y = Field::from_bytes(&y_bytes);
        if y.to_bytes() != y_bytes {
            return None;
        }
        let mut x = recover_x(&y)?;
        if x.is_odd() != odd {
            x = x.negate();
            // Zero has no odd form.
            if x.is_odd() != odd {
                return None;
            }
        }
        Some(Self {
            x,
            y,
            z: Field::one(),
            t: x.mul(&y),
        })
    }

    /// The sum; holds for all points, equal ones too, because -1 is a square and d is not.
    #[inline(never)]
    pub(crate) fn add(&self, other: &Self) -> Self {
        let d = Field::from_bytes(&D);
        let a = self.y.sub(&self.x).mul(&other.y.sub(&other.x));
        let b = self.y.add(&self.x).mul(&other.y.add(&other.x));
        let c = self.t.mul(&other.t).mul(&d.add(&d));
        let d = self.z.mul(&other.z);
        let d = d.add(&d);
        let (e, f, g, h) = (b.sub(&a), d.sub(&c), d.add(&c), b.add(&a));
        Self {
            x: e.mul(&f),
            y: g.mul(&h),
            z: f.mul(&g),
            t: e.mul(&h),
        }
    }

    #[cfg(test)]
    pub(crate) fn negate(&self) -> Self {
        Self {
            x: self.x.negate(),
            t: self.t.negate(),
            ..*self
        }
    }

    /// The encoding that [`decode`](Self::decode) reads.
    #[cfg(test)]
    pub(crate) fn encode(&self) -> [u8; 32] {
        // 1/z is the (2^255 - 21)st power of z, which is eight times 2^252 - 3, plus 3.
        let mut inverse = self.z.root_power();
        for _ in 0..3 {
            inverse = inverse.mul(&inverse);
        }
        let inverse = inverse.mul(&self.z).mul(&self.z).mul(&self.z);
        let mut bytes = self.y.mul(&inverse).to_bytes();
        bytes[31] |= u8::from(self.x.mul(&inverse).is_odd()) << 7;
        bytes
    }

    /// Whether eight times the point is the identity.
    pub(crate) fn has_small_order(&self) -> bool {
        let mut eight = *self;
        for _ in 0..3 {
            eight = eight.add(&eight);
        }
        eight.x.is(&Field::ZERO) && eight.y.is(&eight.z)
    }
}

/// x from x² = (y² - 1) / (dy² + 1), either of the two.
fn recover_x(y: &Field) -> Option<Field> {
    let y2 = y.mul(y);
    let u = y2.sub(&Field::one());
    let v = y2.mul(&Field::from_bytes(&D)).add(&Field::one());
    // A root of u/v, if it has one, is uv³(uv⁷)^((p-5)/8), or that times a root of -1.
    let uv3 = v.mul(&v).mul(&v).mul(&u);
    let uv7 = uv3.mul(&v).mul(&v).mul(&v).mul(&v);
    let x = uv3.mul(&uv7.root_power());
    let vx2 = x.mul(&x).mul(&v);
    if vx2.is(&u) {
        Some(x)
    } else if vx2.is(&u.negate()) {
        Some(x.mul(&Field::from_bytes(&ROOT)))
    } else {
        None
    }
}

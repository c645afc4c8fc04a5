//! Numbers modulo p = 2^255 - 19.
//!
//! Twenty limbs of 13 bits, so that twenty products of two limbs add up inside 31 bits: a
//! Cortex-M0+ multiplies 32 by 32 bits into 32, and nothing wider. Not in constant time: whoever
//! verifies a signature has no secrets.

const LIMBS: usize = 20;
const BITS: u32 = 13;
const MASK: i32 = (1 << BITS) - 1;
/// What 2^260, one limb above the highest, is modulo p: 32 * 19.
const FOLD: i32 = 608;
/// Bits of the highest limb below bit 255.
const TOP_BITS: u32 = 8;
/// p, in limbs.
const P: [i32; LIMBS] = {
    let mut limbs = [MASK; LIMBS];
    limbs[0] = MASK - 18;
    limbs[LIMBS - 1] = (1 << TOP_BITS) - 1;
    limbs
};

/// A number modulo p. The lowest limb is between -608 and 8799, the others between 0 and 8191:
/// there are several ways to write one number.
#[derive(Clone, Copy)]
pub(crate) struct Field([i32; LIMBS]);

impl Field {
    pub(crate) const ZERO: Self = Self([0; LIMBS]);

    /// One, made where it is needed: as a constant it takes 80 bytes in every point.
    pub(crate) fn one() -> Self {
        let mut one = Self::ZERO;
        if let Some(lowest) = one.0.first_mut() {
            *lowest = 1;
        }
        one
    }

    /// From 32 bytes, the lowest first, of which bit 255 is ignored.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut number = Self::ZERO;
        let (mut bits, mut count) = (0, 0);
        let mut bytes = bytes.iter();
        for limb in &mut number.0 {
            while count < BITS {
                // Past the end: zeros.
                let byte = bytes.next().copied().unwrap_or_default();
                bits |= i32::from(byte) << count;
                count += 8;
            }
            *limb = bits & MASK;
            bits >>= BITS;
            count -= BITS;
        }
        if let Some(top) = number.0.last_mut() {
            *top &= (1 << TOP_BITS) - 1;
        }
        number
    }

    /// The only way to write it that is below p.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let mut limbs = self.0;
        // Not negative, and not above 2^260 + p.
        for (limb, p) in limbs.iter_mut().zip(P) {
            *limb += p;
        }
        let mut high = 0;
        for _ in 0..3 {
            high = fold_high(&mut limbs, 19 * high);
        }
        // Below 2^255 by now. It is p or more if adding 19 reaches 2^255.
        let mut reduced = limbs;
        if fold_high(&mut reduced, 19) != 0 {
            limbs = reduced;
        }
        pack(&limbs)
    }

    pub(crate) fn add(&self, other: &Self) -> Self {
        let mut sum = *self;
        for (a, b) in sum.0.iter_mut().zip(&other.0) {
            *a += b;
        }
        sum.carry()
    }

    pub(crate) fn sub(&self, other: &Self) -> Self {
        let mut difference = *self;
        for (a, b) in difference.0.iter_mut().zip(&other.0) {
            *a -= b;
        }
        difference.carry()
    }

    #[inline(never)]
    pub(crate) fn mul(&self, other: &Self) -> Self {
        let mut reversed = other.0;
        reversed.reverse();
        let mut product = [0; 2 * LIMBS];
        let mut sum = 0;
        for (column, limb) in product.iter_mut().enumerate() {
            // Pairs of limbs whose indices add up to the column.
            let left = self.0.get(column.saturating_sub(LIMBS - 1)..);
            let right = reversed.get((LIMBS - 1).saturating_sub(column)..);
            sum += dot(left.unwrap_or_default(), right.unwrap_or_default());
            *limb = sum & MASK;
            sum >>= BITS;
        }
        let (low, high) = product.split_at_mut(LIMBS);
        if let Some(top) = high.last_mut() {
            *top += sum << BITS;
        }
        let mut result = Self::ZERO;
        for ((limb, low), high) in result.0.iter_mut().zip(low).zip(high) {
            *limb = *low + FOLD * *high;
        }
        result.carry()
    }

    /// The 2^252 - 3rd power: what roots are made of.
    pub(crate) fn root_power(&self) -> Self {
        let mut power = *self;
        // The exponent in binary, after its first digit: 249 ones, 0, 1.
        for digit in (0..251).rev() {
            power = power.mul(&power);
            if digit != 1 {
                power = power.mul(self);
            }
        }
        power
    }

    pub(crate) fn negate(&self) -> Self {
        Self::ZERO.sub(self)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }

    pub(crate) fn is_odd(&self) -> bool {
        self.to_bytes().first().is_some_and(|byte| byte & 1 == 1)
    }

    /// Brings the limbs back to where they belong.
    #[inline(never)]
    fn carry(mut self) -> Self {
        for _ in 0..2 {
            let mut carry = 0;
            for limb in &mut self.0 {
                carry += *limb;
                *limb = carry & MASK;
                carry >>= BITS;
            }
            if let Some(lowest) = self.0.first_mut() {
                *lowest += carry * FOLD;
            }
        }
        self
    }
}

fn dot(left: &[i32], right: &[i32]) -> i32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// Adds `carry`, and takes away what lies at bit 255 and above: that is the result.
fn fold_high(limbs: &mut [i32; LIMBS], mut carry: i32) -> i32 {
    for limb in limbs.iter_mut() {
        carry += *limb;
        *limb = carry & MASK;
        carry >>= BITS;
    }
    let Some(top) = limbs.last_mut() else {
        return 0;
    };
    let high = (carry << (BITS - TOP_BITS)) + (*top >> TOP_BITS);
    *top &= (1 << TOP_BITS) - 1;
    high
}

fn pack(limbs: &[i32; LIMBS]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (mut bits, mut count) = (0, 0);
    let mut limbs = limbs.iter();
    for byte in &mut bytes {
        if count < 8 {
            bits |= limbs.next().copied().unwrap_or_default() << count;
            count += BITS;
        }
        *byte = u8::try_from(bits & 0xFF).unwrap_or_default();
        bits >>= 8;
        count -= 8;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As far as a carried number goes, in both directions.
    fn extremes() -> [Field; 5] {
        let mut highest = [MASK; LIMBS];
        highest[0] = MASK + FOLD;
        let mut lowest = [0; LIMBS];
        lowest[0] = -FOLD;
        let mut mixed = [MASK; LIMBS];
        mixed[0] = -FOLD;
        [highest, lowest, mixed, P, [0; LIMBS]].map(Field)
    }

    fn is_carried(number: &Field) -> bool {
        let [lowest, others @ ..] = number.0;
        (-FOLD..=MASK + FOLD).contains(&lowest)
            && others.iter().all(|limb| (0..=MASK).contains(limb))
    }

    // Debug builds check every addition and multiplication for overflow.
    #[test]
    fn what_is_carried_stays_carried_at_the_extremes() {
        for a in extremes() {
            for b in extremes() {
                for result in [a.add(&b), a.sub(&b), a.mul(&b), a.negate()] {
                    assert!(is_carried(&result), "{:?}", result.0);
                }
            }
        }
    }

    #[test]
    fn extremes_are_worth_what_their_bytes_are() {
        for a in extremes() {
            let small_a = Field::from_bytes(&a.to_bytes());
            assert!(a.is(&small_a) && a.sub(&small_a).is(&Field::ZERO));
            for b in extremes() {
                let small_b = Field::from_bytes(&b.to_bytes());
                assert!(a.mul(&b).is(&small_a.mul(&small_b)));
                assert!(a.add(&b).is(&small_a.add(&small_b)));
                assert!(a.sub(&b).is(&small_a.sub(&small_b)));
            }
        }
    }
}

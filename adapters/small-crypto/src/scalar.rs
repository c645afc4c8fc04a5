//! Numbers modulo the order of the base point, in 32 bytes, the lowest first.

/// L = 2^252 + 27742317777372353535851937790883648493.
const ORDER: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Bits of a number below the order.
pub(crate) const BITS: u8 = 253;

/// Whether the number is below the order.
pub(crate) fn is_canonical(number: &[u8; 32]) -> bool {
    number.iter().rev().lt(ORDER.iter().rev())
}

/// The remainder of 64 bytes, bit by bit: there is time.
pub(crate) fn reduce(number: &[u8; 64]) -> [u8; 32] {
    let mut rest = [0; 32];
    for byte in number.iter().rev() {
        for shift in (0..8).rev() {
            double(&mut rest, byte >> shift & 1);
            if !is_canonical(&rest) {
                subtract_order(&mut rest);
            }
        }
    }
    rest
}

/// Twice the number, which is below 2^255, plus a bit.
fn double(number: &mut [u8; 32], mut bit: u8) {
    for byte in number {
        let high = *byte >> 7;
        *byte = *byte << 1 | bit;
        bit = high;
    }
}

fn subtract_order(number: &mut [u8; 32]) {
    let mut borrow = 0;
    for (byte, order) in number.iter_mut().zip(ORDER) {
        let difference = i16::from(*byte) - i16::from(order) - borrow;
        // The difference modulo 256, and whether it was negative.
        [*byte, _] = difference.to_le_bytes();
        borrow = difference >> 15 & 1;
    }
}

/// One bit of the number.
pub(crate) fn bit(number: &[u8; 32], index: u8) -> bool {
    let byte = number.get(usize::from(index / 8)).copied();
    byte.unwrap_or_default() >> (index % 8) & 1 == 1
}

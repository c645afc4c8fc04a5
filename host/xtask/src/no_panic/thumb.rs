//! Calls in Thumb code.

/// Where the instructions at `address` go to, if they are a call or a jump: BL, or B without a
/// condition.
pub(super) fn destination(address: u64, code: &[u8]) -> Option<u64> {
    let first = u32::from(u16::from_le_bytes(*code.first_chunk()?));
    let relative = match first >> 11 {
        0b11100 => sign_extend((first & 0x7FF) << 1, 12),
        0b11110 => {
            let second = u32::from(u16::from_le_bytes(*code.get(2..)?.first_chunk()?));
            if second >> 14 != 0b11 || second & 1 << 12 == 0 {
                return None;
            }
            let sign = first >> 10 & 1;
            let (i1, i2) = (second >> 13 & 1 ^ sign ^ 1, second >> 11 & 1 ^ sign ^ 1);
            let high = sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3FF) << 12;
            sign_extend(high | (second & 0x7FF) << 1, 25)
        }
        _ => return None,
    };
    (address + 4).checked_add_signed(relative.into())
}

fn sign_extend(value: u32, bits: u32) -> i32 {
    (value << (32 - bits)).cast_signed() >> (32 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_where_the_assembler_says() {
        // As `llvm-objdump` shows them: `bl` forwards and backwards, `b` backwards, `bx lr`.
        let cases: [(u64, &[u8], Option<u64>); 4] = [
            (0x1000_0258, &[0x03, 0xF0, 0xA2, 0xFD], Some(0x1000_3DA0)),
            (0x1000_3DDC, &[0xFF, 0xF7, 0xE8, 0xFF], Some(0x1000_3DB0)),
            (0x1000_0010, &[0xFE, 0xE7], Some(0x1000_0010)),
            (0x1000_0010, &[0x70, 0x47], None),
        ];
        for (address, code, expected) in cases {
            assert_eq!(destination(address, code), expected, "{code:02x?}");
        }
    }
}

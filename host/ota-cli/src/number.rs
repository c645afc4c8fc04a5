//! Numbers as people write them: `4096`, `0x1000_0000`.

/// Parses a decimal or (with `0x`) hexadecimal number; underscores may group digits.
///
/// # Errors
/// A sentence for clap to show.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let number = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    number.map_err(|_| "not a number: write 4096 or 0x1000".into())
}

/// [`parse`], for 32-bit addresses and lengths.
///
/// # Errors
/// As [`parse`], and if it does not fit in 32 bits.
pub fn parse_u32(text: &str) -> Result<u32, String> {
    u32::try_from(parse(text)?).map_err(|_| "does not fit in 32 bits".into())
}

/// Parses `N` or `A-B` (inclusive).
///
/// # Errors
/// A sentence for clap to show.
pub fn parse_range(text: &str) -> Result<(u16, u16), String> {
    let one = |t: &str| -> Result<u16, String> {
        u16::try_from(parse(t)?).map_err(|_| "revisions go from 0 to 65535".to_owned())
    };
    let (first, last) = match text.split_once('-') {
        Some((a, b)) => (one(a)?, one(b)?),
        None => (one(text)?, one(text)?),
    };
    if first > last {
        return Err(format!(
            "{first} comes after {last}: write the lower revision first"
        ));
    }
    Ok((first, last))
}

/// Parses a chunk size: a power of two from 1024 to 16384 bytes.
///
/// # Errors
/// A sentence for clap to show.
pub fn parse_chunk_size(text: &str) -> Result<u32, String> {
    match parse_u32(text)? {
        size @ (1024 | 2048 | 4096 | 8192 | 16384) => Ok(size),
        _ => Err("a chunk has 1024, 2048, 4096, 8192 or 16384 bytes".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_hexadecimal_with_grouping_are_read() {
        assert_eq!(parse("4096"), Ok(4096));
        assert_eq!(parse_u32("0x1000_0000"), Ok(0x1000_0000));
        for wrong in ["", "0x", "-1", "12k", "1.5", "0x1_0000_0000"] {
            assert!(parse_u32(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_range_is_one_revision_or_two_in_order() {
        assert_eq!(parse_range("3"), Ok((3, 3)));
        assert_eq!(parse_range("1-3"), Ok((1, 3)));
        for wrong in ["3-1", "-", "1-", "-1", "70000", "a-b"] {
            assert!(parse_range(wrong).is_err(), "{wrong:?}");
        }
    }
}

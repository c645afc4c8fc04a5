//! Why bytes are no image that may be loaded.

/// Why bytes are no image that may be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// It does not begin with `0xE9`.
    NotAnImage,
    /// It is for another chip: the header's chip id.
    WrongChip(u16),
    /// It has no segments, or more than [`MAX_SEGMENTS`](super::MAX_SEGMENTS).
    SegmentCount(u8),
    /// It ends before its last segment, checksum or digest does.
    Truncated,
    /// It is longer than 16 MiB, which is as far as the MMU reaches.
    TooLong,
    /// A segment's address or length is not a multiple of four.
    Unaligned(u32),
    /// A segment is for an address that is no memory an image may use, or reaches over its end.
    BadAddress(u32),
    /// A segment would be loaded over its loader.
    OverLoader(u32),
    /// Two segments are for the same memory.
    Overlap(u32),
    /// A mapped segment does not lie in the file as the MMU could map it.
    NotMappable(u32),
    /// The entry point is not code of this image.
    BadEntry(u32),
    /// The header's digest flag is neither 0 nor 1.
    DigestFlag(u8),
    /// The checksum does not match.
    WrongChecksum,
    /// The appended SHA-256 does not match.
    WrongDigest,
}

impl ImageError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotAnImage => 0x4001,
            Self::WrongChip(_) => 0x4002,
            Self::SegmentCount(_) => 0x4003,
            Self::Truncated => 0x4004,
            Self::TooLong => 0x4005,
            Self::Unaligned(_) => 0x4006,
            Self::BadAddress(_) => 0x4007,
            Self::OverLoader(_) => 0x4008,
            Self::Overlap(_) => 0x4009,
            Self::NotMappable(_) => 0x400A,
            Self::BadEntry(_) => 0x400B,
            Self::DigestFlag(_) => 0x400C,
            Self::WrongChecksum => 0x400D,
            Self::WrongDigest => 0x400E,
        }
    }
}

impl core::fmt::Display for ImageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotAnImage => {
                f.write_str("not an ESP image: it does not begin with 0xE9; make one of the ELF")
            }
            Self::WrongChip(id) => {
                write!(f, "for another chip (id {id}); build it for the ESP32-C3")
            }
            Self::SegmentCount(count) => {
                write!(
                    f,
                    "{count} segments, and the chip takes 1 to 16; check the linker script"
                )
            }
            Self::Truncated => f.write_str("the image is cut short; make it again"),
            Self::TooLong => f.write_str("the image is longer than 16 MiB; make it smaller"),
            Self::Unaligned(at) => write!(
                f,
                "the segment for {at:#010x} is not a multiple of four bytes; make the image again"
            ),
            Self::BadAddress(at) => write!(
                f,
                "{at:#010x} is not for an image to use, or too near to the end; check the linker script"
            ),
            Self::OverLoader(at) => write!(
                f,
                "the segment for {at:#010x} would overwrite what loads it; link it lower"
            ),
            Self::Overlap(at) => write!(
                f,
                "the segment for {at:#010x} overlaps another one; check the linker script"
            ),
            Self::NotMappable(at) => write!(
                f,
                "the segment for {at:#010x} is not where pages of 64 KiB can map it; make the image again"
            ),
            Self::BadEntry(at) => {
                write!(
                    f,
                    "the entry point {at:#010x} is no code of the image; check the linker script"
                )
            }
            Self::DigestFlag(flag) => {
                write!(
                    f,
                    "the digest flag is {flag}, not 0 or 1; make the image again"
                )
            }
            Self::WrongChecksum => f.write_str("the checksum is wrong; make the image again"),
            Self::WrongDigest => f.write_str("the appended SHA-256 is wrong; make the image again"),
        }
    }
}

impl core::error::Error for ImageError {}

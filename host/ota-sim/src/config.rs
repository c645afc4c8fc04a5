//! What a flash looks like: sizes, erased value, error correction.

/// The geometry of a simulated flash. All sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Total size: a multiple of `erase_size`.
    pub size: u32,
    /// The smallest unit that can be programmed, a *word*: a power of two, at most 256.
    pub write_size: u32,
    /// The smallest unit that can be erased: a multiple of `write_size`.
    pub erase_size: u32,
    /// What an erased byte reads as: `0xFF` on most chips, `0x00` on STM32 L0 and L1.
    pub erased: u8,
    /// Whether the flash corrects errors: reading a torn word is then an error of its own.
    pub ecc: bool,
}

/// Programs are taken in pages of this many bytes: one page is one operation.
const PAGE: u32 = 256;

impl Config {
    /// A flash that erases to `0xFF` and has no error correction.
    #[must_use]
    pub const fn new(size: u32, write_size: u32, erase_size: u32) -> Self {
        Self {
            size,
            write_size,
            erase_size,
            erased: 0xFF,
            ecc: false,
        }
    }

    /// The same geometry with error correction on.
    #[must_use]
    pub const fn with_ecc(mut self) -> Self {
        self.ecc = true;
        self
    }

    /// The same geometry with another erased value.
    #[must_use]
    pub const fn with_erased(mut self, erased: u8) -> Self {
        self.erased = erased;
        self
    }

    /// Refuses a geometry that no NOR flash has.
    ///
    /// # Panics
    /// With the reason, if the sizes do not fit each other.
    pub(crate) fn check(&self) {
        assert!(
            self.write_size.is_power_of_two() && self.write_size <= PAGE,
            "write_size must be a power of two of at most {PAGE}, not {}",
            self.write_size
        );
        assert!(
            self.erase_size > 0 && self.erase_size.is_multiple_of(self.write_size),
            "erase_size must be a multiple of write_size, not {}",
            self.erase_size
        );
        assert!(
            self.size > 0 && self.size.is_multiple_of(self.erase_size),
            "size must be a multiple of erase_size, not {}",
            self.size
        );
        assert!(
            matches!(self.erased, 0x00 | 0xFF),
            "an erased byte reads 0x00 or 0xFF, not {:#04x}",
            self.erased
        );
    }

    /// Bytes of a program call that make one operation.
    pub(crate) const fn page_size(&self) -> usize {
        PAGE as usize
    }

    /// Number of erase units.
    pub(crate) const fn units(&self) -> u32 {
        self.size / self.erase_size
    }
}

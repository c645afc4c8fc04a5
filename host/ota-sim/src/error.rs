//! What a call can answer, and what a caller must never do.

use core::fmt;
use embedded_storage::nor_flash::{NorFlashError, NorFlashErrorKind};

/// Why a flash call did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashError {
    /// The power is off: it went during this call or before it.
    PowerCut,
    /// Offset or length is not a multiple of the write or erase size. A violation.
    NotAligned,
    /// The range does not lie inside the flash. A violation.
    OutOfBounds,
    /// The range overlaps a protected one. A violation.
    Protected,
    /// A word was already programmed since its last erase. A violation.
    ProgrammedTwice,
    /// A guard did not approve these bytes. A violation.
    NotApproved,
    /// The word cannot be read: an uncorrectable error.
    Unreadable,
    /// The word looked blank, or the cells are bad: it did not take the program.
    ProgramFailed,
    /// The flash did not answer.
    ReadFailed,
    /// The unit did not erase.
    EraseFailed,
    /// The file behind the flash could not be written.
    File,
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PowerCut => "the power is off; power up first",
            Self::NotAligned => "offset or length is not a multiple of the write or erase size",
            Self::OutOfBounds => "the range does not lie inside the flash",
            Self::Protected => "the range overlaps a protected one",
            Self::ProgrammedTwice => "a word was already programmed; erase its unit first",
            Self::NotApproved => "a guard did not approve these bytes",
            Self::Unreadable => "uncorrectable read error; erase the unit and write it again",
            Self::ProgramFailed => "the word did not take the program; use another or erase",
            Self::ReadFailed => "the flash did not answer; read again",
            Self::EraseFailed => "the unit did not erase; try again, or use another",
            Self::File => "the file behind the flash could not be written",
        })
    }
}

impl core::error::Error for FlashError {}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// Which rule of the flash was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ViolationKind {
    /// Offset or length is not a multiple of the write or erase size.
    NotAligned,
    /// The range does not lie inside the flash.
    OutOfBounds,
    /// A program or an erase touched a protected range.
    Protected,
    /// A word was programmed a second time since its erase.
    ProgrammedTwice,
    /// A guard did not approve a program.
    NotApproved,
}

impl ViolationKind {
    /// The error that the offending call returns.
    pub(crate) const fn error(self) -> FlashError {
        match self {
            Self::NotAligned => FlashError::NotAligned,
            Self::OutOfBounds => FlashError::OutOfBounds,
            Self::Protected => FlashError::Protected,
            Self::ProgrammedTwice => FlashError::ProgrammedTwice,
            Self::NotApproved => FlashError::NotApproved,
        }
    }
}

/// A call that broke a rule: always a mistake in the code under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub kind: ViolationKind,
    /// The name of the call: `"read"`, `"program"` or `"erase"`.
    pub call: &'static str,
    /// Where it happened: the first offending byte, as far as it is known.
    pub offset: u32,
    /// Length of the call in bytes.
    pub len: u32,
    /// Operations that were completed before.
    pub operation: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            call,
            offset,
            len,
            operation,
        } = self;
        let error = kind.error();
        write!(
            f,
            "{call} of {len} bytes at {offset:#x} after {operation} operations: {error}"
        )
    }
}

/// What a violation does besides being recorded and returned as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnViolation {
    /// Panic in the offending call, so that the backtrace shows the culprit.
    #[default]
    Panic,
    /// Nothing more: the test looks at [`violations`](crate::Flash::violations) itself.
    Record,
}

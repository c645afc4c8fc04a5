//! Why staging cannot go on, and why a piece was not taken.

/// Why staging cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkError {
    /// Erase, program or read-back failed.
    Flash,
    /// The journal cannot be written.
    Journal,
    /// The manifest is gone from its bank: offer the envelope to [`Updater::admit`](crate::Updater::admit) again.
    ManifestLost,
    /// Every chunk matches its digest, but the image does not have the SHA-256 of the manifest:
    /// the release was made wrong.
    WrongImage,
    /// The buffer is smaller than 1024 bytes or than a chunk.
    BufferTooSmall,
    /// Another release was begun since, or this one has been requested or cancelled.
    Superseded,
}

impl WorkError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Flash => 0x1131,
            Self::Journal => 0x1132,
            Self::ManifestLost => 0x1133,
            Self::WrongImage => 0x1134,
            Self::BufferTooSmall => 0x1135,
            Self::Superseded => 0x1136,
        }
    }
}

impl core::fmt::Display for WorkError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Flash => "staging cannot be written; check the flash",
            Self::Journal => "the journal cannot be written; check the flash",
            Self::ManifestLost => "the manifest on flash is damaged; fetch the envelope again",
            Self::WrongImage => {
                "the image does not have the SHA-256 of its manifest; pack it again"
            }
            Self::BufferTooSmall => {
                "the buffer is smaller than a chunk; enlarge it or pack with smaller chunks"
            }
            Self::Superseded => "this staging is not the current one; resume or admit again",
        })
    }
}

impl core::error::Error for WorkError {}

/// Why a piece was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// No piece was asked for.
    NothingNeeded,
    /// It is not the one that was signed. Nothing was written.
    Mismatch,
    /// It is, but could not be written.
    Flash,
    /// It cannot be judged: its page of the digest table does not read back any more. Poll; the
    /// page will be asked for again.
    TableDamaged,
    /// Another release was begun since, or this one has been requested or cancelled. Nothing was
    /// written.
    Superseded,
}

impl AcceptError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NothingNeeded => 0x1141,
            Self::Mismatch => 0x1142,
            Self::Flash => 0x1143,
            Self::TableDamaged => 0x1144,
            Self::Superseded => 0x1145,
        }
    }
}

impl core::fmt::Display for AcceptError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NothingNeeded => "no piece was asked for; poll first",
            Self::Mismatch => "the bytes do not match the signed digest; fetch them again",
            Self::Flash => "the piece could not be written; poll to try again",
            Self::TableDamaged => "the digest table on flash is damaged; poll to fetch it again",
            Self::Superseded => "this staging is not the current one; resume or admit again",
        })
    }
}

impl core::error::Error for AcceptError {}

//! The kinds of faults.

use ota_sim::Trouble;

/// How many reads in a row fail while a flash does not answer.
const WHILE: u32 = 40;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program reports success and changes nothing.
    IgnoredProgram,
    /// An erase fails once.
    FailedErase,
    /// A unit takes no erase any more.
    WornUnit,
    /// A unit takes no erase and no program any more.
    DeadUnit,
    /// The same, and it loses a bit at every power-up.
    RottingUnit,
    /// A read fails once.
    FailedRead,
    /// All reads fail for a while.
    FailedReads,
    /// One bit of a read is wrong.
    FlippedRead,
    /// One bit of the journal turns round between two power cycles.
    RotInJournal,
    /// One bit of a bank or of a slot does.
    RotInImage,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::IgnoredProgram,
        Self::FailedErase,
        Self::WornUnit,
        Self::DeadUnit,
        Self::RottingUnit,
        Self::FailedRead,
        Self::FailedReads,
        Self::FlippedRead,
        Self::RotInJournal,
        Self::RotInImage,
    ];

    /// What it is called in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IgnoredProgram => "a program is ignored",
            Self::FailedErase => "an erase fails once",
            Self::WornUnit => "a unit cannot be erased any more",
            Self::DeadUnit => "a unit dies",
            Self::RottingUnit => "a unit dies and rots",
            Self::FailedRead => "a read fails once",
            Self::FailedReads => "reads fail for a while",
            Self::FlippedRead => "a bit of a read is wrong",
            Self::RotInJournal => "a bit of the journal rots",
            Self::RotInImage => "a bit of a bank or slot rots",
        }
    }

    /// The trouble that it is for the model, unless that depends on where the bit lies.
    pub(super) const fn trouble(self) -> Option<Trouble> {
        match self {
            Self::IgnoredProgram => Some(Trouble::IgnoredProgram),
            Self::FailedErase => Some(Trouble::FailedErase),
            Self::WornUnit => Some(Trouble::WornUnit),
            Self::DeadUnit => Some(Trouble::DeadUnit),
            Self::RottingUnit => Some(Trouble::RottingUnit),
            Self::FailedRead => Some(Trouble::FailedReads(1)),
            Self::FailedReads => Some(Trouble::FailedReads(WHILE)),
            Self::FlippedRead => Some(Trouble::FlippedRead),
            Self::RotInJournal | Self::RotInImage => None,
        }
    }

    /// Whether the flash is as it was once the fault is over.
    pub(super) const fn passes(self) -> bool {
        match self {
            Self::IgnoredProgram
            | Self::FailedErase
            | Self::FailedRead
            | Self::FailedReads
            | Self::FlippedRead => true,
            Self::WornUnit
            | Self::DeadUnit
            | Self::RottingUnit
            | Self::RotInJournal
            | Self::RotInImage => false,
        }
    }
}

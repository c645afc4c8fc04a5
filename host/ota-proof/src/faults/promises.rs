//! What may be broken under a fault, and what may not.

use super::kinds::Kind;

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// A device whose confirmed image is whole in its place boots, every time.
    Boots,
    /// What boots is whole.
    Whole,
    /// What was told to be the floor does not sink, and nothing below it boots.
    Floor,
    /// A release on trial has its attempts and interruptions, and not one start more; what failed
    /// is not forgotten.
    Starts,
    /// A confirmation that was acknowledged is not taken back, and nothing stays without one.
    Confirmation,
    /// No byte of no release is programmed into a slot, no word twice, and nothing where it must
    /// not be; and nothing panics.
    Programs,
    /// The story ends as it does without the fault, at last.
    Arrives,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Boots,
        Self::Whole,
        Self::Floor,
        Self::Starts,
        Self::Confirmation,
        Self::Programs,
        Self::Arrives,
    ];

    /// What it is called in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boots => "boots",
            Self::Whole => "whole",
            Self::Floor => "floor",
            Self::Starts => "starts",
            Self::Confirmation => "confirmation",
            Self::Programs => "programs",
            Self::Arrives => "arrives",
        }
    }

    /// Whether no fault of this kind may break it. What does not hold is only reported.
    #[must_use]
    pub const fn holds(self, kind: Kind) -> bool {
        match self {
            Self::Whole | Self::Programs => true,
            // What reads wrong is not booted, until it reads right.
            Self::Boots => !matches!(kind, Kind::FlippedRead),
            // Each record is there twice: it takes more than one bit to lose both.
            Self::Floor | Self::Starts | Self::Confirmation => !matches!(kind, Kind::RottingUnit),
            Self::Arrives => kind.passes() || matches!(kind, Kind::RotInJournal),
        }
    }
}

/// A promise that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// How.
    pub how: String,
}

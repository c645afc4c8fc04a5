//! What can go wrong with `otadata`.

/// What can go wrong with `otadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtaDataError {
    /// The flash could not be read, erased or written, or does not read back.
    Flash,
    /// The partition is not two sectors of 4 KiB inside the flash.
    Partition,
    /// There is no such slot.
    NoSuchSlot,
    /// No sequence is left: after four billion changes, or in a forged record.
    SequenceSpent,
}

impl OtaDataError {
    /// Stable code for telemetry.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Flash => 0x4101,
            Self::Partition => 0x4102,
            Self::NoSuchSlot => 0x4103,
            Self::SequenceSpent => 0x4104,
        }
    }
}

impl core::fmt::Display for OtaDataError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Flash => "otadata cannot be read or written; check the flash",
            Self::Partition => {
                "otadata is not two sectors of 4 KiB inside the flash; check the partition table"
            }
            Self::NoSuchSlot => "there is no such slot; check the number of ota partitions",
            Self::SequenceSpent => "no sequence is left in otadata; erase it by cable",
        })
    }
}

impl core::error::Error for OtaDataError {}

//! What the flash went through.

/// Counters since the flash was made. A clone of a flash goes on from the counts of its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Erases of a unit, torn ones included.
    pub erases: u64,
    /// The same for each unit, in order.
    pub erases_per_unit: Vec<u32>,
    /// Program calls that began.
    pub programs: u64,
    /// Words programmed, or begun to be.
    pub words: u64,
    /// Bytes programmed, or begun to be.
    pub bytes: u64,
    /// Writes of the status register, torn ones included.
    pub status_writes: u64,
    /// Read calls.
    pub reads: u64,
    /// Bytes read.
    pub bytes_read: u64,
}

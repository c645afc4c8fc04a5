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

impl Stats {
    /// Counts what came between `before` and `after`.
    pub(crate) fn go_through(&mut self, before: &Self, after: &Self) {
        let units = self.erases_per_unit.iter_mut();
        let between = before.erases_per_unit.iter().zip(&after.erases_per_unit);
        for (count, (before, after)) in units.zip(between) {
            *count += after - before;
        }
        self.erases += after.erases - before.erases;
        self.programs += after.programs - before.programs;
        self.words += after.words - before.words;
        self.bytes += after.bytes - before.bytes;
        self.status_writes += after.status_writes - before.status_writes;
        self.reads += after.reads - before.reads;
        self.bytes_read += after.bytes_read - before.bytes_read;
    }
}

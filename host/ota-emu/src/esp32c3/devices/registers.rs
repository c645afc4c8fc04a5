//! Registers that only remember what was written to them, and what they hold after a reset.

use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Registers {
    values: BTreeMap<u32, u32>,
}

impl Registers {
    /// With these values after a reset, by offset or address; all others are 0.
    pub(crate) fn new(reset: &[(u32, u32)]) -> Self {
        Self {
            values: reset.iter().copied().collect(),
        }
    }

    pub(crate) fn read(&self, at: u32) -> u32 {
        self.values.get(&at).copied().unwrap_or(0)
    }

    pub(crate) fn write(&mut self, at: u32, value: u32) {
        self.values.insert(at, value);
    }
}

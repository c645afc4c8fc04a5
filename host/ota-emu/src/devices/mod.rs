//! Devices that any board may have.

pub(crate) mod nor;
pub(crate) mod w5500;

/// Registers that only remember what was written to them.
#[derive(Debug, Clone, Default, Hash, PartialEq, Eq)]
pub(crate) struct Plain(std::collections::BTreeMap<u32, u32>);

impl Plain {
    pub(crate) fn read(&self, offset: u32) -> u32 {
        self.0.get(&offset).copied().unwrap_or(0)
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        self.0.insert(offset, value);
    }
}

//! The devices of the board, one file each.
//!
//! A device knows its registers by their offset within its block; the bus knows where the
//! blocks are. Time is a parameter: nanoseconds since the board was made.

pub(crate) mod adc;
pub(crate) mod clocks;
pub(crate) mod dma;
pub(crate) mod gpio;
pub(crate) mod nor;
pub(crate) mod resets;
pub(crate) mod sio;
pub(crate) mod spi;
pub(crate) mod ssi;
pub(crate) mod timer;
pub(crate) mod uart;
pub(crate) mod w5500;
pub(crate) mod watchdog;

/// Registers that only remember what was written to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plain(std::collections::BTreeMap<u32, u32>);

impl Plain {
    pub(crate) fn read(&self, offset: u32) -> u32 {
        self.0.get(&offset).copied().unwrap_or(0)
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        self.0.insert(offset, value);
    }
}

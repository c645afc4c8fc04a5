//! The devices of the chip, one file each.
//!
//! A device knows its registers by their offset within its block; the bus knows where the
//! blocks are. Time is a parameter: nanoseconds since the board was made.

pub(crate) mod adc;
pub(crate) mod clocks;
pub(crate) mod dma;
pub(crate) mod gpio;
pub(crate) mod resets;
pub(crate) mod sio;
pub(crate) mod spi;
pub(crate) mod ssi;
pub(crate) mod timer;
pub(crate) mod uart;
pub(crate) mod watchdog;

//! The devices of the board, one file each.
//!
//! A device knows its registers by their offset within its block; the bus knows where the
//! blocks are. Time is a parameter: picoseconds since the board was made.

pub(crate) mod cache;
pub(crate) mod cells;
pub(crate) mod exti;
pub(crate) mod flash;
pub(crate) mod gpio;
pub(crate) mod iwdg;
pub(crate) mod options;
pub(crate) mod rcc;
pub(crate) mod spi;
pub(crate) mod systick;
pub(crate) mod timer;
pub(crate) mod usart;

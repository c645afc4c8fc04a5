//! The firmware of `examples/stm32` with its features, on the board in software.

mod dual_bank;
mod ethernet;
mod firmware;

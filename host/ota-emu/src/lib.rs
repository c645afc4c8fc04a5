#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod board;
mod calls;
mod devices;
pub mod esp32c3;
mod exit;
mod line;
mod log;
mod memory;
mod network;
pub mod rp2040;
mod rtt;
pub mod stm32;

pub use board::{Board, Chip, Step, Steps};
pub use calls::Calls;
pub use exit::{Exit, Fault, Reset};
pub use line::SerialLine;
pub use log::{Line, Source};
pub use network::Forwards;

#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::unreachable
    )
)]

#[cfg(test)]
extern crate std;

mod blocking;
mod error;
mod frame;
mod message;
mod shelf;
mod source;

pub use blocking::Blocking;
pub use error::SerialError;
pub use frame::{Deframer, FRAME_OVERHEAD, NoRoom, frame, frame_length};
pub use message::{Answer, DATA_OVERHEAD, MAX_NAME, MAX_REQUEST, Problem, Request, is_name};
pub use shelf::{File, Shelf, respond};
pub use source::{Patience, SerialSource, SetupError};

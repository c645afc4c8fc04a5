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

pub mod blocking;
mod config;
mod download;
mod driver;
mod failure;
mod fault;
mod next;
mod source;

pub use config::Config;
pub use download::Download;
pub use driver::{run, run_observed};
pub use failure::{Failure, RunError};
pub use fault::{Fault, Recovery};
pub use next::{Next, Outcome, Progress};
pub use source::{Range, Reply, Source, SourceError};

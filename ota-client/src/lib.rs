//! placeholder
#![cfg_attr(not(test), no_std)]
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

mod config;
mod fault;
mod source;

pub use config::Config;
pub use fault::{Fault, Recovery};
pub use source::{Range, Reply, Source, SourceError};

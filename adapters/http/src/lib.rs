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
#[macro_use]
extern crate std;

mod answer;
mod connect;
mod error;
mod head;
#[cfg(feature = "nal")]
mod nal;
mod request;
mod source;
mod tag;
mod url;

pub use connect::{Blocking, Connect};
pub use error::HttpError;
#[cfg(feature = "nal")]
pub use nal::{Tcp, TcpError};
pub use source::HttpSource;
pub use url::{Url, UrlError};

//! What the machine wants, and how an attempt ends.

use ota_bootloader::StagedImage;

use crate::{Fault, Range};

/// What [`Download::poll`](crate::Download::poll) wants done before it is called again.
#[derive(Debug)]
#[must_use]
pub enum Next {
    /// Nothing: a step was taken, at most one flash operation long. Poll again, after letting
    /// others run.
    Working,
    /// Ask for these bytes, then call [`Download::on_reply`](crate::Download::on_reply) or [`Download::on_fault`](crate::Download::on_fault).
    Request(Range),
    /// Read bytes of the answer into [`Download::space`](crate::Download::space), then call [`Download::received`](crate::Download::received) or
    /// [`Download::on_fault`](crate::Download::on_fault).
    Receive,
    /// Wait, then poll again.
    Wait {
        /// How long, in milliseconds.
        ms: u32,
        /// Why.
        fault: Fault,
    },
    /// The attempt succeeded. Polling again begins another one.
    Done(Outcome),
}

/// How a successful attempt ends.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// The server offers the release that is running.
    UpToDate,
    /// The server offers the release that is staged already: reset, and it is tried.
    AlreadyStaged,
    /// A new release is staged and its digest is right. Hand it to
    /// [`Updater::request`](ota_bootloader::Updater::request), then reset.
    Staged(StagedImage),
}

/// How far the package is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the package that are here, counted from its start.
    pub done: u32,
    /// Bytes of the whole package.
    pub total: u32,
}

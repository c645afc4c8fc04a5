//! Why an attempt ended without an update.

use core::fmt;

use ota_bootloader::{AcceptError, AdmitError, WorkError};

use crate::{Fault, SourceError};

/// Why an attempt ended without an update. The running firmware is untouched, what was verified
/// stays, and another attempt may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The release was not admitted: not signed, not for this device, not newer, ...
    Admit(AdmitError),
    /// Staging cannot go on.
    Work(WorkError),
    /// A piece that was right could not be staged.
    Accept(AcceptError),
    /// The server, or the way to it, and retries did not help or would not.
    Fault(Fault),
}

impl Failure {
    /// A number that stays the same for ever, for logs and for the fleet: that of the cause.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Admit(error) => error.code(),
            Self::Work(error) => error.code(),
            Self::Accept(error) => error.code(),
            Self::Fault(fault) => Fault::code(*fault),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admit(error) => error.fmt(f),
            Self::Work(error) => error.fmt(f),
            Self::Accept(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for Failure {}

/// What the drivers return: the failure, and what the source said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunError<E> {
    /// Why the attempt ended.
    pub failure: Failure,
    /// The source's own error, if one led to the failure.
    pub source: Option<E>,
}

impl<E: SourceError> RunError<E> {
    /// A number that stays the same for ever: the source's own if an error of it led here.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.source
            .as_ref()
            .map_or_else(|| self.failure.code(), SourceError::code)
    }
}

impl<E: fmt::Display> fmt::Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(error) => error.fmt(f),
            None => self.failure.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for RunError<E> {}

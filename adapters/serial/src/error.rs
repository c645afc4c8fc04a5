//! Everything that can be wrong with a line.

use core::fmt;

use embedded_io::ErrorKind;
use ota_client::{Fault, SourceError};

use crate::Problem;

/// Why a request failed, after all tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialError {
    /// The request could not be sent.
    Write(ErrorKind),
    /// The line could not be read.
    Read(ErrorKind),
    /// The line is closed.
    Closed,
    /// No answer came, or none that was undamaged.
    NoAnswer,
    /// An answer came that contradicts its request, or itself.
    Nonsense,
    /// The file ends inside the range.
    TooShort,
    /// The server says why not.
    Problem(Problem),
}

impl SerialError {
    /// A number that stays the same for ever: `0x31xx`.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Write(_) => 0x3101,
            Self::Read(_) => 0x3102,
            Self::Closed => 0x3103,
            Self::NoAnswer => 0x3104,
            Self::Nonsense => 0x3105,
            Self::TooShort => 0x3106,
            Self::Problem(Problem::NotFound) => 0x3107,
            Self::Problem(Problem::Changed) => 0x3108,
            Self::Problem(Problem::PastEnd) => 0x3109,
            Self::Problem(Problem::Unavailable) => 0x310A,
            Self::Problem(Problem::NotUnderstood) => 0x310B,
        }
    }
}

impl fmt::Display for SerialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write(kind) => return write!(f, "the request could not be sent: {kind:?}"),
            Self::Read(kind) => return write!(f, "the line could not be read: {kind:?}"),
            Self::Closed => "the line is closed: check the cable",
            Self::NoAnswer => "no answer: check cable, speed, and that the server runs",
            Self::Nonsense => "the answer does not fit the request: check the server",
            Self::TooShort | Self::Problem(Problem::PastEnd) => {
                "the server's file is too short: publish the package again"
            }
            Self::Problem(Problem::NotFound) => "the server has no such file: check the name",
            Self::Problem(Problem::Changed) => {
                "the server's file changed during the download: try again"
            }
            Self::Problem(Problem::Unavailable) => {
                "the server cannot read the file now: try again later"
            }
            Self::Problem(Problem::NotUnderstood) => {
                "the server does not understand the request: use a newer one"
            }
        })
    }
}

impl core::error::Error for SerialError {}

impl SourceError for SerialError {
    fn fault(&self) -> Fault {
        match self {
            Self::Write(_) | Self::Read(_) | Self::Closed => Fault::Link,
            Self::NoAnswer => Fault::Stalled,
            Self::Nonsense => Fault::Malformed,
            Self::TooShort | Self::Problem(Problem::PastEnd) => Fault::RangeRefused,
            Self::Problem(Problem::NotFound) => Fault::NotFound,
            Self::Problem(Problem::Changed) => Fault::Changed,
            Self::Problem(Problem::Unavailable) => Fault::Unavailable(0),
            Self::Problem(Problem::NotUnderstood) => Fault::Unsupported,
        }
    }

    fn code(&self) -> u16 {
        (*self).code()
    }
}

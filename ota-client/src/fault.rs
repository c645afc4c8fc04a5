//! What can go wrong with one request, and what that means for the next one.

use core::fmt;

/// What went wrong with one request, in terms that do not depend on the transport.
///
/// A transport keeps its own, richer error and says by [`SourceError::fault`](crate::SourceError)
/// which of these it is. Nothing of the answer that caused a fault is ever written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection, or it was lost before the answer began.
    Link,
    /// Nothing, or too little, arrived within [`Config::stall_timeout_ms`](crate::Config).
    Stalled,
    /// The answer ended before the length it had announced.
    Short,
    /// The server sent more than it had announced.
    Excess,
    /// What arrived is not an answer in the transport's protocol.
    Malformed,
    /// The server is there but cannot answer now; the transport's status (HTTP: 5xx, 408, 429).
    Unavailable(u16),
    /// There is no such file.
    NotFound,
    /// The server refuses; the transport's status (HTTP: 401, 403, ...).
    Refused(u16),
    /// The server sends the client elsewhere; the transport's status (HTTP: 3xx).
    Redirected(u16),
    /// The server sent the whole file though a range was asked for.
    RangeIgnored,
    /// The server has no such range: the file is shorter than it was, or than it should be.
    RangeRefused,
    /// The server sent another range than the one asked for.
    WrongRange,
    /// The answer is framed or encoded in a way that a range download cannot use.
    Unsupported,
    /// The file behind the address is not the one the download began with.
    Changed,
    /// The bytes do not have the digest that was signed.
    Damaged,
    /// The file's length is not the one its own manifest says: it was cut or appended to.
    WrongTotal,
}

/// What to do after a [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Wait and ask for the same bytes again.
    Retry,
    /// Wait, then ask for the envelope: the server may offer another release now.
    Recheck,
    /// Asking again would get the same answer: end this attempt.
    GiveUp,
}

impl Fault {
    /// What the download does after this fault.
    #[must_use]
    pub const fn recovery(self) -> Recovery {
        match self {
            Self::Link
            | Self::Stalled
            | Self::Short
            | Self::Excess
            | Self::Malformed
            | Self::Unavailable(_) => Recovery::Retry,
            Self::Changed | Self::Damaged | Self::RangeRefused => Recovery::Recheck,
            Self::NotFound
            | Self::Refused(_)
            | Self::Redirected(_)
            | Self::RangeIgnored
            | Self::WrongRange
            | Self::Unsupported
            | Self::WrongTotal => Recovery::GiveUp,
        }
    }

    /// A number that stays the same for ever, for logs and for the fleet: `0x20xx`.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Link => 0x2001,
            Self::Stalled => 0x2002,
            Self::Short => 0x2003,
            Self::Excess => 0x2004,
            Self::Malformed => 0x2005,
            Self::Unavailable(_) => 0x2006,
            Self::NotFound => 0x2007,
            Self::Refused(_) => 0x2008,
            Self::Redirected(_) => 0x2009,
            Self::RangeIgnored => 0x200A,
            Self::RangeRefused => 0x200B,
            Self::WrongRange => 0x200C,
            Self::Unsupported => 0x200D,
            Self::Changed => 0x200E,
            Self::Damaged => 0x200F,
            Self::WrongTotal => 0x2010,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Link => "no connection to the server: check the network and the address",
            Self::Stalled => "the server stopped sending: try again later",
            Self::Short => "the answer ended too early: try again",
            Self::Excess => "the server sent more than it announced: check the server",
            Self::Malformed => "what answered does not speak the protocol: check the address",
            Self::Unavailable(status) => {
                return write!(
                    f,
                    "the server cannot answer now (status {status}): try again later"
                );
            }
            Self::NotFound => "the server has no such file: check the address",
            Self::Refused(status) => {
                return write!(
                    f,
                    "the server refuses (status {status}): check the credentials"
                );
            }
            Self::Redirected(status) => {
                return write!(
                    f,
                    "the server redirects (status {status}): give the final address instead"
                );
            }
            Self::RangeIgnored => {
                "the server sends the whole file instead of a range: serve it with Range support"
            }
            Self::RangeRefused => "the server's file is too short: publish the package again",
            Self::WrongRange => "the server sent another range than asked for: check the server",
            Self::Unsupported => {
                "the answer is chunked, encoded or without length: serve the file unchanged"
            }
            Self::Changed => "the file changed during the download: try again",
            Self::Damaged => "the bytes do not match the signed digest: publish the package again",
            Self::WrongTotal => {
                "the file is not as long as its manifest says: publish the package again"
            }
        };
        f.write_str(text)
    }
}

impl core::error::Error for Fault {}

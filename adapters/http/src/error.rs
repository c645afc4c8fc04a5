//! Everything that can be wrong with a server.

use core::fmt;

use embedded_io::ErrorKind;
use ota_client::{Fault, SourceError};

/// Why a request failed. `E` is what [`Connect`](crate::Connect) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpError<E> {
    /// There is no connection.
    Connect(E),
    /// The request could not be sent.
    Write(ErrorKind),
    /// The answer could not be read to its end.
    Read(ErrorKind),
    /// The connection was closed before the answer's head was complete.
    Closed,
    /// The connection was closed before the body was complete; this many bytes are missing.
    ShortBody(u32),
    /// More bytes came than the answer had announced.
    Excess,
    /// What came is not the head of an HTTP/1 answer.
    NotHttp,
    /// The answer's head does not fit into the buffer, or has too many fields.
    HeadTooLarge,
    /// The request does not fit into the buffer.
    RequestTooLarge,
    /// The server sends the whole file (200) instead of the range.
    RangeIgnored,
    /// The file behind the address is another one than before.
    Changed,
    /// There is no such file (404, 410).
    NotFound,
    /// The file has no such range (416).
    RangeNotSatisfiable,
    /// The server cannot answer now (5xx, 408, 425, 429).
    Unavailable(u16),
    /// The server sends the client elsewhere (3xx). Redirects are not followed.
    Redirect(u16),
    /// Any other status.
    Refused(u16),
    /// The range that comes is not the one asked for, or is not named once and readably.
    WrongContentRange,
    /// `Content-Length` contradicts `Content-Range`, or itself.
    WrongContentLength,
    /// There is no `Content-Length`, so that a cut answer could not be told from a whole one.
    NoContentLength,
    /// The body is transfer-encoded (chunked, say).
    TransferEncoding,
    /// The body is compressed or otherwise encoded, so that its bytes are not the file's.
    ContentEncoding,
    /// The body is made of parts (`multipart/byteranges`), each with a head of its own.
    Multipart,
}

impl<E> HttpError<E> {
    /// A number that stays the same for ever: `0x30xx`.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Connect(_) => 0x3001,
            Self::Write(_) => 0x3002,
            Self::Read(_) => 0x3003,
            Self::Closed => 0x3004,
            Self::ShortBody(_) => 0x3005,
            Self::Excess => 0x3006,
            Self::NotHttp => 0x3007,
            Self::HeadTooLarge => 0x3008,
            Self::RequestTooLarge => 0x3009,
            Self::RangeIgnored => 0x300A,
            Self::Changed => 0x300B,
            Self::NotFound => 0x300C,
            Self::RangeNotSatisfiable => 0x300D,
            Self::Unavailable(_) => 0x300E,
            Self::Redirect(_) => 0x300F,
            Self::Refused(_) => 0x3010,
            Self::WrongContentRange => 0x3011,
            Self::WrongContentLength => 0x3012,
            Self::NoContentLength => 0x3013,
            Self::TransferEncoding => 0x3014,
            Self::ContentEncoding => 0x3015,
            Self::Multipart => 0x3016,
        }
    }

    const fn to_fault(&self) -> Fault {
        match self {
            Self::Write(ErrorKind::TimedOut) | Self::Read(ErrorKind::TimedOut) => Fault::Stalled,
            Self::Connect(_) | Self::Write(_) | Self::Read(_) | Self::Closed => Fault::Link,
            Self::ShortBody(_) => Fault::Short,
            Self::Excess => Fault::Excess,
            Self::NotHttp => Fault::Malformed,
            Self::RangeIgnored => Fault::RangeIgnored,
            Self::Changed => Fault::Changed,
            Self::NotFound => Fault::NotFound,
            Self::RangeNotSatisfiable => Fault::RangeRefused,
            Self::Unavailable(status) => Fault::Unavailable(*status),
            Self::Redirect(status) => Fault::Redirected(*status),
            Self::Refused(status) => Fault::Refused(*status),
            Self::WrongContentRange | Self::WrongContentLength => Fault::WrongRange,
            Self::NoContentLength
            | Self::TransferEncoding
            | Self::ContentEncoding
            | Self::Multipart
            | Self::HeadTooLarge
            | Self::RequestTooLarge => Fault::Unsupported,
        }
    }
}

impl<E: fmt::Display> fmt::Display for HttpError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Connect(error) => return write!(f, "cannot connect to the server: {error}"),
            Self::Write(kind) => return write!(f, "the request could not be sent: {kind:?}"),
            Self::Read(kind) => return write!(f, "the answer could not be read: {kind:?}"),
            Self::ShortBody(missing) => {
                return write!(f, "the answer ended {missing} bytes early: try again");
            }
            Self::Unavailable(status) => {
                return write!(f, "the server answers {status}: try again later");
            }
            Self::Redirect(status) => {
                return write!(
                    f,
                    "the server redirects ({status}), which is not followed: give the final address"
                );
            }
            Self::Refused(status) => {
                return write!(
                    f,
                    "the server answers {status}: check address and credentials"
                );
            }
            Self::Closed => "the server closed the connection without an answer: try again",
            Self::Excess => "the server sent more bytes than it announced: check the server",
            Self::NotHttp => "what answers does not speak HTTP/1: check the address",
            Self::HeadTooLarge => "the answer's head is too large: give the source a larger buffer",
            Self::RequestTooLarge => "the request is too large: give the source a larger buffer",
            Self::RangeIgnored => {
                "the server ignores Range and sends the whole file (200): serve it with Range support"
            }
            Self::Changed => "the file on the server changed between two requests: try again",
            Self::NotFound => "the server has no such file (404): check the address",
            Self::RangeNotSatisfiable => {
                "the file on the server is too short (416): publish the package again"
            }
            Self::WrongContentRange => {
                "the server sent another range than asked for: check the server"
            }
            Self::WrongContentLength => {
                "Content-Length contradicts Content-Range: check the server"
            }
            Self::NoContentLength => "the answer has no Content-Length: serve the file statically",
            Self::TransferEncoding => {
                "the answer has a transfer encoding (chunked): serve the file statically"
            }
            Self::ContentEncoding => {
                "the answer is compressed: switch compression off for this file"
            }
            Self::Multipart => {
                "the answer is multipart/byteranges, though one range was asked for: check the server"
            }
        };
        f.write_str(text)
    }
}

impl<E: core::error::Error> core::error::Error for HttpError<E> {}

impl<E: core::error::Error> SourceError for HttpError<E> {
    fn fault(&self) -> Fault {
        self.to_fault()
    }

    fn code(&self) -> u16 {
        HttpError::code(self)
    }
}

//! Where connections come from.

use embassy_futures::yield_now;
use embedded_io_async::{ErrorType, Read, Write};

/// Makes connections to one server.
///
/// A download needs a new connection whenever the old one is lost, so a source is given the
/// means to make one, not a connection. Plain TCP or TLS, name resolution, a modem's socket: all
/// of that is decided here.
///
/// The connection may not borrow from `self`, as it is kept between requests. On embassy-net
/// `self` holds a `&TcpClient`, and the connection is its `TcpConnection`.
///
/// A connection should fail, or be dropped and closed, on its own if nobody answers for very
/// long; the async driver of `ota-client` does not depend on it, the blocking one does: it can end
/// no single call.
#[allow(
    async_fn_in_trait,
    reason = "used in place by a generic source; no bound on the future is needed"
)]
pub trait Connect {
    /// A byte stream to the server. Dropping it closes it. A read that is dropped before it was
    /// ready has taken nothing: before each request it is looked whether anything is there already.
    type Connection: Read + Write;
    /// Why there is none.
    type Error: core::error::Error;

    /// Opens a new connection. The one before has been dropped by then.
    ///
    /// # Errors
    ///
    /// The server cannot be reached; counted as a lost link, and tried again later.
    async fn connect(&mut self) -> Result<Self::Connection, Self::Error>;
}

impl<C: Connect + ?Sized> Connect for &mut C {
    type Connection = C::Connection;
    type Error = C::Error;

    async fn connect(&mut self) -> Result<Self::Connection, Self::Error> {
        C::connect(self).await
    }
}

/// A blocking byte stream where an async one is asked for, for `ota_client::blocking`.
///
/// Each operation yields and then blocks, so that the driver looks at its clock between two of
/// them: a server that sends a byte now and then is given up on, in the head of an answer too. That
/// one of them ends is the stream's matter: give it a read and a write time-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking<T>(pub T);

impl<T: ErrorType> ErrorType for Blocking<T> {
    type Error = T::Error;
}

impl<T: embedded_io::Read> Read for Blocking<T> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        yield_now().await;
        self.0.read(buffer)
    }
}

impl<T: embedded_io::Write> Write for Blocking<T> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        yield_now().await;
        self.0.write(bytes)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        yield_now().await;
        self.0.flush()
    }
}

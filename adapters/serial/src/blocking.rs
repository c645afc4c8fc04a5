//! The same for those who block.

use embassy_futures::yield_now;
use embedded_io_async::{ErrorType, Read, Write};

/// A blocking port where an async one is asked for, for `ota_client::blocking`; the source's delay
/// is that module's `Timer`, then.
///
/// Each operation yields and then blocks, so that the clock is looked at between two of them: a line
/// on which a byte comes now and then is given up on. Reads have to end by themselves, with an
/// error, when nothing comes for a while: that counts as one of the tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking<P>(pub P);

impl<P: ErrorType> ErrorType for Blocking<P> {
    type Error = P::Error;
}

impl<P: embedded_io::Read> Read for Blocking<P> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        yield_now().await;
        self.0.read(buffer)
    }
}

impl<P: embedded_io::Write> Write for Blocking<P> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        yield_now().await;
        self.0.write(bytes)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        yield_now().await;
        self.0.flush()
    }
}

//! The same for those who block.

use embassy_futures::block_on;
use embedded_io_async::{ErrorType, Read, Write};
use ota_client::{Range, Reply, Source, blocking};

use crate::{SerialError, SerialSource};

/// A blocking port where an async one is asked for. Its reads have to end by themselves, with an
/// error, when nothing comes for a while: that counts as one of the tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking<P>(pub P);

impl<P: ErrorType> ErrorType for Blocking<P> {
    type Error = P::Error;
}

impl<P: embedded_io::Read> Read for Blocking<P> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.0.read(buffer)
    }
}

impl<P: embedded_io::Write> Write for Blocking<P> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.0.write(bytes)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.flush()
    }
}

/// The delay of a source whose port has its own time-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoTimer;

impl embedded_hal_async::delay::DelayNs for NoTimer {
    async fn delay_ns(&mut self, _: u32) {
        core::future::pending::<()>().await;
    }
}

impl<P> blocking::Source for SerialSource<'_, Blocking<P>, NoTimer>
where
    P: embedded_io::Read + embedded_io::Write,
{
    type Error = SerialError;

    fn open(&mut self, range: Range) -> Result<Reply, SerialError> {
        block_on(Source::open(self, range))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SerialError> {
        block_on(Source::read(self, buffer))
    }
}

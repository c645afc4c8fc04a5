//! The same source for those who block.

use embassy_futures::block_on;
use ota_client::{Range, Reply, Source, blocking};

use crate::{Blocking, Connect, HttpSource};

/// Over blocking connections the source is a blocking one as well.
///
/// A connection's own timeouts have to end what takes too long; give its streams a read timeout.
impl<C, T> blocking::Source for HttpSource<'_, C>
where
    C: Connect<Connection = Blocking<T>>,
    T: embedded_io::Read + embedded_io::Write,
{
    type Error = <Self as Source>::Error;

    fn open(&mut self, range: Range) -> Result<Reply, Self::Error> {
        block_on(Source::open(self, range))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        block_on(Source::read(self, buffer))
    }
}

//! A package in memory, as a server that does all that is asked of it.

use ota_client::{Fault, Range, Reply, Source, blocking::Clock};

/// A server with one file.
pub(crate) struct Memory<'p> {
    package: &'p [u8],
    rest: &'p [u8],
    /// Bytes that were asked for.
    pub(crate) asked: u64,
}

impl<'p> Memory<'p> {
    pub(crate) const fn new(package: &'p [u8]) -> Self {
        Self {
            package,
            rest: &[],
            asked: 0,
        }
    }
}

impl Source for Memory<'_> {
    type Error = Fault;

    async fn open(&mut self, range: Range) -> Result<Reply, Fault> {
        self.asked += u64::from(range.length);
        self.rest = self
            .package
            .get(range.offset as usize..range.end() as usize)
            .ok_or(Fault::RangeRefused)?;
        Ok(Reply {
            offset: range.offset,
            length: range.length,
            total: u32::try_from(self.package.len()).ok(),
        })
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let (head, rest) = self.rest.split_at(buffer.len().min(self.rest.len()));
        buffer[..head.len()].copy_from_slice(head);
        self.rest = rest;
        Ok(head.len())
    }
}

/// Nobody waits in a sweep.
pub(crate) struct NoDelay;

impl embedded_hal::delay::DelayNs for NoDelay {
    fn delay_ns(&mut self, _: u32) {}
}

impl Clock for NoDelay {
    fn now_ms(&mut self) -> u32 {
        0
    }
}

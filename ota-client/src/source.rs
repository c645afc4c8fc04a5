//! Where the bytes come from: anything that can answer "these bytes of that file".

use crate::Fault;

/// A run of bytes of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first byte, counted from the start of the package.
    pub offset: u32,
    /// How many bytes; never 0.
    pub length: u32,
}

impl Range {
    /// The byte after the last, counted from the start of the package.
    #[must_use]
    pub const fn end(self) -> u32 {
        self.offset.saturating_add(self.length)
    }
}

/// How a source announces its answer, before the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The first byte that will come, counted from the start of the package.
    pub offset: u32,
    /// How many bytes will come.
    pub length: u32,
    /// How long the whole package is, if the source knows.
    pub total: Option<u32>,
}

/// An error of a [`Source`], which can say what it means for the download.
pub trait SourceError: core::error::Error {
    /// Which [`Fault`] this is.
    fn fault(&self) -> Fault;

    /// A stable number for logs and for the fleet; the fault's unless the transport has its own.
    fn code(&self) -> u16 {
        self.fault().code()
    }
}

impl SourceError for Fault {
    fn fault(&self) -> Fault {
        *self
    }
}

/// A package somewhere else, read in ranges.
///
/// Nothing that a source says or sends is trusted, so a source need not authenticate anything.
///
/// A future of `open` or `read` may be dropped before it is ready, because the driver lost
/// patience. After that only `open` is called, and the source must not mix what was left of the
/// old answer into the new one.
#[allow(
    async_fn_in_trait,
    reason = "drivers are generic and await in place; no bound on the future is needed"
)]
pub trait Source {
    /// What can go wrong.
    type Error: SourceError;

    /// Asks for `range` and waits for the announcement of the answer.
    ///
    /// A previous answer that was not read to its end is abandoned. A range that starts at 0
    /// begins anew: whatever the source remembered about the file behind the address is
    /// forgotten. For other ranges a source that can tell (by an entity tag, say) reports
    /// [`Fault::Changed`] when the file is not the one that the last such range came from.
    ///
    /// # Errors
    ///
    /// Anything that keeps the answer from beginning, or an answer that cannot be used.
    async fn open(&mut self, range: Range) -> Result<Reply, Self::Error>;

    /// Waits for some bytes of the answer, and says how many; 0 at the answer's end or if
    /// `buffer` is empty.
    ///
    /// # Errors
    ///
    /// The connection was lost, or the answer turned out wrong.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error>;
}

impl<S: Source + ?Sized> Source for &mut S {
    type Error = S::Error;

    async fn open(&mut self, range: Range) -> Result<Reply, Self::Error> {
        S::open(self, range).await
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        S::read(self, buffer).await
    }
}

//! The same for those who block: one thread, no executor.

use embassy_futures::block_on;
use ota_bootloader::{Storage, Updater};
use ota_image::{Crypto, TrustAnchors};

use crate::{Download, Next, Outcome, Range, Reply, RunError, SourceError};

/// The blocking twin of [`crate::Source`].
///
/// A blocking call cannot be abandoned, so the source itself has to end each of them within
/// [`Config::stall_timeout_ms`](crate::Config) or so, with an error whose fault is
/// [`Fault::Stalled`](crate::Fault).
pub trait Source {
    /// What can go wrong.
    type Error: SourceError;

    /// Asks for `range`; see [`crate::Source::open`].
    ///
    /// # Errors
    ///
    /// Anything that keeps the answer from beginning, or an answer that cannot be used.
    fn open(&mut self, range: Range) -> Result<Reply, Self::Error>;

    /// Reads some bytes of the answer; see [`crate::Source::read`].
    ///
    /// # Errors
    ///
    /// The connection was lost, or the answer turned out wrong.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error>;
}

impl<N: Source + ?Sized> Source for &mut N {
    type Error = N::Error;

    fn open(&mut self, range: Range) -> Result<Reply, Self::Error> {
        N::open(self, range)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        N::read(self, buffer)
    }
}

/// One attempt: looks for an update, downloads it and stages it.
///
/// # Errors
///
/// The attempt is over; see [`Failure`](crate::Failure).
pub fn run<S: Storage, C: Crypto, N: Source>(
    download: &mut Download<'_>,
    updater: &mut Updater<'_, S, C>,
    anchors: &TrustAnchors<'_>,
    source: N,
    delay: impl embedded_hal::delay::DelayNs,
) -> Result<Outcome, RunError<N::Error>> {
    run_observed(download, updater, anchors, source, delay, |_, _| {})
}

/// Like [`run`], and shows every step to `observe` before it is taken.
///
/// # Errors
///
/// The attempt is over; see [`Failure`](crate::Failure).
pub fn run_observed<S: Storage, C: Crypto, N: Source>(
    download: &mut Download<'_>,
    updater: &mut Updater<'_, S, C>,
    anchors: &TrustAnchors<'_>,
    source: N,
    delay: impl embedded_hal::delay::DelayNs,
    observe: impl FnMut(&Download<'_>, &Next),
) -> Result<Outcome, RunError<N::Error>> {
    let (source, delay) = (Ready(source), Ready(delay));
    block_on(crate::run_observed(
        download, updater, anchors, source, delay, observe,
    ))
}

/// Makes an async thing of a blocking one, ready as soon as it is polled. The driver polls a
/// read before the delay that limits it, so that delay never starts.
struct Ready<T>(T);

impl<N: Source> crate::Source for Ready<N> {
    type Error = N::Error;

    async fn open(&mut self, range: Range) -> Result<Reply, Self::Error> {
        self.0.open(range)
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.0.read(buffer)
    }
}

impl<D: embedded_hal::delay::DelayNs> embedded_hal_async::delay::DelayNs for Ready<D> {
    async fn delay_ns(&mut self, ns: u32) {
        self.0.delay_ns(ns);
    }

    async fn delay_ms(&mut self, ms: u32) {
        self.0.delay_ms(ms);
    }
}

//! The driver for those who block: one thread, no executor.
//!
//! The source is the same [`Source`], whose futures may block when they are polled. Each poll has
//! to end by itself within [`Config::stall_timeout_ms`](crate::Config) or so: give a port or a
//! socket a time-out. A future that blocks more than once before it is ready, as one does that
//! reads the head of an answer byte by byte, yields in between, as the adapters do: the driver
//! looks at the clock then, and abandons what takes too long.

use core::future::{Future, poll_fn};
use core::task::Poll;

use embassy_futures::{block_on, yield_now};
use ota_bootloader::{Storage, Updater};
use ota_image::{Crypto, TrustAnchors};

use crate::driver::{self, Time};
use crate::{Download, Next, Outcome, Range, Reply, RunError, Source};

/// A clock that can also wait.
pub trait Clock: embedded_hal::delay::DelayNs {
    /// Milliseconds since some moment, which go on while other calls block. After the largest
    /// number comes 0.
    fn now_ms(&mut self) -> u32;
}

impl<C: Clock + ?Sized> Clock for &mut C {
    fn now_ms(&mut self) -> u32 {
        C::now_ms(self)
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
    clock: impl Clock,
) -> Result<Outcome, RunError<N::Error>> {
    run_observed(download, updater, anchors, source, clock, |_, _| {})
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
    clock: impl Clock,
    observe: impl FnMut(&Download<'_>, &Next),
) -> Result<Outcome, RunError<N::Error>> {
    let (source, time) = (Yielding(source), Looked(clock));
    block_on(driver::drive(
        download, updater, anchors, source, time, observe,
    ))
}

/// An async delay over a clock that blocks nobody: for sources that limit their own waits, under
/// [`run`]. It is looked at whenever the source yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer<C>(pub C);

impl<C: Clock> embedded_hal_async::delay::DelayNs for Timer<C> {
    async fn delay_ns(&mut self, ns: u32) {
        passed(&mut self.0, ns.div_ceil(1_000_000)).await;
    }

    async fn delay_us(&mut self, us: u32) {
        passed(&mut self.0, us.div_ceil(1_000)).await;
    }

    async fn delay_ms(&mut self, ms: u32) {
        passed(&mut self.0, ms).await;
    }
}

/// Time that is looked at.
struct Looked<C>(C);

impl<C: Clock> Time for Looked<C> {
    async fn pause(&mut self, ms: u32) {
        self.0.delay_ms(ms);
    }

    fn within<T>(
        &mut self,
        ms: u32,
        future: impl Future<Output = T>,
    ) -> impl Future<Output = Option<T>> {
        driver::unless(future, passed(&mut self.0, ms))
    }
}

/// Ready when so many milliseconds have passed since it was called, not since it was first polled.
fn passed(clock: &mut impl Clock, ms: u32) -> impl Future<Output = ()> {
    let begun = clock.now_ms();
    poll_fn(move |context| {
        if clock.now_ms().wrapping_sub(begun) >= ms {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Yields before each read, so that the clock is looked at between two of them.
struct Yielding<N>(N);

impl<N: Source> Source for Yielding<N> {
    type Error = N::Error;

    async fn open(&mut self, range: Range) -> Result<Reply, Self::Error> {
        self.0.open(range).await
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        yield_now().await;
        self.0.read(buffer).await
    }
}

//! The loop between the machine, a source and a clock.

use core::future::Future;

use embassy_futures::{
    select::{Either, select},
    yield_now,
};
use embedded_hal_async::delay::DelayNs;
use ota_bootloader::{Storage, Updater};
use ota_image::{Crypto, TrustAnchors};

use crate::{Download, Failure, Fault, Next, Outcome, RunError, Source, SourceError};

/// One attempt: looks for an update, downloads it and stages it.
///
/// Returns to the executor after every flash operation. Dropping the future is safe at any
/// time, and no different from a reset: the next attempt goes on where this one was.
///
/// # Errors
///
/// The attempt is over; see [`Failure`].
pub fn run<S: Storage, C: Crypto, N: Source>(
    download: &mut Download<'_>,
    updater: &mut Updater<'_, S, C>,
    anchors: &TrustAnchors<'_>,
    source: N,
    delay: impl DelayNs,
) -> impl Future<Output = Result<Outcome, RunError<N::Error>>> {
    run_observed(download, updater, anchors, source, delay, |_, _| {})
}

/// Like [`run`], and shows every step to `observe` before it is taken: for progress bars, logs
/// and statistics.
///
/// # Errors
///
/// The attempt is over; see [`Failure`].
pub fn run_observed<S: Storage, C: Crypto, N: Source>(
    download: &mut Download<'_>,
    updater: &mut Updater<'_, S, C>,
    anchors: &TrustAnchors<'_>,
    source: N,
    delay: impl DelayNs,
    observe: impl FnMut(&Download<'_>, &Next),
) -> impl Future<Output = Result<Outcome, RunError<N::Error>>> {
    // Its own future: one that awaited it would hold every argument a second time.
    drive(download, updater, anchors, source, Waited(delay), observe)
}

/// Time as the loop needs it.
pub(crate) trait Time {
    /// Lets so much of it pass.
    fn pause(&mut self, ms: u32) -> impl Future<Output = ()>;

    /// The future's output, unless so much of it passes first.
    fn within<T>(
        &mut self,
        ms: u32,
        future: impl Future<Output = T>,
    ) -> impl Future<Output = Option<T>>;
}

/// Time that an executor waits for.
struct Waited<D>(D);

impl<D: DelayNs> Time for Waited<D> {
    fn pause(&mut self, ms: u32) -> impl Future<Output = ()> {
        self.0.delay_ms(ms)
    }

    fn within<T>(
        &mut self,
        ms: u32,
        future: impl Future<Output = T>,
    ) -> impl Future<Output = Option<T>> {
        unless(future, self.0.delay_ms(ms))
    }
}

/// The future's output, unless patience ends first.
pub(crate) async fn unless<T>(future: impl Future<Output = T>, patience: impl Future) -> Option<T> {
    match select(future, patience).await {
        Either::First(output) => Some(output),
        Either::Second(_) => None,
    }
}

/// The loop itself, for every driver.
pub(crate) async fn drive<S: Storage, C: Crypto, N: Source>(
    download: &mut Download<'_>,
    updater: &mut Updater<'_, S, C>,
    anchors: &TrustAnchors<'_>,
    mut source: N,
    mut time: impl Time,
    mut observe: impl FnMut(&Download<'_>, &Next),
) -> Result<Outcome, RunError<N::Error>> {
    let mut last_error = None;
    // An earlier run may have been dropped in the middle of an answer.
    download.abandon();
    loop {
        let next = match download.poll(updater, anchors) {
            Ok(next) => next,
            Err(failure) => return Err(blame(failure, last_error)),
        };
        observe(download, &next);
        match next {
            Next::Working => yield_now().await,
            Next::Request(range) => {
                let patience = download.config().stall_timeout_ms;
                match time.within(patience, source.open(range)).await {
                    Some(Ok(reply)) => download.on_reply(reply),
                    given_up => last_error = settle(download, given_up),
                }
            }
            Next::Receive => {
                let patience = download.config().stall_timeout_ms;
                let piece = receive_piece(download, &mut source);
                match time.within(patience, piece).await {
                    Some(Ok(())) => {}
                    given_up => last_error = settle(download, given_up),
                }
            }
            Next::Wait { ms, .. } => time.pause(ms).await,
            Next::Done(outcome) => return Ok(outcome),
        }
    }
}

/// Reads until the piece is whole or the answer ends.
async fn receive_piece<N: Source>(
    download: &mut Download<'_>,
    source: &mut N,
) -> Result<(), N::Error> {
    while !download.space().is_empty() {
        let count = source.read(download.space()).await?;
        download.received(count);
    }
    Ok(())
}

/// Tells the machine what went wrong, and keeps the source's own words.
fn settle<T, E: SourceError>(
    download: &mut Download<'_>,
    result: Option<Result<T, E>>,
) -> Option<E> {
    match result {
        Some(Err(error)) => {
            download.on_fault(error.fault());
            Some(error)
        }
        Some(Ok(_)) => None,
        None => {
            download.on_fault(Fault::Stalled);
            None
        }
    }
}

/// The source's last words belong to the failure only if they are what led to it.
fn blame<E: SourceError>(failure: Failure, last_error: Option<E>) -> RunError<E> {
    let source = last_error.filter(|error| failure == Failure::Fault(error.fault()));
    RunError { failure, source }
}

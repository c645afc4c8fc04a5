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
pub async fn run<S: Storage, C: Crypto, N: Source>(
    download: &mut Download<'_>,
    updater: &mut Updater<'_, S, C>,
    anchors: &TrustAnchors<'_>,
    source: N,
    delay: impl DelayNs,
) -> Result<Outcome, RunError<N::Error>> {
    run_observed(download, updater, anchors, source, delay, |_, _| {}).await
}

/// Like [`run`], and shows every step to `observe` before it is taken: for progress bars, logs
/// and statistics.
///
/// # Errors
///
/// The attempt is over; see [`Failure`].
pub async fn run_observed<S: Storage, C: Crypto, N: Source>(
    download: &mut Download<'_>,
    updater: &mut Updater<'_, S, C>,
    anchors: &TrustAnchors<'_>,
    mut source: N,
    mut delay: impl DelayNs,
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
                let patience = delay.delay_ms(download.config().stall_timeout_ms);
                match within(source.open(range), patience).await {
                    Some(Ok(reply)) => download.on_reply(reply),
                    given_up => last_error = settle(download, given_up),
                }
            }
            Next::Receive => {
                let patience = delay.delay_ms(download.config().stall_timeout_ms);
                match within(receive_piece(download, &mut source), patience).await {
                    Some(Ok(())) => {}
                    given_up => last_error = settle(download, given_up),
                }
            }
            Next::Wait { ms, .. } => delay.delay_ms(ms).await,
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

/// The future's output, unless patience ends first.
async fn within<T>(future: impl Future<Output = T>, patience: impl Future) -> Option<T> {
    match select(future, patience).await {
        Either::First(output) => Some(output),
        Either::Second(_) => None,
    }
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

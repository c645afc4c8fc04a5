//! A connection that is not waited for without end.

use std::future::Future as _;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What a client has to take, in bytes, before it is given as much time again: a byte now and then
/// would keep a connection for ever.
const LEAST: usize = 1024;

/// A stream whose writes fail when the other end takes too little for too long.
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// When the wait ends that `waits` is about.
    end: Pin<Box<Sleep>>,
    /// Whether the other end has been waited for since it took `LEAST` bytes.
    waits: bool,
    /// Bytes that it took since then.
    taken: usize,
}

impl<S> Patient<S> {
    /// Has to be called on the runtime.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            end: Box::pin(sleep(patience)),
            waits: false,
            taken: 0,
        }
    }

    /// The result of a write, unless it is one of too many that came to nothing.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(count)) => {
                self.taken = self.taken.saturating_add(count);
                if self.taken >= LEAST {
                    self.rest();
                }
                result
            }
            Poll::Ready(Err(_)) => result,
            Poll::Pending => {
                if !self.waits {
                    self.waits = true;
                    self.taken = 0;
                    self.end.as_mut().reset(Instant::now() + self.patience);
                }
                ready!(self.end.as_mut().poll(context));
                Poll::Ready(Err(ErrorKind::TimedOut.into()))
            }
        }
    }

    fn rest(&mut self) {
        self.waits = false;
        self.taken = 0;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Comes when everything was taken: the next wait is another one.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        if result.is_ready() {
            self.rest();
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Reads so much after each pause. Time is the test's: it passes when nothing else is to be done.
    async fn read(mut client: DuplexStream, pause: Duration, count: usize) -> usize {
        let (mut some, mut total) = (vec![0; count], 0);
        loop {
            sleep(pause).await;
            match client.read(&mut some).await {
                Ok(0) | Err(_) => return total,
                Ok(count) => total += count,
            }
        }
    }

    /// How the server's write ended, and what the client took of it.
    async fn write(pause: Duration, count: usize, length: usize) -> (io::Result<()>, usize) {
        let (server, client) = duplex(count);
        let reading = tokio::spawn(read(client, pause, count));
        let mut server = Patient::new(server, PATIENCE);
        let result = server.write_all(&vec![7; length]).await;
        drop(server);
        (result, reading.await.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (server, _client) = duplex(100);
        let begun = Instant::now();
        let mut server = Patient::new(server, PATIENCE);
        let error = server.write_all(&[7; 101]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() < PATIENCE * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_byte_now_and_then_is_given_up() {
        for pause in [1, 10, 29] {
            let (result, taken) = write(Duration::from_secs(pause), 1, 100_000).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
            assert!((1..LEAST).contains(&taken), "{taken} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_gets_all_of_it() {
        let (result, taken) = write(Duration::from_secs(20), LEAST, 100_000).await;
        result.unwrap();
        assert_eq!(taken, 100_000);
        let (result, taken) = write(Duration::from_millis(20), 1, 10_000).await;
        result.unwrap();
        assert_eq!(taken, 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_taken_in_the_end_is_not_held_against_the_next_answer() {
        let (server, mut client) = duplex(100);
        let mut server = Patient::new(server, PATIENCE);
        for _ in 0..3 {
            let (sent, received) = tokio::join!(
                async {
                    server.write_all(&[7; 150]).await?;
                    server.flush().await
                },
                async {
                    sleep(PATIENCE / 2).await;
                    client.read_exact(&mut [0; 150]).await
                }
            );
            sent.unwrap();
            received.unwrap();
            sleep(PATIENCE * 2).await;
        }
    }
}

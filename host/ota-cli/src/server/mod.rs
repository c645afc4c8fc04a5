//! A static server for releases: `Range`, `ETag`, `If-Range`, `HEAD`, and nothing else.
//!
//! HTTP is `hyper`'s, conditional and range requests are `http-serve`'s. A file's `ETag` is a strong
//! one, of inode, length and time of change: replacing the file changes it.

mod handler;
mod patience;
mod resolve;
pub mod serial;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub use handler::Request;
use handler::Site;
use patience::Patient;
pub(crate) use resolve::is_private_key;

/// What clients may take of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, at least 1. Whoever comes then waits until one of them ends.
    pub connections: usize,
    /// How long a client may take to say what it wants, and may say nothing on a connection.
    pub request: Duration,
    /// How long it may take for 1024 bytes of an answer.
    pub answer: Duration,
}

impl Limits {
    /// 256 connections, which take half of the files that a process may have open by most systems'
    /// defaults; 30 seconds for either.
    pub const DEFAULT: Self = Self {
        connections: 256,
        request: Duration::from_secs(30),
        answer: Duration::from_secs(30),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How long requests under way may take after the server was told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long accepting pauses when the system is out of files or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// What hears of each request that was answered.
pub type Observer = Arc<dyn Fn(&Request) + Send + Sync>;

/// A server that runs on threads of its own until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts serving the folder `root`. Port 0 takes a free one: see [`address`](Self::address).
    ///
    /// # Errors
    /// If `root` is no folder, or the address cannot be listened on.
    pub fn start(root: &Path, listen: SocketAddr, observer: Observer) -> Result<Self> {
        Self::start_with(root, listen, observer, Limits::DEFAULT)
    }

    /// The same, with other limits than [`Limits::DEFAULT`].
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        root: &Path,
        listen: SocketAddr,
        observer: Observer,
        limits: Limits,
    ) -> Result<Self> {
        let root = root
            .canonicalize()
            .with_context(|| format!("cannot serve {}", root.display()))?;
        ensure!(
            root.is_dir(),
            "cannot serve {}: not a folder",
            root.display()
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("ota-serve")
            .enable_all()
            .build()
            .context("cannot start the server's threads")?;
        let listener = runtime
            .block_on(TcpListener::bind(listen))
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr().context("cannot listen")?;
        let (stop, stopped) = oneshot::channel();
        let site = Arc::new(Site { root, observer });
        let thread = std::thread::Builder::new()
            .name("ota-serve-accept".into())
            .spawn(move || runtime.block_on(serve(&listener, &site, limits, stopped)))
            .context("cannot start the server's thread")?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, for people and clients; ends with a slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Takes no more connections and waits, at most five seconds, for requests under way.
    ///
    /// # Errors
    /// If the server ended by itself, because of a fault in it.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        // Both are gone if it was stopped already.
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(anyhow!("the server's thread ended by a fault")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.end();
    }
}

async fn serve(
    listener: &TcpListener,
    site: &Arc<Site>,
    limits: Limits,
    mut stopped: oneshot::Receiver<()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections.max(1)));
    loop {
        // Nobody is let in before there is a place: the system keeps those who wait.
        let next = async {
            (
                Arc::clone(&places).acquire_owned().await,
                listener.accept().await,
            )
        };
        tokio::select! {
            (Ok(place), accepted) = next => match accepted {
                Ok((stream, peer)) => connect(stream, peer, site, limits, place, &graceful),
                // The client may be gone again, or the system out of files: neither ends a server.
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            _ = &mut stopped => break,
        }
    }
    // Those that still run when it is over are dropped with the runtime.
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

fn connect(
    stream: TcpStream,
    peer: SocketAddr,
    site: &Arc<Site>,
    limits: Limits,
    place: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    let site = Arc::clone(site);
    let service = service_fn(move |request| {
        // Taken until the connection and, with it, its service is dropped.
        let _taken = &place;
        let site = Arc::clone(&site);
        async move { site.answer(peer, &request) }
    });
    let stream = Patient::new(stream, limits.answer);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .serve_connection(TokioIo::new(stream), service);
    // An error is the client's, which went away, does not speak HTTP or was too slow: nobody waits.
    drop(tokio::spawn(graceful.watch(connection)));
}

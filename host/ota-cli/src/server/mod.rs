//! A static server for releases: `Range`, `ETag`, `If-Range`, `HEAD`, and nothing else.
//!
//! HTTP is `hyper`'s, conditional and range requests are `http-serve`'s. A file's `ETag` is a strong
//! one, of inode, length and time of change: replacing the file changes it.

mod handler;
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
use tokio::sync::oneshot;

pub use handler::Request;
use handler::Site;
pub(crate) use resolve::is_private_key;

/// How long a client may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
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
            .spawn(move || runtime.block_on(serve(&listener, &site, stopped)))
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

async fn serve(listener: &TcpListener, site: &Arc<Site>, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => connect(stream, peer, site, &graceful),
                // The client may be gone again, or the system out of files: neither ends a server.
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            _ = &mut stopped => break,
        }
    }
    // Those that still run when it is over are dropped with the runtime.
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

fn connect(stream: TcpStream, peer: SocketAddr, site: &Arc<Site>, graceful: &GracefulShutdown) {
    let site = Arc::clone(site);
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { site.answer(peer, &request) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // An error is the client's, which went away or does not speak HTTP: nobody waits for it.
    drop(tokio::spawn(graceful.watch(connection)));
}

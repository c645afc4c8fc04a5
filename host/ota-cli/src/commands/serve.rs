//! `ota serve`

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow};
use tokio::sync::oneshot;

use crate::server::{self, Request, Server, serial};

/// For this machine alone.
const HERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080));

const EXAMPLES: &str = "\
Examples:
  ota serve releases                          on http://127.0.0.1:8080/, for this machine
  ota serve releases --listen 0.0.0.0:8080    for the network
  ota serve releases --listen 127.0.0.1:0     on a free port: see the first line
  ota serve releases --serial /dev/ttyACM0    at the other end of a cable

Any static server that understands Range will do as well; the server is not trusted, and must not
hold keys: private keys, by whatever name, and names that begin with a dot, are not served. Put a release into the
folder under another name and rename it, as `ota` does, so that none is served half.";

/// Serve a folder of packages: over HTTP with Range, ETag and If-Range, or over a serial line
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder
    dir: PathBuf,
    /// Address and port; port 0 takes a free one [default without --serial: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A serial port, for devices with ota-serial
    #[arg(long, value_name = "PORT")]
    serial: Option<String>,
    /// Speed of the serial port
    #[arg(
        long,
        value_name = "BAUD",
        default_value_t = 115_200,
        requires = "serial"
    )]
    baud: u32,
    /// No line for each request on standard error
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    warn_of_keys(&args.dir);
    let listen = match (args.listen, &args.serial) {
        (None, None) => Some(HERE),
        (listen, _) => listen,
    };
    let quiet = args.quiet;
    let server = listen.map(|listen| {
        let observer = Arc::new(move |request: &Request| {
            if !quiet {
                super::note(&line(request));
            }
        });
        Server::start(&args.dir, listen, observer)
    });
    let server = server.transpose()?;
    let cable = args.serial.as_ref().map(|port| Cable::plug_in(port, args));
    let mut cable = cable.transpose()?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for Ctrl-C")?;
    let unplugged = async {
        match &mut cable {
            Some(cable) => cable.end().await,
            None => std::future::pending().await,
        }
    };
    runtime.block_on(async {
        // Whoever reads the URL may end the server at once: listen for that first.
        let stop = Stop::listen().context("cannot wait for Ctrl-C")?;
        if let Some(server) = &server {
            super::print(&server.url())?;
        }
        if let Some(port) = &args.serial {
            super::print(port)?;
        }
        tokio::select! {
            () = stop.wait() => {}
            () = unplugged => {}
        }
        anyhow::Ok(())
    })?;
    cable.map_or(Ok(()), Cable::pull)?;
    server.map_or(Ok(()), Server::stop)
}

/// A serial port that is served on a thread.
struct Cable {
    stop: Arc<AtomicBool>,
    /// Closed when the thread ends.
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<Result<()>>,
}

impl Cable {
    fn plug_in(port: &str, args: &Args) -> Result<Self> {
        let line = serial::open(port, args.baud)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (folder, quiet) = (args.dir.clone(), args.quiet);
        let (stopped, port) = (Arc::clone(&stop), port.to_owned());
        let (running, ended) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("ota-serve-serial".into())
            .spawn(move || {
                let _running: oneshot::Sender<()> = running;
                serial::serve(line, &folder, &stopped, |request| {
                    if !quiet {
                        super::note(&serial_line(&port, request));
                    }
                })
            })
            .context("cannot start the server's thread")?;
        Ok(Self {
            stop,
            ended,
            thread,
        })
    }

    /// Returns when the line is served no more.
    async fn end(&mut self) {
        // Nothing is ever sent: the thread's end closes the channel.
        let _ = (&mut self.ended).await;
    }

    fn pull(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.map_err(|_| anyhow!("the server's thread ended by a fault"))?
    }
}

/// Ctrl-C, or a service manager's wish.
#[cfg(unix)]
struct Stop {
    interrupted: tokio::signal::unix::Signal,
    terminated: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(windows)]
struct Stop(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Stop {
    fn listen() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn wait(mut self) {
        self.0.recv().await;
    }
}

fn line(request: &Request) -> String {
    let range = request.range.as_deref().unwrap_or("-");
    let Request {
        peer,
        method,
        path,
        status,
        bytes,
        ..
    } = request;
    // What a client sends must not steer the terminal it is shown on.
    format!("{peer} {method} {path} {range} {status} {bytes}").replace(char::is_control, "?")
}

fn serial_line(port: &str, request: &serial::Request) -> String {
    let serial::Request {
        name,
        offset,
        answer,
    } = request;
    match answer {
        Ok(bytes) => format!("{port} {name} {offset} {bytes}"),
        Err(problem) => format!("{port} {name} {problem:?}"),
    }
}

fn warn_of_keys(folder: &Path) {
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if server::is_private_key(&path) {
            super::note(&format!(
                "warning: {} is not served: move it away",
                path.display()
            ));
        }
    }
}

//! `ota serve`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::server::{self, Request, Server};

const EXAMPLES: &str = "\
Examples:
  ota serve releases                          on http://127.0.0.1:8080/, for this machine
  ota serve releases --listen 0.0.0.0:8080    for the network
  ota serve releases --listen 127.0.0.1:0     on a free port: see the first line

Any static server that understands Range will do as well; the server is not trusted, and must not
hold keys: .key files, and names that begin with a dot, are not served. Put a release into the
folder under another name and rename it, as `ota` does, so that none is served half.";

/// Serve a folder of packages: Range, ETag, If-Range
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder
    dir: PathBuf,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// No line for each request on standard error
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    warn_of_keys(&args.dir);
    let quiet = args.quiet;
    let server = Server::start(
        &args.dir,
        args.listen,
        Arc::new(move |request| {
            if !quiet {
                super::note(&line(request));
            }
        }),
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for Ctrl-C")?;
    runtime.block_on(async {
        // Whoever reads the URL may end the server at once: listen for that first.
        let stop = Stop::listen().context("cannot wait for Ctrl-C")?;
        super::print(&server.url())?;
        stop.wait().await;
        anyhow::Ok(())
    })?;
    server.stop()
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

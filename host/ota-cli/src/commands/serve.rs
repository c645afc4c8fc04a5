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
    super::print(&server.url())?;
    wait()?;
    server.stop()
}

/// Until Ctrl-C, or until a service manager says so.
fn wait() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for Ctrl-C")?;
    runtime
        .block_on(asked_to_stop())
        .context("cannot wait for Ctrl-C")
}

#[cfg(unix)]
async fn asked_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
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

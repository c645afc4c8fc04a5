//! A link that can fail: everything between device and server goes through it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

const PIECE: usize = 2048;

/// A TCP proxy that goes down when it was told to.
pub(super) struct Link {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Bytes that still come through towards the device; `None`: any number.
    left: Option<usize>,
    /// How long each piece takes.
    delay: Duration,
    ended: bool,
}

impl Link {
    /// A link to the server, that works.
    pub(super) fn to(server: SocketAddr, delay: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        let address = listener.local_addr().context("cannot listen")?;
        let state = Arc::new(Mutex::new(State {
            delay,
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for device in listener.incoming().flatten() {
                if lock(&shared).ended {
                    return;
                }
                let state = Arc::clone(&shared);
                // A connection that fails is what this is for.
                thread::spawn(move || drop(connect(&device, server, &state)));
            }
        });
        Ok(Self { address, state })
    }

    /// The address that the device knows.
    pub(super) fn url(&self) -> String {
        format!("http://{}/app.ota", self.address)
    }

    /// Lets so many bytes through to the device, then goes down.
    pub(super) fn drop_after(&self, bytes: usize) {
        lock(&self.state).left = Some(bytes);
    }

    /// It works again.
    pub(super) fn mend(&self) {
        lock(&self.state).left = None;
    }

    /// Whether it went down.
    pub(super) fn is_down(&self) -> bool {
        lock(&self.state).left == Some(0)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        lock(&self.state).ended = true;
        // Wakes the thread that listens.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(
    mut device: &TcpStream,
    server: SocketAddr,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    if lock(state).left == Some(0) {
        return device.shutdown(Shutdown::Both);
    }
    let mut server = TcpStream::connect(server)?;
    let (mut requests, mut up) = (device.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let copied = std::io::copy(&mut requests, &mut up);
        up.shutdown(Shutdown::Write).and(copied)
    });
    let mut piece = [0; PIECE];
    loop {
        let length = server.read(&mut piece)?;
        let (pass, delay) = {
            let mut state = lock(state);
            let pass = state.left.map_or(length, |left| left.min(length));
            state.left = state.left.map(|left| left - pass);
            (pass, state.delay)
        };
        thread::sleep(delay);
        device.write_all(&piece[..pass])?;
        if length == 0 || pass < length {
            server.shutdown(Shutdown::Both)?;
            return device.shutdown(Shutdown::Both);
        }
    }
}

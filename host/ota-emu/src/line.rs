//! The serial line between a board and something in this process.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the host's reads wait.
const TIMEOUT: Duration = Duration::from_millis(100);
/// How long the board waits for the host to have answered.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    to_host: VecDeque<u8>,
    to_board: VecDeque<u8>,
    /// The host is in a read, and there is nothing for it.
    host_waits: bool,
    /// One end was dropped.
    cut: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, most: Duration) -> MutexGuard<'a, State> {
        let result = self.changed.wait_timeout(state, most);
        result.unwrap_or_else(PoisonError::into_inner).0
    }

    fn cut(&self) {
        self.lock().cut = true;
        self.changed.notify_all();
    }
}

/// The host's end of the board's serial line, to be served by a thread of its own.
///
/// When the firmware has sent something and pauses, the board's time stands still until the host
/// has dealt with it: until it reads again, and there is nothing to read. What it has written by
/// then arrives at once, so that a run does not depend on how fast the host is.
///
/// Reads time out after 100 ms, and end when the board is gone.
#[derive(Debug)]
pub struct SerialLine(Arc<Shared>);

impl Read for SerialLine {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.to_host.is_empty() && !state.cut {
            state.host_waits = true;
            self.0.changed.notify_all();
            state = self.0.wait(state, TIMEOUT);
            state.host_waits = false;
        }
        if !state.to_host.is_empty() {
            return state.to_host.read(bytes);
        }
        if state.cut {
            return Ok(0);
        }
        Err(ErrorKind::TimedOut.into())
    }
}

impl Write for SerialLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().to_board.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SerialLine {
    fn drop(&mut self) {
        self.0.cut();
    }
}

/// The board's end of a line, or of none.
///
/// A clone is attached to nothing: a line has one board at its end.
#[derive(Debug, Default)]
pub(crate) struct BoardEnd(Option<Arc<Shared>>);

impl Clone for BoardEnd {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl BoardEnd {
    /// Attaches a new line.
    pub(crate) fn attach(&mut self) -> SerialLine {
        let shared = Arc::<Shared>::default();
        *self = Self(Some(Arc::clone(&shared)));
        SerialLine(shared)
    }

    pub(crate) const fn is_attached(&self) -> bool {
        self.0.is_some()
    }

    /// Hands over what was sent, and what comes back once the host has dealt with it. To be called
    /// when the firmware has sent something and pauses.
    pub(crate) fn exchange(&mut self, sent: &[u8]) -> Vec<u8> {
        let Some(shared) = &self.0 else {
            return Vec::new();
        };
        let mut state = shared.lock();
        state.to_host.extend(sent);
        shared.changed.notify_all();
        let end = Instant::now() + PATIENCE;
        while !(state.cut || state.host_waits && state.to_host.is_empty()) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = shared.wait(state, left);
        }
        state.to_board.drain(..).collect()
    }

    /// What the host has sent of its own accord. To be called now and then.
    pub(crate) fn receive(&self) -> Vec<u8> {
        match &self.0 {
            Some(shared) => shared.lock().to_board.drain(..).collect(),
            None => Vec::new(),
        }
    }
}

impl Drop for BoardEnd {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.cut();
        }
    }
}

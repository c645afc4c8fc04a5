//! The network that the W5500 is plugged into: one host, 10.0.2.2, behind which is the loopback
//! interface of the real one.

mod connection;
mod link;
mod nat;
#[cfg(test)]
mod tests;

use crate::devices::w5500::W5500;
use nat::Nat;
use std::collections::BTreeMap;

/// How much faster than real time an idle board's time may run while a connection is open.
///
/// A firmware that waits for a server must not run into its time-outs only because its time is
/// cheap; at this pace 10 s of patience are still a second of the server's time.
const PACE: u64 = 10;

/// Which ports of 10.0.2.2 lead to which ports of 127.0.0.1. Ports that are not named lead to
/// the same port.
pub type Forwards = BTreeMap<u16, u16>;

/// The network, or none.
#[derive(Debug, Default)]
pub(crate) struct Network {
    nat: Option<Box<Nat>>,
    /// When to poll next, if there is a reason to.
    due: Option<u64>,
}

impl Clone for Network {
    /// The same network without its connections: a peer that lost its memory.
    fn clone(&self) -> Self {
        let nat = self.nat.as_ref();
        Self {
            nat: nat.map(|nat| Box::new(nat.without_connections())),
            due: self.due,
        }
    }
}

impl Network {
    pub(crate) fn attach(&mut self, forwards: Forwards) {
        self.nat = Some(Box::new(Nat::new(forwards)));
    }

    /// Whether somebody outside may have something to say, in real time.
    pub(crate) fn has_connections(&self) -> bool {
        self.nat.as_ref().is_some_and(|nat| nat.has_connections())
    }

    /// All connections are lost, as when the peer restarts.
    pub(crate) fn forget_connections(&mut self) {
        if let Some(nat) = &mut self.nat {
            **nat = nat.without_connections();
            self.due = None;
        }
    }

    /// Carries frames and bytes as far as they go now.
    pub(crate) fn poll(&mut self, now: u64, chip: &mut W5500) {
        if !chip.has_outgoing() && self.due.is_none_or(|due| now < due) {
            return;
        }
        match &mut self.nat {
            Some(nat) => {
                nat.poll(now, chip);
                self.due = nat.next_event(now);
            }
            // Frames into an open end.
            None => while chip.take_outgoing().is_some() {},
        }
    }

    /// When [`poll`](Self::poll) next has something to do.
    pub(crate) const fn next_event(&self) -> Option<u64> {
        self.due
    }

    /// Lets the real world go on for a moment; how much of the board's time that was, at most
    /// `most` nanoseconds.
    pub(crate) fn wait(&self, most: u64) -> u64 {
        const NAP: std::time::Duration = std::time::Duration::from_micros(50);
        let start = std::time::Instant::now();
        std::thread::sleep(NAP);
        let passed = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        most.min(passed.saturating_mul(PACE))
    }
}

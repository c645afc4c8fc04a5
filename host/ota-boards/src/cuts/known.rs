//! Ends that are known: recoveries that meet go on together.
//!
//! Most cuts differ for a while, and then no more: the torn sector is erased, the step moved
//! again. A recovery that comes to where another has passed, which ended well, has the same future,
//! so that this is not run again. Where it is:
//!
//! - at a reset or power-up: the flash holds the same, torn cells included, and the cause is the
//!   same. The bootloader starts with nothing else.
//! - in the bootloader, which uses neither clock nor network: the core's registers and RAM, too.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What a recovery has cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Starts of the new image, those before the cut included.
    pub starts: u32,
    /// Bytes that the server was asked for after the cut.
    pub asked: u64,
}

/// What a recovery costs from a point on, to a good end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// The same.
    pub cost: Cost,
    /// The least, over the starts, of this start's number and the attempts that are left then.
    pub least: Option<u32>,
}

/// Points from which the end is known.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<u64, Rest>>);

/// The way of one recovery.
#[derive(Debug, Default)]
pub struct Path {
    points: Vec<(u64, Cost)>,
    /// The number of each start, and the attempts left.
    starts: Vec<(u32, u32)>,
}

impl Known {
    /// What is known of this point.
    #[must_use]
    pub fn rest(&self, point: u64) -> Option<Rest> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&point).copied()
    }

    /// Learns from a recovery that ended well, at this cost.
    pub fn learn(&self, path: &Path, end: Cost) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for &(point, cost) in &path.points {
            let later = path.starts.iter().filter(|(start, _)| *start > cost.starts);
            let rest = Rest {
                cost: Cost {
                    starts: end.starts - cost.starts,
                    asked: end.asked - cost.asked,
                },
                least: later.map(|(start, left)| start - cost.starts + left).min(),
            };
            known.insert(point, rest);
        }
    }
}

impl Path {
    /// The recovery is at this point now.
    pub fn pass(&mut self, point: u64, cost: Cost) {
        self.points.push((point, cost));
    }

    /// The new image is started, with so many attempts left.
    pub fn start(&mut self, number: u32, attempts_left: u32) {
        self.starts.push((number, attempts_left));
    }

    /// The least, over the starts, of the start's number and the attempts left then.
    #[must_use]
    pub fn least(&self) -> Option<u32> {
        self.starts.iter().map(|(start, left)| start + left).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_does_not_depend_on_what_was_before() {
        let cost = |starts, asked| Cost { starts, asked };
        let mut path = Path::default();
        path.pass(1, cost(0, 0));
        path.start(1, 2);
        path.pass(2, cost(1, 100));
        path.start(2, 0);
        let known = Known::default();
        known.learn(&path, cost(2, 150));
        let rest = |starts, asked, least| Rest {
            cost: cost(starts, asked),
            least,
        };
        assert_eq!(known.rest(1), Some(rest(2, 150, Some(2))));
        assert_eq!(known.rest(2), Some(rest(1, 50, Some(1))));
        assert_eq!(known.rest(3), None);
    }
}

//! Where functions begin.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};

/// Bits of the sieve.
const BITS: usize = 1 << 16;

/// Addresses, asked for after each jump.
#[derive(Debug)]
pub(super) struct Entries {
    /// A bit for some of the lower bits of each: what is not here is none, quickly.
    sieve: Box<[AtomicU64]>,
    all: RwLock<HashSet<u32>>,
}

impl Default for Entries {
    fn default() -> Self {
        Self {
            sieve: (0..BITS / 64).map(|_| AtomicU64::new(0)).collect(),
            all: RwLock::default(),
        }
    }
}

impl Entries {
    pub(super) fn add(&self, address: u32) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(address);
        let (word, bit) = place(address);
        self.sieve[word].fetch_or(bit, Relaxed);
    }

    /// Whether it is one of them.
    #[inline]
    pub(super) fn has(&self, address: u32) -> bool {
        let (word, bit) = place(address);
        self.sieve[word].load(Relaxed) & bit != 0 && self.really_has(address)
    }

    #[cold]
    fn really_has(&self, address: u32) -> bool {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.contains(&address)
    }
}

/// Code is at even addresses.
#[inline]
const fn place(address: u32) -> (usize, u64) {
    let bit = (address / 2) as usize % BITS;
    (bit / 64, 1 << (bit % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_not_taken_for_another_one_that_looks_like_it() {
        let entries = Entries::default();
        entries.add(0x1000_0100);
        assert!(entries.has(0x1000_0100));
        assert!(!entries.has(0x1000_0102));
        assert!(!entries.has(0x1002_0100), "the sieve takes it for one");
    }
}

//! The data cache of the flash, as far as it can do harm: what was read of a page and is read
//! again after an erase may be what was there before.
//!
//! The chip brings the cache up to date when it programs, and not when it erases. Which lines
//! are still there depends on everything that was read meanwhile; here, all of them are.

use super::cells::{PAGE, WORD};
use core::hash::{Hash, Hasher};
use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet};

/// ACR: the data cache is on; it is emptied, which works only while it is off.
const ENABLED: u32 = 1 << 10;
const EMPTY: u32 = 1 << 12;
/// ACR: the instruction cache is on.
const CODE_ENABLED: u32 = 1 << 9;

#[derive(Debug, Clone, Default)]
pub(crate) struct DataCache {
    enabled: bool,
    /// The instruction cache is on.
    code: bool,
    /// Pages of which something may be in the cache.
    read: BTreeSet<u32>,
    /// Erased pages of which something may be in it, and their words that were programmed since.
    stale: BTreeMap<u32, BTreeSet<u32>>,
    /// The page that was read last: the usual case, quickly.
    last: Option<u32>,
}

impl Hash for DataCache {
    /// Without the shortcut, which does not change what reads see.
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.enabled, &self.read, &self.stale).hash(hasher);
    }
}

impl DataCache {
    /// A store to ACR.
    pub(crate) fn control(&mut self, value: u32) {
        self.enabled = value & ENABLED != 0;
        self.code = value & CODE_ENABLED != 0;
        self.last = None;
        if value & (EMPTY | ENABLED) == EMPTY {
            self.read.clear();
            self.stale.clear();
        }
    }

    /// Whether it is off and empty: what the processor sees may become something else.
    pub(crate) fn forgets_all(&self) -> bool {
        !self.enabled && !self.code && self.read.is_empty() && self.stale.is_empty()
    }

    /// Whether every read sees what is there.
    pub(crate) fn has_no_stale_lines(&self) -> bool {
        self.stale.is_empty()
    }

    /// Whether a read may see what was there before an erase.
    pub(crate) fn read(&mut self, offset: u32) -> bool {
        if !self.enabled {
            return false;
        }
        let page = offset / PAGE;
        if self.last == Some(page) {
            return false;
        }
        if let Some(rewritten) = self.stale.get(&page) {
            return !rewritten.contains(&(offset / WORD));
        }
        self.read.insert(page);
        self.last = Some(page);
        false
    }

    pub(crate) fn program(&mut self, offset: u32) {
        if let Some(rewritten) = self.stale.get_mut(&(offset / PAGE)) {
            rewritten.insert(offset / WORD);
        }
    }

    pub(crate) fn erase(&mut self, range: &Range<u32>) {
        self.last = None;
        for page in range.start / PAGE..range.end / PAGE {
            if self.read.remove(&page) || self.stale.contains_key(&page) {
                self.stale.insert(page, BTreeSet::new());
            }
        }
    }
}

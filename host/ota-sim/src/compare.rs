//! Two flashes side by side: whether they hold the same.

use crate::flash::Flash;
use crate::power::Moving;
use crate::unit::cell;
use core::hash::{Hash as _, Hasher as _};
use core::ops::Range;
use std::hash::DefaultHasher;
use std::sync::Arc;

impl Flash {
    /// A number that two flashes share only if they hold the same, torn cells and the status
    /// register included, and power-ups will do the same to them. Counters, ranges and armed cuts are not in it.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (index, unit) in self.units.iter().enumerate() {
            if !Arc::ptr_eq(unit, &self.blank) {
                (index, &unit.data, &unit.cells).hash(&mut hasher);
            }
        }
        (&self.power.moving, self.status).hash(&mut hasher);
        if !self.faults.is_empty() {
            self.faults.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Whether a word of the range looks blank, and would lose a program at the next power-up.
    #[must_use]
    pub fn loses(&self, range: Range<u32>) -> bool {
        let word = self.config.write_size as usize;
        let len = range.end.saturating_sub(range.start) as usize;
        let mut pieces = self.pieces(range.start, len);
        pieces.any(|piece| {
            let unit = &self.units[piece.unit];
            let mut words = piece.at / word..(piece.at + piece.len).div_ceil(word);
            words.any(|index| unit.cells[index] & cell::LOSES != 0 && unit.reads_blank(index))
        })
    }

    /// The first bytes of the erase units that do not hold the same on both, torn cells included,
    /// or to which power-ups will not do the same.
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = u32> + 'a {
        let units = (0..self.units.len()).filter(|&index| {
            let (unit, others) = (&self.units[index], &other.units[index]);
            let same = || unit.data == others.data && unit.cells == others.cells;
            !(Arc::ptr_eq(unit, others) || same())
                || !self.moving_in(index).eq(other.moving_in(index))
        });
        units.map(|index| self.range_of(index).start)
    }

    fn range_of(&self, index: usize) -> Range<u32> {
        let size = self.config.erase_size as usize;
        let [start, end] = [index, index + 1].map(|index| u32::try_from(index * size));
        start.unwrap_or(u32::MAX)..end.unwrap_or(u32::MAX)
    }

    /// What power-ups will do to words of this unit.
    fn moving_in(&self, index: usize) -> impl Iterator<Item = &Moving> {
        let range = self.range_of(index);
        let moving = self.power.moving.iter();
        moving.filter(move |moving| lies_in(moving, &range))
    }
}

/// Whether any of the stretch lies in the unit.
fn lies_in(moving: &Moving, unit: &Range<u32>) -> bool {
    let end = moving.offset as usize + moving.later.len();
    moving.offset < unit.end && (unit.start as usize) < end
}

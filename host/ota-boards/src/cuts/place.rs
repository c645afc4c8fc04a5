//! Where in the flash an operation is.

use ota_bootloader::{Area, Index, Region};
use ota_sim::{Flash, Interrupted};

use crate::example::Example;

/// Erase units that take more programs than this have their programs cut in turns.
const MANY: u32 = 32;
/// From one unit to the next, another program is cut: far from the one before, and after so many
/// units each was.
const TURN: u64 = 97;

/// An operation of a flash, by where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    example: Example,
    interrupted: Interrupted,
}

impl Place {
    /// Of an operation that was cut.
    #[must_use]
    pub const fn of(example: Example, interrupted: Interrupted) -> Self {
        Self {
            example,
            interrupted,
        }
    }

    /// Whether it is one on the journal that is torn in every way: where a record is a few
    /// operations. Where it is many of them, the tears take turns there, too.
    #[must_use]
    pub fn takes_each_tear(self) -> bool {
        self.programs_of_unit() <= MANY && self.is_in(&self.example.product().map.layout().journal)
    }

    /// Whether it is one on the slot that releases are staged in first.
    #[must_use]
    pub fn is_staging(self) -> bool {
        let map = &self.example.product().map;
        self.is_in(&map.area(Region::Slot(Index::One)))
    }

    /// Whether it is among those that are cut where programs are many: all that are not programs
    /// of a slot, the first and the last one of each erase unit, and one more that takes turns.
    #[must_use]
    pub fn is_in_turn(self, seed: u64) -> bool {
        let Interrupted::Program { offset, .. } = self.interrupted else {
            return true;
        };
        let layout = self.example.product().map.layout();
        let (unit, programs) = (layout.internal.erase_size, self.programs_of_unit());
        if programs <= MANY || !layout.slots.iter().any(|slot| self.is_in(slot)) {
            return true;
        }
        let nth = offset % unit / self.example.program_size();
        let turn = (u64::from(offset / unit) * TURN).wrapping_add(seed) % u64::from(programs);
        nth == 0 || nth == programs - 1 || u64::from(nth) == turn
    }

    /// How many operations program an erase unit.
    const fn programs_of_unit(self) -> u32 {
        let layout = self.example.product().map.layout();
        layout.internal.erase_size / self.example.program_size()
    }

    fn is_in(self, area: &Area) -> bool {
        let (Interrupted::Program { offset, .. } | Interrupted::Erase { offset }) =
            self.interrupted
        else {
            return false;
        };
        (area.offset..area.offset + area.size).contains(&offset)
    }
}

/// The one operation that leads from one flash to another, as if it had been cut, if that can be
/// seen.
#[must_use]
pub fn between(before: &Flash, after: &Flash) -> Option<Interrupted> {
    let unit = before.differences(after).next()?;
    if before.stats().erases != after.stats().erases {
        return Some(Interrupted::Erase { offset: unit });
    }
    let size = before.config().erase_size as usize;
    let [old, new] = [before, after].map(|flash| {
        let mut bytes = vec![0; size];
        let read = flash.clone().read(unit, &mut bytes);
        read.map(|()| bytes)
    });
    let (old, new) = (old.ok()?, new.ok()?);
    let at = old.iter().zip(&new).position(|(old, new)| old != new)?;
    let offset = unit + u32::try_from(at).ok()?;
    Some(Interrupted::Program { offset, len: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The programs of a page in slot 0 that are cut.
    fn cut(example: Example, nth: u32, seed: u64) -> Vec<u32> {
        let layout = example.product().map.layout();
        let unit = layout.internal.erase_size;
        let start = layout.slots[0].offset + nth * unit;
        let program = example.program_size();
        let place = |offset| {
            let interrupted = Interrupted::Program {
                offset,
                len: program,
            };
            Place::of(example, interrupted)
        };
        let programs = (0..unit / program).map(|nth| (nth, place(start + nth * program)));
        let cut = programs.filter(|(_, place)| place.is_in_turn(seed));
        cut.map(|(nth, _)| nth).collect()
    }

    #[test]
    fn each_program_of_a_page_is_cut_in_its_turn() {
        let mut all: Vec<u32> = (0..256)
            .flat_map(|nth| cut(Example::Stm32, nth % 128, u64::from(nth / 128) * 128 * TURN))
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 256);
        assert_eq!(cut(Example::Stm32, 0, 0)[0], 0);
        assert!(cut(Example::Stm32, 5, 0).contains(&255));
        assert!(cut(Example::Stm32, 5, 0).len() <= 3);
        assert_eq!(cut(Example::Rp2040, 5, 0).len(), 16, "these are few");
    }

    #[test]
    fn a_record_of_few_operations_is_torn_in_every_way() {
        for (example, each) in [(Example::Rp2040, true), (Example::Stm32, false)] {
            let layout = example.product().map.layout();
            let on = |offset| Place::of(example, Interrupted::Program { offset, len: 8 });
            assert_eq!(on(layout.journal.offset).takes_each_tear(), each);
            assert!(on(layout.journal.offset + 64).is_in_turn(0));
            assert!(!on(layout.slots[0].offset).takes_each_tear());
        }
    }
}

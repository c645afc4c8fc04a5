//! What a run costs in erases and traffic, and what it may cost.

use ota_bootloader::{Index, Region, Strategy};
use ota_testkit::Rig;

use super::course::{Broken, CLIENT, Course};
use super::story::{Firmware, Images, Start, Story};

/// Erases by region, and bytes asked of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Erases of slots.
    pub slots: u32,
    /// Erases of banks.
    pub banks: u32,
    /// Erases of the journal.
    pub journal: u32,
    /// Bytes.
    pub asked: u64,
}

impl Cost {
    /// Of a run so far.
    pub(super) fn of(course: &mut Course<'_>, story: &Story) -> Self {
        let mut start = story.start.clone();
        let mut count = |region| course.rig.erases(region) - start.erases(region);
        let both = [Index::Zero, Index::One];
        Self {
            slots: both.map(|index| count(Region::Slot(index))).iter().sum(),
            banks: both.map(|index| count(Region::Bank(index))).iter().sum(),
            journal: count(Region::Journal),
            asked: course.asked,
        }
    }

    fn exceeds(&self, most: &Self) -> bool {
        self.slots > most.slots
            || self.banks > most.banks
            || self.journal > most.journal
            || self.asked > most.asked
    }

    /// `self`, and so often what a cut may cost.
    fn with_cuts(&self, cuts: u32, each: &Self) -> Self {
        Self {
            slots: self.slots + cuts * each.slots,
            banks: self.banks + cuts * each.banks,
            journal: self.journal + cuts * each.journal,
            asked: self.asked + u64::from(cuts) * each.asked,
        }
    }
}

fn unit(rig: &Rig, region: Region) -> u32 {
    rig.product.map.geometry(region).erase_size
}

fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a small image")
}

impl Story {
    /// Erase units of an image in a slot.
    fn units(&self, image: &[u8], slot: Index) -> u32 {
        len(image).div_ceil(unit(&self.start, Region::Slot(slot)))
    }

    fn bank_units(&self) -> u32 {
        let head = len(&self.package) - len(&self.new);
        head.div_ceil(unit(&self.start, Region::Bank(Index::One)))
    }

    /// What an update costs that nothing disturbs: staging once, and in a swap (and in a revert)
    /// each step once in either slot. `None`: the story begins with a disturbance, or with images
    /// of which a step may lie where it belongs by chance.
    fn undisturbed(&self) -> Option<(u32, u32)> {
        let distinct = matches!(self.plot.images, Images::Lengths(..));
        if self.plot.start != Start::Factory || !distinct {
            return None;
        }
        let staging = self.units(&self.new, Index::One);
        let exchange = self.units(&self.new, Index::Zero) + self.units(&self.old, Index::One);
        let back = self.units(&self.old, Index::Zero) + self.units(&self.new, Index::One);
        let slots = match (self.start.product.map.strategy(), self.plot.firmware) {
            (Strategy::Ab, _) => staging,
            (Strategy::Swap, Firmware::Healthy) => staging + exchange,
            (Strategy::Swap, _) => staging + exchange + back + self.copied_aside(),
        };
        Some((slots, self.bank_units()))
    }

    /// Steps by which the images differ in length.
    fn difference(&self) -> u32 {
        let step = self.start.product.map.step();
        let (old, new) = (len(&self.old), len(&self.new));
        old.div_ceil(step).abs_diff(new.div_ceil(step))
    }

    /// A revert begins with the last step, and finds two copies of it: the new one is still where
    /// it was staged, or, if the new image is shorter, the old one where it ran. So it is with
    /// each step that only one of them has. Nothing tells that from a cut, so they go over the
    /// spare.
    fn copied_aside(&self) -> u32 {
        let staging = unit(&self.start, Region::Slot(Index::One));
        (self.difference() + 1) * (self.start.product.map.step() / staging)
    }

    /// What one cut may cost.
    fn each_cut(&self) -> Cost {
        let map = &self.start.product.map;
        let staging = unit(&self.start, Region::Slot(Index::One));
        let smallest = staging.min(unit(&self.start, Region::Slot(Index::Zero)));
        // A window that was erased for and has to be again, what was written last, and a unit in
        // flight; or a unit with chunks in it, and the hole that they were saved in. The same for
        // the unit that the position is in.
        let window = (CLIENT.window + 1) * self.plot.chunk;
        let download = window.div_ceil(staging) + 4;
        // In a swap: four copies of a step, two of each step that only one image has, and the
        // unit in flight. With equal steps, four of each.
        let steps = match self.plot.images {
            Images::Lengths(..) => 4 + 2 * self.difference(),
            Images::Steps(old, new) => 4 * len(old.as_bytes()).max(len(new.as_bytes())),
        };
        let swap = match map.strategy() {
            Strategy::Swap => steps * (map.step() / smallest) + 1,
            Strategy::Ab => 0,
        };
        let refetched = match map.strategy() {
            Strategy::Swap => CLIENT.window * self.plot.chunk,
            Strategy::Ab => (CLIENT.window * self.plot.chunk).next_multiple_of(staging),
        };
        let places = (unit(&self.start, Region::Journal) / 128).max(1);
        Cost {
            slots: download.max(swap),
            // The envelope is fetched and written again, and then the table with it.
            banks: 2 * self.bank_units(),
            // A place skipped and one torn, the record written again, and one more start with two.
            journal: 1 + 5u32.div_ceil(places),
            asked: u64::from(refetched),
        }
    }

    /// Judges an undisturbed run. A revert may find steps that were never overwritten.
    pub(super) fn judge_undisturbed(&self, cost: &Cost) -> Result<(), Broken> {
        let Some((slots, banks)) = self.undisturbed() else {
            return Ok(());
        };
        let exact = self.plot.firmware == Firmware::Healthy;
        if cost.banks != banks || cost.slots > slots || exact && cost.slots < slots {
            return Err(format!(
                "undisturbed, {slots} erases of slots and {banks} of banks are due: {cost:?}"
            ));
        }
        Ok(())
    }

    /// Judges a run with cuts by one without.
    pub(super) fn judge(&self, cost: &Cost, clean: &Cost, cuts: u32) -> Result<(), Broken> {
        let mut most = clean.with_cuts(cuts, &self.each_cut());
        // Of an image that had rotted, good chunks may be fetched again, but not twice.
        let package = self.package.len() as u64;
        most.asked += package.saturating_sub(clean.asked);
        if cost.exceeds(&most) {
            Err(format!("costs {cost:?}, at most {most:?}"))
        } else {
            Ok(())
        }
    }
}

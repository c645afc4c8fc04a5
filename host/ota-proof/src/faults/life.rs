//! One run of a story with a fault. The application takes errors as they come, and tries again
//! in the next power cycle.

use ota_bootloader::{BootState, Decision, Index, Record, Region, ResetCause, Start, Strategy};
use ota_client::{Download, Outcome};
use ota_image::ENVELOPE_LEN;
use ota_sim::{Flash, Plan};
use ota_testkit::Rig;

use super::promises::{Broken, Promise};
use crate::sweep::{CLIENT, Firmware, Memory, NoDelay, Story};

/// Power cycles of a life that does not arrive.
const MOST_BOOTS: u32 = 30;
/// Power cycles at the end.
const QUIET: u32 = 3;

/// Which image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Image {
    Old,
    New,
}

/// A run of a story.
#[derive(Clone)]
pub(super) struct Life<'s> {
    story: &'s Story,
    pub(super) rig: Rig,
    cause: ResetCause,
    boots: u32,
    /// Starts of the new firmware on trial, since it was last asked for.
    starts: u32,
    /// The new release was on the list of those that failed.
    blamed: bool,
    /// What the application was told to be the floor.
    floor: u32,
    /// The application was told that it is confirmed.
    confirmed: bool,
    quiet: u32,
    pub(super) broken: Vec<Broken>,
}

impl<'s> Life<'s> {
    pub(super) fn new(story: &'s Story) -> Self {
        let mut rig = story.start.clone();
        rig.arm(Plan::default(), 0);
        Self {
            story,
            rig,
            cause: ResetCause::Power,
            boots: 0,
            starts: 0,
            blamed: false,
            floor: 0,
            confirmed: false,
            quiet: 0,
            broken: Vec::new(),
        }
    }

    fn breaks(&mut self, promise: Promise, how: String) {
        if self.broken.iter().all(|known| known.promise != promise) {
            let how = format!("boot {}: {how}", self.boots);
            self.broken.push(Broken { promise, how });
        }
    }

    /// One boot, and what the application then does. `true`: that was the last.
    pub(super) fn cycle(&mut self) -> bool {
        self.boots += 1;
        let decision = self.rig.boot(self.cause);
        self.cause = ResetCause::Software;
        let reached = match decision {
            Decision::Boot(start) => self.application(start),
            Decision::Recovery(recovery) => {
                if let Some(image) = self.could_boot() {
                    let how = format!("{recovery:?}, and {image:?} is whole");
                    self.breaks(Promise::Boots, how);
                }
                self.power_cycle();
                false
            }
        };
        if let Some(how) = self.violation() {
            self.breaks(Promise::Programs, how);
        }
        self.quiet = if reached { self.quiet + 1 } else { 0 };
        if reached {
            self.power_cycle();
        }
        if self.quiet < QUIET && self.boots >= MOST_BOOTS {
            let how = format!("no end in {:?}", self.look().record());
            self.breaks(Promise::Arrives, how);
        }
        self.quiet == QUIET || self.boots >= MOST_BOOTS
    }

    fn violation(&self) -> Option<String> {
        let mut violations = self.rig.chips().flat_map(Flash::violations);
        violations.next().map(ToString::to_string)
    }

    fn power_cycle(&mut self) {
        self.rig.power_up();
        self.cause = ResetCause::Power;
    }

    /// The device as it is, without the faults that may still come.
    fn look(&self) -> Rig {
        let mut look = self.rig.clone();
        look.mend();
        look
    }

    /// The image that is whole in a slot.
    fn image(&self, look: &mut Rig, slot: Index) -> Option<Image> {
        [(Image::Old, &self.story.old), (Image::New, &self.story.new)]
            .into_iter()
            .find(|(_, bytes)| look.holds(slot, 0, bytes))
            .map(|(image, _)| image)
    }

    const fn counter(&self, image: Image) -> u32 {
        match image {
            Image::Old => 1,
            Image::New => self.story.plot.counter,
        }
    }

    /// The confirmed image, if it is whole in a slot that it boots from, has its envelope, and may
    /// boot.
    fn could_boot(&self) -> Option<Image> {
        let mut look = self.look();
        let slots = match look.product.map.strategy() {
            Strategy::Swap => [Index::Zero].as_slice(),
            Strategy::Ab => &[Index::Zero, Index::One],
        };
        let counts = |image: Image| (image == Image::New) == self.confirmed;
        slots.iter().find_map(|slot| {
            let image = self.image(&mut look, *slot)?;
            let boots = counts(image) && self.counter(image) >= self.floor;
            (boots && self.has_envelope(&mut look, *slot, image)).then_some(image)
        })
    }

    /// Whether a bank holds the image's envelope: any, or that of its slot.
    fn has_envelope(&self, look: &mut Rig, slot: Index, image: Image) -> bool {
        let any = look.product.map.strategy() == Strategy::Swap;
        let package = match image {
            Image::Old => &self.story.former_package,
            Image::New => &self.story.package,
        };
        [Index::Zero, Index::One].into_iter().any(|bank| {
            let bytes = look.region(Region::Bank(bank));
            (any || bank == slot) && bytes.starts_with(&package[..ENVELOPE_LEN])
        })
    }

    /// `true`: the story is where it should end.
    fn application(&mut self, start: Start) -> bool {
        let mut look = self.look();
        let (trial, record) = (start.trial, look.record());
        let Some(image) = self.image(&mut look, start.slot) else {
            self.breaks(Promise::Whole, format!("{start:?} in {record:?}"));
            self.power_cycle();
            return false;
        };
        self.check(image, trial, &record);
        match (image, trial) {
            (Image::New, true) => {
                self.trial();
                false
            }
            (Image::New, false) => true,
            (Image::Old, _) if record.failed.iter().any(Option::is_some) => {
                if self.story.plot.firmware == Firmware::Healthy {
                    self.breaks(Promise::Arrives, format!("blamed: {record:?}"));
                }
                true
            }
            (Image::Old, _) => {
                self.download();
                // Somebody pulls the plug instead of waiting for the reset.
                self.power_cycle();
                false
            }
        }
    }

    fn check(&mut self, image: Image, trial: bool, record: &Record) {
        if self.counter(image) < self.floor || record.floor.max(1) < self.floor {
            let how = format!("{image:?} boots below {}: {record:?}", self.floor);
            self.breaks(Promise::Floor, how);
        }
        let blamed = record.failed.iter().any(Option::is_some);
        if self.blamed && !blamed {
            self.breaks(Promise::Starts, "what failed is forgotten".into());
        }
        self.blamed |= blamed;
        let confirmed = matches!(record.state, BootState::Confirmed(_));
        if self.confirmed && (image == Image::Old || trial || !confirmed) {
            // What rots may have to be left.
            let mut look = self.look();
            let mut slots = [Index::Zero, Index::One].into_iter();
            if slots.any(|slot| look.holds(slot, 0, &self.story.new)) {
                self.breaks(Promise::Confirmation, format!("taken back: {record:?}"));
            }
        }
        if image == Image::New && !trial && !self.confirmed && !self.heard_nothing(record) {
            let how = format!("never confirmed, and stays: {record:?}");
            self.breaks(Promise::Confirmation, how);
        }
    }

    /// A confirmation may be on record whose answer was an error.
    fn heard_nothing(&self, record: &Record) -> bool {
        self.story.plot.firmware == Firmware::Healthy
            && matches!(record.state, BootState::Confirmed(_))
    }

    fn trial(&mut self) {
        self.starts += 1;
        if self.starts > self.most_starts() {
            self.breaks(Promise::Starts, format!("{} starts", self.starts));
        }
        match self.story.plot.firmware {
            Firmware::Healthy | Firmware::Reverts | Firmware::Relapses => {
                if let Ok(confirmation) = self.confirm() {
                    self.floor = self.floor.max(confirmation);
                    self.confirmed = true;
                }
                self.power_cycle();
            }
            Firmware::Crashes => {}
            Firmware::Unplugged => self.power_cycle(),
            Firmware::Hangs => self.cause = ResetCause::Watchdog,
            Firmware::GivesUp => {
                let _ = self.rig.updater(|updater, _| updater.give_up());
            }
        }
    }

    /// A healthy image whose confirmation failed is unplugged then.
    const fn most_starts(&self) -> u32 {
        match self.story.plot.firmware {
            Firmware::Healthy => Firmware::Unplugged.starts(),
            other => other.starts(),
        }
    }

    fn confirm(&mut self) -> Result<u32, ()> {
        let confirmed = self
            .rig
            .updater(|updater, anchors| updater.confirm(anchors).map(|told| told.floor));
        confirmed.map_err(|_| ())?.map_err(|_| ())
    }

    fn download(&mut self) {
        let mut server = Memory::new(&self.story.package);
        let mut buffer = [0; 16 * 1024];
        let requested = self.rig.updater(|updater, anchors| {
            let mut download = Download::new(CLIENT, &mut buffer);
            let outcome =
                ota_client::blocking::run(&mut download, updater, anchors, &mut server, NoDelay);
            match outcome {
                Ok(Outcome::Staged(image)) => updater.request(image).is_ok(),
                _ => false,
            }
        });
        if requested == Ok(true) {
            self.starts = 0;
        }
    }
}

//! An update from beginning to end: where it starts, what the new firmware does, what to compare.

use ota_bootloader::{BootState, Decision, Index, Region, ResetCause, Strategy};
use ota_sim::{Cut, OnViolation, Plan, Tear};
use ota_testkit::{Geometry, Release, Rig, random_image};

use super::course::Course;

/// What the new firmware does when it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// It confirms itself.
    Healthy,
    /// It crashes at once.
    Crashes,
    /// It hangs until the watchdog bites.
    Hangs,
    /// It says that it is not healthy.
    GivesUp,
    /// Somebody pulls the plug before it can confirm itself, again and again.
    Unplugged,
    /// It confirms itself, and then asks for the former image.
    Reverts,
    /// It confirms itself, and then crashes until it is left.
    Relapses,
}

/// Crashes in a row after which a confirmed image is left that relapses.
const CRASHES: u8 = 2;

impl Firmware {
    /// Whether it is left after it was confirmed.
    pub(crate) const fn is_left(self) -> bool {
        matches!(self, Self::Reverts | Self::Relapses)
    }

    /// How often it is started on trial before it is blamed: three attempts, and three
    /// interruptions that cost none; or once, if it is blamed for what comes later.
    pub(crate) const fn starts(self) -> u32 {
        match self {
            Self::Healthy | Self::Crashes | Self::Hangs | Self::GivesUp => 3,
            Self::Unplugged => 6,
            Self::Reverts | Self::Relapses => 1,
        }
    }
}

/// Where a story starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// As from the factory: the old image, a blank journal.
    Factory,
    /// The new image is confirmed, and a byte of it rots.
    RotInActive,
    /// The new image is on trial, and a byte of it rots.
    RotOnTrial,
    /// The new image is staged and requested, and a byte of it rots.
    RotInStaged,
    /// The images are changing places, and a byte of the new one, not yet moved, rots.
    RotInSwap,
    /// The new image is confirmed, and the journal is lost.
    Lost,
    /// The images are changing places, and the journal is lost.
    LostInSwap,
}

/// The two images.
#[derive(Clone, Debug)]
pub enum Images {
    /// Bytes that do not repeat, of these lengths.
    Lengths(u32, u32),
    /// Steps of few kinds, one letter each: the digests alone do not tell where a swap was.
    Steps(&'static str, &'static str),
}

/// Everything that makes a story.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The device.
    pub geometry: Geometry,
    /// Size of a chunk.
    pub chunk: u32,
    /// Old and new.
    pub images: Images,
    /// What the new firmware does.
    pub firmware: Firmware,
    /// Where the story starts.
    pub start: Start,
    /// The security counter of the new image; that of the old one is 1.
    pub counter: u32,
    /// How many records the journal's unit has room for at the start; `None`: it is as the
    /// factory left it.
    pub room: Option<u32>,
}

/// A plot with its device and its releases.
pub struct Story {
    pub(crate) plot: Plot,
    pub(crate) start: Rig,
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
    pub(crate) former_package: Vec<u8>,
    pub(crate) package: Vec<u8>,
}

const UPDATE: &str = "an undisturbed update";

impl Plot {
    fn image(&self, which: usize) -> Vec<u8> {
        match self.images {
            Images::Lengths(old, new) => random_image([old, new][which], 1 + which as u64),
            Images::Steps(old, new) => [old, new][which]
                .bytes()
                .flat_map(|kind| random_image(self.geometry.step, u64::from(kind)))
                .collect(),
        }
    }
}

impl Story {
    /// Brings a device to where the story starts.
    ///
    /// # Panics
    /// If that fails: nothing disturbs it.
    #[must_use]
    pub fn new(plot: Plot) -> Self {
        let old = Release::new(1, plot.image(0), plot.chunk);
        let mut new = Release::new(2, plot.image(1), plot.chunk);
        new.manifest.security_counter = plot.counter;
        let mut rig = Rig::new(plot.geometry);
        rig.flash.on_violation(OnViolation::Record);
        if let Some(external) = &mut rig.external {
            external.on_violation(OnViolation::Record);
        }
        if plot.firmware == Firmware::Relapses {
            rig.product.trial.crashes = CRASHES;
        }
        rig.provision(&old.package());
        rig.approve(&new.image);
        let mut story = Self {
            start: rig,
            old: old.image.clone(),
            new: new.image.clone(),
            former_package: old.package(),
            package: new.package(),
            plot,
        };
        story.set_out();
        story
    }

    fn set_out(&mut self) {
        if let Some(room) = self.plot.room {
            assert!(matches!(
                self.start.boot(ResetCause::Power),
                Decision::Boot(_)
            ));
            self.start.fill_journal(room);
        }
        match self.plot.start {
            Start::Factory => {}
            Start::RotInActive => {
                self.advance(|course| course.rig.is_confirmed() && course.rig.running() == Some(2));
                let active = self.start.active_slot();
                self.rot(active, 0);
            }
            Start::RotOnTrial => {
                self.advance(|course| course.starts > 0);
                let active = self.start.active_slot();
                self.rot(active, 0);
            }
            Start::RotInStaged => {
                self.advance(|course| course.rig.record().state == BootState::Staged);
                let at = match self.start.product.map.strategy() {
                    Strategy::Swap => self.start.product.map.step(),
                    Strategy::Ab => 0,
                };
                self.rot(Index::One, at);
            }
            Start::RotInSwap => {
                self.stop_in_swap();
                // The last step moves last.
                let steps = self.steps();
                self.rot(Index::One, steps * self.start.product.map.step());
            }
            Start::Lost => {
                self.advance(|course| course.rig.is_confirmed() && course.rig.running() == Some(2));
                self.lose_journal();
            }
            Start::LostInSwap => {
                self.stop_in_swap();
                self.lose_journal();
            }
        }
    }

    fn steps(&self) -> u32 {
        let len = u32::try_from(self.new.len()).expect("a small image");
        len.div_ceil(self.start.product.map.step())
    }

    /// Lets the story run undisturbed until something is so.
    fn advance(&mut self, mut reached: impl FnMut(&mut Course<'_>) -> bool) {
        let rig = {
            let mut course = Course::new(self);
            while !reached(&mut course) {
                assert_eq!(course.cycle(), Ok(false), "{UPDATE}");
            }
            course.rig
        };
        self.start = rig;
    }

    /// Cuts the power in the middle of the swap: in the step that is neither first nor last.
    fn stop_in_swap(&mut self) {
        self.advance(|course| course.rig.record().state == BootState::Staged);
        let mut whole = self.start.clone();
        let before = whole.operations();
        assert!(matches!(
            whole.boot(ResetCause::Software),
            Decision::Boot(_)
        ));
        let middle = (whole.operations() - before) / 2;
        self.start
            .arm(Plan(vec![Cut::new(middle, Tear::Before)]), 0);
        let _ = self.start.boot(ResetCause::Software);
        assert!(self.start.is_off(), "the cut fell into the swap");
        self.start.power_up();
        assert_eq!(self.start.record().state, BootState::Swapping);
    }

    /// The middle byte of a stretch of a slot turns into something else.
    fn rot(&mut self, slot: Index, offset: u32) {
        let at = offset + 300;
        let byte = self.start.region(Region::Slot(slot))[at as usize];
        self.start.rot(Region::Slot(slot), at, !byte);
    }

    fn lose_journal(&mut self) {
        let size = self.start.product.map.area(Region::Journal).size;
        let zeros = vec![0; size as usize];
        self.start.load(Region::Journal, 0, &zeros);
    }
}

//! What the search is about: one small device, and the releases that it is offered.

use ota_bootloader::{Record, Strategy, TrialLimits};
use ota_image::Role;
use ota_sim::Tear;
use ota_testkit::{Geometry, OTHER_SEED, RELEASE_SEED, Release, Rig, random_image};

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Cuts in few ways, journal units with room; no rot. The only one with places of the journal
    /// that take a record and lose it: they make many states.
    Sample,
    /// Cuts in all other ways that differ, wherever the journal stands.
    Cuts,
    /// As `Sample` without those, and one thing rots at any time.
    Rot,
}

/// The device that is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Swap or A/B.
    pub strategy: Strategy,
    /// Erase unit in bytes; steps and chunks are as large, or 1 KiB.
    pub unit: u32,
}

impl From<u32> for Shape {
    /// A device that swaps, with erase units of this size.
    fn from(unit: u32) -> Self {
        Self {
            strategy: Strategy::Swap,
            unit,
        }
    }
}

/// A release of the story.
pub(crate) struct Known {
    pub(crate) sequence: u64,
    pub(crate) image: Vec<u8>,
    pub(crate) package: Vec<u8>,
    /// Whether it ever confirms itself.
    pub(crate) healthy: bool,
}

impl Known {
    fn new(sequence: u64, steps: &[u64], tail: u32, counter: u32, step: u32) -> Self {
        let (last, firsts) = steps.split_last().expect("a step");
        let mut image: Vec<u8> = firsts
            .iter()
            .flat_map(|kind| random_image(step, *kind))
            .collect();
        image.extend(&random_image(step, *last)[..tail as usize]);
        let release = Release::new(sequence, image, step).counter(counter);
        Self {
            sequence,
            package: release.package(),
            image: release.image,
            healthy: sequence != BAD,
        }
    }

    /// Envelope and digest table.
    pub(crate) fn head(&self) -> &[u8] {
        &self.package[..self.package.len() - self.image.len()]
    }
}

/// The release that crashes.
pub(crate) const BAD: u64 = 2;
/// The healthy release that must be possible to install in every state.
pub(crate) const LAST: u64 = 9;

/// One device and its releases.
pub(crate) struct World {
    pub(crate) start: Rig,
    pub(crate) releases: Vec<Known>,
    /// The envelope of a release that somebody else signed.
    pub(crate) forged: Vec<u8>,
    pub(crate) step: u32,
    pub(crate) tears: &'static [Tear],
    /// Tears of a journal record, where more of them differ.
    pub(crate) record_tears: &'static [Tear],
    /// Places in a unit of the journal at which the newest record is put.
    pub(crate) places: Vec<u32>,
    pub(crate) rot: bool,
}

impl World {
    /// Four releases, of steps of 1 KiB: 1 was installed in the factory; 2 is bad; 3 is healthy,
    /// and has a step in common with 1; 9 is what has to be possible in the end.
    pub(crate) fn new(extent: Extent, Shape { strategy, unit }: Shape) -> Self {
        let step = unit.max(1024);
        let geometry = Geometry {
            strategy,
            erase_size: unit,
            step,
            slot: 2 * step,
            bank: 2048,
            ..Geometry::small(2)
        };
        let releases = vec![
            Known::new(1, &[1, 2], step, 1, step),
            Known::new(BAD, &[3, 4], 512, 5, step),
            Known::new(3, &[2, 5], 700, 1, step),
            Known::new(LAST, &[6, 7], step, 1, step),
        ];
        let mut start = Rig::new(geometry);
        start.product.trial = TrialLimits {
            attempts: 2,
            interruptions: 1,
            crashes: 0,
        };
        start.provision(&releases[0].package);
        for release in &releases {
            start.approve(&release.image);
        }
        let forged = Release::new(7, random_image(step, 8), step)
            .signed_by(&[(Role::Release, RELEASE_SEED), (Role::Boot, OTHER_SEED)])
            .package();
        let last = unit / 128 - 1;
        Self {
            start,
            releases,
            forged,
            step,
            tears: match extent {
                Extent::Sample => &[Tear::Saturated, Tear::Late],
                Extent::Rot => &[Tear::Saturated],
                Extent::Cuts => &[Tear::Saturated, Tear::After, Tear::Fading, Tear::Late],
            },
            record_tears: match extent {
                Extent::Sample => &[Tear::Saturated, Tear::Fading, Tear::BlankFading],
                Extent::Rot => &[Tear::Saturated, Tear::Fading],
                Extent::Cuts => &[
                    Tear::Saturated,
                    Tear::After,
                    Tear::Fading,
                    Tear::Late,
                    Tear::BlankWeak,
                    Tear::BlankSpoiled,
                ],
            },
            places: match extent {
                Extent::Cuts => vec![1, last - 2, last - 1, last],
                Extent::Sample | Extent::Rot => vec![1],
            },
            rot: extent == Extent::Rot,
        }
    }

    /// The release of a sequence.
    pub(crate) fn release(&self, sequence: u64) -> &Known {
        self.releases
            .iter()
            .find(|known| known.sequence == sequence)
            .expect("one of the story's")
    }

    /// Whether the record puts this release among the failed ones.
    pub(crate) fn blames(record: &Record, sequence: u64) -> bool {
        record
            .failed
            .iter()
            .flatten()
            .any(|failed| failed.release.sequence == sequence)
    }
}

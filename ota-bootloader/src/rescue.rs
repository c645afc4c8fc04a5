//! When the active image is bad: which image can be put together, from where, and doing it.

use ota_image::{Boot, Crypto, Hasher};

use crate::boot::{Bootloader, Refusal};
use crate::image::Image;
use crate::io::{At, Bad, Io, stream};
use crate::map::Strategy;
use crate::product::Product;
use crate::state::{BootEvent, BootState, Which, rescues};
use crate::storage::{Index, Region, Storage};
use crate::swap::spare;

impl<S: Storage, C: Crypto> Bootloader<'_, S, C> {
    /// Looks for an image that can be put together.
    pub(crate) fn find_rescue(&mut self) -> BootEvent {
        let mut best: Option<(Which, Found)> = None;
        for which in rescues(self.record.state) {
            let found = match self.rescue(*which) {
                Ok(found) => found,
                Err(refusal) => {
                    // Of an image that is there, rather than of a bank that is not.
                    if *which == Which::Active || self.refusal.is_of_blank() {
                        self.refusal = refusal;
                    }
                    continue;
                }
            };
            let better = best.is_none_or(|(_, known)| match self.record.state {
                // With the journal lost, of two whole releases the older one was confirmed for
                // certain: a download begins only on a confirmed image.
                BootState::Unknown => found.sequence < known.sequence,
                // The former image has come back, and that could not be recorded.
                BootState::Trial(_) => found.in_place && !known.in_place,
                _ => false,
            });
            if better {
                best = Some((*which, found));
            }
        }
        match best {
            Some((which, _)) => BootEvent::RescueFound(which, self.product.trial),
            None => BootEvent::RescueNone,
        }
    }

    /// What is found of an image if it may run and every step of it lies somewhere.
    fn rescue(&mut self, which: Which) -> Result<Found, Refusal> {
        let mut image = self.load_installed(self.bank_of(which))?;
        let product = self.product;
        let lies = find(product, &mut self.io(), &mut image).ok_or(Refusal::Image)?;
        let in_place = matches!(
            lies,
            Lies::Split(Split {
                at: 0,
                spare: false
            })
        );
        if !in_place && self.journal.silent() {
            // Nothing may be written.
            return Err(Refusal::Image);
        }
        Ok(Found {
            sequence: image.manifest.sequence,
            in_place,
        })
    }

    /// Puts the image of a bank together in its slot. Only ever copies from staging to active,
    /// so that it can be repeated. If the boot `began` in this very work, it was cut there: a step
    /// that reads right may be the one that was in flight, and is copied again while its source
    /// is still there. Not without the digest table: a second cut would leave what only the table
    /// finds.
    pub(crate) fn restore(&mut self, bank: Index, began: BootState) -> Result<(), Bad> {
        let mut image = self.load(bank).map_err(|_| Bad)?;
        let (product, step) = (self.product, self.product.map.step());
        let mut io = self.io();
        let lies = find(product, &mut io, &mut image).ok_or(Bad)?;
        let doubted = matches!(began, BootState::Restoring(..)) && image.has_table(&mut io);
        for index in 0..image.steps(step) {
            let to = product.active_at(bank).plus(index * step);
            let len = image.step_len(index, step);
            let from = match lies {
                Lies::Split(split) => split.place(product, bank, index),
                Lies::ByTable => find_step(product, &mut io, &mut image, index).ok_or(Bad)?,
            };
            let source = if from != to {
                Some(from)
            } else if doubted {
                find_same(product, &mut io, bank, index, len)
            } else {
                None
            };
            if let Some(source) = source {
                copy_found(&mut io, source, to, len)?;
            }
        }
        Ok(())
    }
}

/// An image that can be put together.
#[derive(Clone, Copy)]
struct Found {
    sequence: u64,
    /// It is whole where it runs.
    in_place: bool,
}

/// How the steps of an image are found.
#[derive(Clone, Copy)]
enum Lies {
    /// Where a swap has left them.
    Split(Split),
    /// Each by its digests.
    ByTable,
}

/// Where a swap has left the steps of the image that ran before it: those below `at` in staging,
/// `at` itself perhaps in the spare, the others in their places. With 0 the image is whole.
#[derive(Clone, Copy)]
struct Split {
    at: u32,
    spare: bool,
}

impl Split {
    const WHOLE: Self = Self {
        at: 0,
        spare: false,
    };

    const fn place(self, product: &Product, bank: Index, index: u32) -> At {
        let step = product.map.step();
        if index < self.at {
            former(step, index)
        } else if index == self.at && self.spare {
            spare(&product.map)
        } else {
            product.active_at(bank).plus(index * step)
        }
    }

    /// Whether all of the image is there, by its SHA-256.
    fn holds<S: Storage, C: Crypto>(
        self,
        product: &Product,
        io: &mut Io<'_, S, C>,
        image: &Image<Boot>,
    ) -> bool {
        let step = product.map.step();
        let mut hasher = io.crypto.sha256();
        let read = (0..image.steps(step)).try_for_each(|index| {
            let from = self.place(product, image.bank(), index);
            let len = image.step_len(index, step);
            stream(io.storage, from, len, |block| hasher.update(block))
        });
        read.is_ok() && hasher.finish() == image.manifest.image_digest
    }
}

fn find<S: Storage, C: Crypto>(
    product: &Product,
    io: &mut Io<'_, S, C>,
    image: &mut Image<Boot>,
) -> Option<Lies> {
    let steps = image.steps(product.map.step());
    if Split::WHOLE.holds(product, io, image) {
        return Some(Lies::Split(Split::WHOLE));
    }
    if (0..steps).all(|index| find_step(product, io, image, index).is_some()) {
        return Some(Lies::ByTable);
    }
    if product.map.strategy() == Strategy::Ab {
        return None;
    }
    // The table itself may be what was damaged. The image's own SHA-256 tells where a swap was.
    (0..=steps)
        .flat_map(|at| [false, true].map(|spare| Split { at, spare }))
        .find(|split| split.holds(product, io, image))
        .map(Lies::Split)
}

/// Copies a step from where it was found. There may be no digest for it: the copy is compared with
/// the source.
fn copy_found<S: Storage, C: Crypto>(
    io: &mut Io<'_, S, C>,
    from: At,
    to: At,
    len: u32,
) -> Result<(), Bad> {
    io.copy(from, to, len, &mut |io, at, part| {
        let source = io.leaf(from.plus(part.offset), part.len);
        source.is_ok() && io.leaf(at, part.len) == source
    })
}

/// The place of a former image's step in staging.
const fn former(step: u32, index: u32) -> At {
    At {
        region: Region::Slot(Index::One),
        offset: index * step,
    }
}

/// Where a step of an image may lie: in its place, and on a device that swaps in staging as a
/// former or as a coming image, or in the spare.
fn places(product: &Product, bank: Index, index: u32) -> impl Iterator<Item = At> {
    let step = product.map.step();
    let staging = former(step, index);
    let places = [
        product.active_at(bank).plus(index * step),
        staging,
        staging.plus(step),
        spare(&product.map),
    ];
    let count = match product.map.strategy() {
        Strategy::Ab => 1,
        Strategy::Swap => places.len(),
    };
    places.into_iter().take(count)
}

/// Where a step of an image lies.
fn find_step<S: Storage, C: Crypto>(
    product: &Product,
    io: &mut Io<'_, S, C>,
    image: &mut Image<Boot>,
    index: u32,
) -> Option<At> {
    let step = product.map.step();
    places(product, image.bank(), index).find(|at| image.step_matches(io, index, step, *at))
}

/// Where else the bytes lie that are in a step's place.
fn find_same<S: Storage, C: Crypto>(
    product: &Product,
    io: &mut Io<'_, S, C>,
    bank: Index,
    index: u32,
    len: u32,
) -> Option<At> {
    let mut places = places(product, bank, index);
    let leaf = io.leaf(places.next()?, len).ok()?;
    places.find(|at| io.leaf(*at, len) == Ok(leaf))
}

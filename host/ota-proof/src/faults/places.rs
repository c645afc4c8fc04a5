//! Where in a life a fault can strike, and the life that it strikes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ota_bootloader::{Index, Region};
use ota_sim::{Fault, Flash, Trouble};
use ota_testkit::Rig;

use super::kinds::Kind;
use super::life::Life;
use super::promises::{Broken, Promise};
use crate::sweep::Story;

/// Which chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// The device's own.
    Internal,
    /// The one beside it.
    External,
}

impl On {
    fn chip(self, rig: &mut Rig) -> &mut Flash {
        match (self, &mut rig.external) {
            (Self::External, Some(external)) => external,
            (Self::External, None) | (Self::Internal, _) => &mut rig.flash,
        }
    }
}

/// A life without faults, as it was before each boot.
pub(super) struct Clean<'s> {
    boots: Vec<Life<'s>>,
    end: Life<'s>,
}

/// Lives to the end.
fn live(life: &mut Life<'_>, mut before_boot: impl FnMut(&Life<'_>)) {
    loop {
        before_boot(life);
        match catch_unwind(AssertUnwindSafe(|| life.cycle())) {
            Ok(false) => {}
            Ok(true) => return,
            Err(_) => {
                let how = "panicked".into();
                let promise = Promise::Programs;
                life.broken.push(Broken { promise, how });
                return;
            }
        }
    }
}

fn counted(fault: &Trouble, chip: &Flash) -> u64 {
    match fault {
        Trouble::FailedReads(_) | Trouble::FlippedRead => chip.stats().reads,
        _ => chip.operations(),
    }
}

impl<'s> Clean<'s> {
    /// Lives through the story undisturbed.
    pub(super) fn new(story: &'s Story) -> Self {
        let mut boots = Vec::new();
        let mut end = Life::new(story);
        loop {
            boots.push(end.clone());
            if end.cycle() {
                return Self { boots, end };
            }
        }
    }

    /// What breaks even so.
    pub(super) fn broken(&self) -> &[Broken] {
        &self.end.broken
    }

    /// Where a fault of this kind can strike, as ids.
    pub(super) fn places(&self, kind: Kind) -> Vec<(On, Fault)> {
        let external = self.end.rig.external.is_some();
        let chips = [On::Internal, On::External];
        let chips = chips.into_iter().take(1 + usize::from(external));
        match kind.trouble() {
            Some(trouble) => chips
                .flat_map(|on| {
                    let mut rigs = (self.boots[0].rig.clone(), self.end.rig.clone());
                    let before = counted(&trouble, on.chip(&mut rigs.0));
                    let after = counted(&trouble, on.chip(&mut rigs.1));
                    (1..=after - before).map(move |at| (on, Fault::new(at, trouble)))
                })
                .collect(),
            None => self.rot(kind),
        }
    }

    /// Every byte that is not blank and may rot, before every boot; one of its bits.
    fn rot(&self, kind: Kind) -> Vec<(On, Fault)> {
        let regions = match kind {
            Kind::RotInJournal => vec![Region::Journal],
            _ => [Index::Zero, Index::One]
                .into_iter()
                .flat_map(|index| [Region::Bank(index), Region::Slot(index)])
                .collect(),
        };
        let mut places = Vec::new();
        for (boot, life) in (1..).zip(&self.boots) {
            let mut rig = life.rig.clone();
            for region in &regions {
                let area = rig.product.map.area(*region);
                let erased = rig.product.map.geometry(*region).erased;
                let on = match area.device {
                    ota_bootloader::Device::Internal => On::Internal,
                    ota_bootloader::Device::External => On::External,
                };
                let bytes = (area.offset..).zip(rig.region(*region));
                let written = bytes.filter(|(_, byte)| *byte != erased);
                places.extend(written.map(|(offset, byte)| {
                    let bit = u8::try_from((offset + boot + u32::from(byte)) % 8).unwrap_or(0);
                    let flips = Trouble::FlippedBit { offset, bit };
                    (on, Fault::new(boot.into(), flips))
                }));
            }
        }
        places
    }

    /// A life that this fault strikes; `None`: it does not strike.
    pub(super) fn strike(&self, on: On, fault: Fault) -> Option<Vec<Broken>> {
        let mut life = match fault.trouble {
            Trouble::FlippedBit { offset, bit } => {
                let boot = usize::try_from(fault.at).ok()?.checked_sub(1)?;
                let mut life = self.boots.get(boot)?.clone();
                on.chip(&mut life.rig).flip(offset, bit);
                life
            }
            trouble => {
                let count = |life: &Life<'s>| counted(&trouble, on.chip(&mut life.rig.clone()));
                let start = count(&self.boots[0]);
                let last = self
                    .boots
                    .iter()
                    .rev()
                    .find(|life| count(life) - start < fault.at)?;
                let at = fault.at - (count(last) - start);
                let mut life = last.clone();
                on.chip(&mut life.rig).arm_fault(Fault::new(at, trouble));
                life
            }
        };
        live(&mut life, |_| {});
        let rests = matches!(fault.trouble, Trouble::FlippedBit { .. });
        (rests || on.chip(&mut life.rig).struck() > 0).then_some(life.broken)
    }
}

//! Recorded calls, by what they begin with.

use super::Call;
use super::pass::Passes;
use core::ops::Range;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// After so many, those are forgotten that none of as many before was like.
const MOST: usize = if cfg!(test) { 50 } else { 50_000 };

/// All that are known.
#[derive(Debug)]
pub(super) struct Known<K> {
    young: Generation<K>,
    old: Generation<K>,
    /// Pages of flash that they used, each once.
    pages: HashSet<Arc<[u8]>>,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            pages: HashSet::new(),
        }
    }
}

#[derive(Debug)]
struct Generation<K> {
    /// By what the core was like.
    shapes: HashMap<u64, Vec<Shape<K>>>,
    calls: usize,
}

impl<K> Default for Generation<K> {
    fn default() -> Self {
        Self {
            shapes: HashMap::new(),
            calls: 0,
        }
    }
}

/// Calls that read the same places of RAM.
#[derive(Debug)]
struct Shape<K> {
    places: Arc<[Range<u32>]>,
    /// By what was there.
    calls: HashMap<Arc<[u8]>, Vec<Arc<Call<K>>>>,
}

impl<K> Known<K> {
    pub(super) fn find<C: Passes<Core = K>>(
        &mut self,
        core: u64,
        chip: &C,
    ) -> Option<Arc<Call<K>>> {
        if let Some(call) = self.young.find(core, chip) {
            return Some(call);
        }
        let call = self.old.find(core, chip)?;
        self.keep(core, Arc::clone(&call));
        Some(call)
    }

    pub(super) fn keep(&mut self, core: u64, call: Arc<Call<K>>) {
        if self.young.calls == MOST {
            self.old = core::mem::take(&mut self.young);
            self.pages.retain(|page| Arc::strong_count(page) > 1);
        }
        self.young.keep(core, call);
    }

    /// A page that holds this.
    pub(super) fn page(&mut self, bytes: &[u8]) -> Arc<[u8]> {
        if let Some(page) = self.pages.get(bytes) {
            return Arc::clone(page);
        }
        let page: Arc<[u8]> = bytes.into();
        self.pages.insert(Arc::clone(&page));
        page
    }
}

impl<K> Generation<K> {
    fn find<C: Passes<Core = K>>(&self, core: u64, chip: &C) -> Option<Arc<Call<K>>> {
        for shape in self.shapes.get(&core)? {
            let mut read = Vec::new();
            for place in shape.places.iter() {
                read.extend_from_slice(chip.ram(place)?);
            }
            let mut calls = shape.calls.get(&*read).into_iter().flatten();
            if let Some(call) = calls.find(|call| call.would_be_the_same(chip)) {
                return Some(Arc::clone(call));
            }
        }
        None
    }

    fn keep(&mut self, core: u64, call: Arc<Call<K>>) {
        self.calls += 1;
        let shapes = self.shapes.entry(core).or_default();
        let shape = shapes.iter().position(|shape| shape.places == call.places);
        let nth = shape.unwrap_or_else(|| {
            shapes.push(Shape {
                places: Arc::clone(&call.places),
                calls: HashMap::new(),
            });
            shapes.len() - 1
        });
        let calls = shapes[nth].calls.entry(Arc::clone(&call.read)).or_default();
        calls.push(call);
    }
}

impl<K> Call<K> {
    /// Whether it would find all that it found, but the core and what it read of RAM.
    fn would_be_the_same<C: Passes<Core = K>>(&self, chip: &C) -> bool {
        let mut used = self.used.iter();
        chip.may_pass(self) && used.all(|(offset, page)| chip.has_page(*offset, page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Chip;
    use crate::rp2040::{Rp2040, flash};

    type Core = <Rp2040 as Passes>::Core;

    /// One that depends on nothing but the core.
    fn call(chip: &Rp2040) -> Arc<Call<Core>> {
        Arc::new(Call {
            places: [].into(),
            read: [].into(),
            written: [].into(),
            used: [].into(),
            cached: [].into(),
            asked: [].into(),
            told: [].into(),
            time: 1,
            end: chip.core(0),
        })
    }

    #[test]
    fn a_call_that_is_made_now_and_then_stays_known() {
        let chip = Rp2040::new(flash());
        let mut known = Known::default();
        let learn = |known: &mut Known<Core>, cores: Range<u64>| {
            cores.for_each(|core| known.keep(core, call(&chip)));
        };
        let most = MOST as u64;
        learn(&mut known, 0..1);
        for round in 1..4 {
            assert!(known.find(0, &chip).is_some());
            learn(&mut known, round * most..(round + 1) * most);
        }
        learn(&mut known, 4 * most..6 * most);
        assert!(known.find(0, &chip).is_none(), "it is forgotten in the end");
        assert!(known.find(6 * most - 1, &chip).is_some());
    }

    #[test]
    fn a_page_is_kept_once_and_as_long_as_a_call_uses_it() {
        let chip = Rp2040::new(flash());
        let mut known = Known::<Core>::default();
        let page = known.page(&[1; 4096]);
        assert!(Arc::ptr_eq(&page, &known.page(&[1; 4096])));
        drop(page);
        for core in 0..3 * MOST as u64 {
            known.keep(core, call(&chip));
        }
        assert!(known.pages.is_empty());
    }
}

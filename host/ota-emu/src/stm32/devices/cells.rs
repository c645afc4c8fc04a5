//! The flash array: double words with error correction, on the torn flash of `ota-sim`.

use core::hash::{Hash as _, Hasher};
use core::ops::Range;
use ota_sim::{Config, Flash, FlashError, OnViolation};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes that are programmed at once, under one error correction code.
pub(crate) const WORD: u32 = 8;
/// Bytes that are erased at once.
pub(crate) const PAGE: u32 = 2048;
pub(crate) const SIZE: u32 = 1 << 20;
pub(crate) const BANK: u32 = SIZE / 2;

/// The bytes of a page.
pub(crate) type Page = [u8; PAGE as usize];

/// What error correction made of a double word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Correction {
    Good,
    Corrected,
    Failed,
}

#[derive(Debug, Clone)]
pub(crate) struct Cells {
    flash: Flash,
    /// What a read sees, page by page.
    seen: Vec<Arc<Page>>,
    /// What was changed without being seen: there are no reads while the power is off.
    unseen: Vec<Range<u32>>,
    /// Double words that cannot be read, and those that take a correction.
    failed: BTreeSet<u32>,
    weak: BTreeSet<u32>,
    /// What was changed, for those who remember contents.
    changed: Option<Range<u32>>,
}

impl Cells {
    /// # Panics
    /// If the flash is not that of the chip.
    pub(crate) fn new(mut flash: Flash) -> Self {
        let expected = Config::new(SIZE, WORD, PAGE).with_ecc();
        assert_eq!(
            *flash.config(),
            expected,
            "the chip has 1 MiB of flash: see ota_emu::stm32::flash"
        );
        flash.on_violation(OnViolation::Record);
        let page = Arc::new([0; PAGE as usize]);
        let mut cells = Self {
            flash,
            seen: vec![page; (SIZE / PAGE) as usize],
            unseen: Vec::new(),
            failed: BTreeSet::new(),
            weak: BTreeSet::new(),
            changed: None,
        };
        cells.look_at(0..SIZE);
        cells
    }

    pub(crate) const fn flash(&self) -> &Flash {
        &self.flash
    }

    /// Whether reads see these bytes there.
    pub(crate) fn holds(&self, offset: u32, bytes: &[u8]) -> bool {
        let (page, at) = ((offset / PAGE) as usize, (offset % PAGE) as usize);
        let (first, rest) = bytes.split_at(bytes.len().min(PAGE as usize - at));
        let pages = self.seen.get(page..).unwrap_or_default();
        let mut pages = pages.iter();
        pages
            .next()
            .is_some_and(|page| page[at..].starts_with(first))
            && rest
                .chunks(PAGE as usize)
                .all(|part| pages.next().is_some_and(|page| page.starts_with(part)))
    }

    /// What reads see of the page at this offset.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn page(&self, offset: u32) -> &Arc<Page> {
        &self.seen[(offset / PAGE) as usize]
    }

    /// Whether reads of the page at this offset see this, without a correction.
    pub(crate) fn has_page(&self, offset: u32, page: &[u8]) -> bool {
        let words = offset..offset + PAGE;
        let is_bad = |words: &BTreeSet<u32>, range| words.range::<u32, _>(range).next().is_some();
        self.page(offset)[..] == *page
            && (self.all_good()
                || !is_bad(&self.failed, words.clone()) && !is_bad(&self.weak, words))
    }

    /// Lets `change` work on the flash from outside, as a test does.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        let before = self.flash.clone();
        let result = change(&mut self.flash);
        self.flash.on_violation(OnViolation::Record);
        let changed: Vec<u32> = before.differences(&self.flash).collect();
        drop(before);
        for page in changed {
            self.look_at(page..page + PAGE);
        }
        for range in core::mem::take(&mut self.unseen) {
            self.look_at(range);
        }
        result
    }

    /// From now on reads of this double word are corrected ones, until it is erased.
    pub(crate) fn weaken(&mut self, offset: u32) {
        self.weak.insert(offset / WORD * WORD);
    }

    #[inline]
    pub(crate) fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let page = self.seen.get((offset / PAGE) as usize)?;
        let at = (offset % PAGE) as usize;
        match page.get(at..at + N) {
            Some(bytes) => bytes.try_into().ok(),
            None => self.read_over(offset),
        }
    }

    /// Over the end of a page.
    #[cold]
    fn read_over<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let mut both = [0; N];
        for (byte, at) in both.iter_mut().zip(offset..) {
            [*byte] = self.read(at)?;
        }
        Some(both)
    }

    pub(crate) fn correction(&self, offset: u32) -> Correction {
        let word = offset / WORD * WORD;
        if self.failed.contains(&word) {
            Correction::Failed
        } else if self.weak.contains(&word) {
            Correction::Corrected
        } else {
            Correction::Good
        }
    }

    /// Hashes what reads come to, besides the contents.
    pub(crate) fn hash_corrections(&self, hasher: &mut impl Hasher) {
        self.weak.hash(hasher);
    }

    /// Whether all double words read well, as is usual.
    pub(crate) fn all_good(&self) -> bool {
        self.failed.is_empty() && self.weak.is_empty()
    }

    pub(crate) fn is_blank(&self, offset: u32) -> bool {
        self.read(offset) == Some([0xFF; WORD as usize])
            && self.correction(offset) != Correction::Failed
    }

    pub(crate) fn program(&mut self, offset: u32, bytes: [u8; 8]) -> Result<(), FlashError> {
        let done = self.flash.program(offset, &bytes);
        self.look_at(offset..offset + WORD);
        done
    }

    /// What the chip allows over data: zeros. Never torn, and no operation.
    pub(crate) fn wipe(&mut self, offset: u32) {
        self.flash.load(offset, &[0; WORD as usize]);
        self.look_at(offset..offset + WORD);
    }

    pub(crate) fn erase(&mut self, range: Range<u32>) -> Result<(), FlashError> {
        let done = self.flash.erase(range.start, range.end);
        self.weak.retain(|word| !range.contains(word));
        self.look_at(range);
        done
    }

    pub(crate) const fn take_changed(&mut self) -> Option<Range<u32>> {
        self.changed.take()
    }

    /// Brings what reads see up to date.
    fn look_at(&mut self, range: Range<u32>) {
        if self.flash.is_off() {
            self.unseen.push(range);
            return;
        }
        let pages = range.clone().step_by(PAGE as usize);
        for page in pages.map(|start| start..range.end.min(start / PAGE * PAGE + PAGE)) {
            self.look_at_part(page);
        }
        let before = self.changed.take().unwrap_or_else(|| range.clone());
        self.changed = Some(before.start.min(range.start)..before.end.max(range.end));
    }

    /// Of one page.
    fn look_at_part(&mut self, part: Range<u32>) {
        let page = (part.start / PAGE) as usize;
        let start = part.start / PAGE * PAGE;
        let seen = Arc::make_mut(&mut self.seen[page]);
        let within =
            |range: &Range<u32>| (range.start - start) as usize..(range.end - start) as usize;
        match self.flash.read(part.start, &mut seen[within(&part)]) {
            Ok(()) if self.failed.is_empty() => {}
            Ok(()) => self.failed.retain(|word| !part.contains(word)),
            Err(FlashError::Unreadable) => {
                for word in part.step_by(WORD as usize) {
                    let bytes = &mut seen[within(&(word..word + WORD))];
                    if self.flash.read(word, bytes).is_err() {
                        self.failed.insert(word);
                    } else {
                        self.failed.remove(&word);
                    }
                }
            }
            Err(_) => {}
        }
    }
}

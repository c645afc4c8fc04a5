//! The flash array: double words with error correction, on the torn flash of `ota-sim`.

use crate::uses::Uses;
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
    /// What a read sees. The flash keeps its units apart; the core wants them in one piece.
    seen: Arc<Vec<u8>>,
    /// Double words that cannot be read, and those that take a correction.
    failed: BTreeSet<u32>,
    weak: BTreeSet<u32>,
    /// What was changed, for those who remember contents.
    changed: Option<Range<u32>>,
    /// The pages that were read or changed since the last reset.
    used: Uses,
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
        let mut cells = Self {
            flash,
            seen: Arc::default(),
            failed: BTreeSet::new(),
            weak: BTreeSet::new(),
            changed: None,
            used: Uses::new(SIZE, PAGE),
        };
        cells.look_at_all();
        cells
    }

    pub(crate) const fn flash(&self) -> &Flash {
        &self.flash
    }

    /// All of it, as reads see it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.seen
    }

    /// Remembers that something is read or changed there.
    #[inline]
    pub(crate) fn note_use(&mut self, offset: u32) {
        self.used.note(offset);
    }

    /// Whether the page at this offset was read or changed since the last reset.
    pub(crate) fn has_used(&self, offset: u32) -> bool {
        self.used.has(offset)
    }

    /// A reset: nothing was used since.
    pub(crate) fn forget_uses(&mut self) {
        self.used.forget();
    }

    /// Lets `change` work on the flash from outside, as a test does.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut Flash) -> R) -> R {
        let result = change(&mut self.flash);
        self.flash.on_violation(OnViolation::Record);
        self.look_at_all();
        result
    }

    /// From now on reads of this double word are corrected ones, until it is erased.
    pub(crate) fn weaken(&mut self, offset: u32) {
        self.weak.insert(offset / WORD * WORD);
    }

    pub(crate) fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let at = offset as usize;
        self.seen.get(at..at.checked_add(N)?)?.try_into().ok()
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

    fn look_at_all(&mut self) {
        self.seen = Arc::new(self.flash.bytes().to_vec());
        self.failed.clear();
        self.look_at(0..SIZE);
    }

    /// Brings what reads see up to date. After a cut there are no reads until the power is back.
    fn look_at(&mut self, range: Range<u32>) {
        if self.flash.is_off() {
            return;
        }
        let seen = Arc::make_mut(&mut self.seen);
        let pages = range.clone().step_by(PAGE as usize);
        for page in pages.map(|start| start..range.end.min(start + PAGE)) {
            let part = &mut seen[page.start as usize..page.end as usize];
            match self.flash.read(page.start, part) {
                Ok(()) => self.failed.retain(|word| !page.contains(word)),
                Err(FlashError::Unreadable) => {
                    for word in page.step_by(WORD as usize) {
                        let part = &mut seen[word as usize..(word + WORD) as usize];
                        if self.flash.read(word, part).is_err() {
                            self.failed.insert(word);
                        } else {
                            self.failed.remove(&word);
                        }
                    }
                }
                Err(_) => {}
            }
        }
        let before = self.changed.take().unwrap_or_else(|| range.clone());
        self.changed = Some(before.start.min(range.start)..before.end.max(range.end));
    }
}

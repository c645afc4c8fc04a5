//! Carrying out a fate: what the cells of a torn word hold, now and later.

use crate::fate::Fate;
use crate::rng::Rng;
use crate::unit::{Unit, cell, differ};

/// What was being done to a word when the power went.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    /// These bytes were being programmed.
    Program(&'a [u8]),
    /// It was being erased.
    Erase,
}

/// The longest word.
const WORD_MAX: usize = 256;

impl Unit {
    /// Leaves word `index` as `fate` says.
    pub(crate) fn tear(
        &mut self,
        index: usize,
        fate: Fate,
        change: Change<'_>,
        ecc: bool,
        rng: &mut Rng,
    ) {
        if fate == Fate::Old {
            return;
        }
        let mut old = [0; WORD_MAX];
        let old = &mut old[..self.word(index).len()];
        old.copy_from_slice(self.word(index));
        let finished = self.finish(index, change);
        let half = old.len() / 2;
        let erased = self.erased();
        let word = self.word_mut(index);
        let mut flags = cell::PROGRAMMED | cell::TORN;
        match fate {
            // Programmed with the erased value, in a page that was cut: nobody can tell.
            Fate::New if finished != 0 && word.iter().all(|byte| *byte == erased) => {}
            Fate::Old | Fate::New => flags = finished,
            Fate::FrontHalf if half == 0 => word[0] = old[0] & 0xF0 | word[0] & 0x0F,
            Fate::BackHalf if half == 0 => word[0] = old[0] & 0x0F | word[0] & 0xF0,
            Fate::FrontHalf => word[half..].copy_from_slice(&old[half..]),
            Fate::BackHalf => word[..half].copy_from_slice(&old[..half]),
            Fate::Mixed => mix(word, old, rng),
            Fate::Noise => rng.fill(word),
            Fate::Saturated => word.fill(!erased),
            Fate::BlankWeak => word.fill(erased),
            Fate::BlankSpoiled => {
                word.fill(erased);
                flags |= cell::SPOILS;
            }
            Fate::BlankFading => {
                word.fill(erased);
                flags |= cell::LOSES;
            }
            Fate::BlankVanishing => {
                word.fill(erased);
                flags |= cell::LOSES | cell::SPOILS;
            }
            // A unit that looks erased takes programs, and loses them.
            Fate::Fading if finished == 0 => flags = cell::FADES,
            Fate::Fading => flags |= cell::FADES,
            Fate::Late => {
                word.copy_from_slice(old);
                flags |= cell::LATE;
            }
            Fate::Unstable => {
                rng.fill(word);
                flags |= cell::UNSTABLE;
            }
            Fate::Unreadable => {
                rng.fill(word);
                flags |= if ecc { cell::UNREADABLE } else { 0 };
            }
        }
        if ecc && matches!(fate, Fate::FrontHalf | Fate::BackHalf | Fate::Mixed) {
            flags |= cell::UNREADABLE;
        }
        self.mark(index, flags);
    }

    /// Completes the change to a word; the flags it then deserves.
    fn finish(&mut self, index: usize, change: Change<'_>) -> u8 {
        match change {
            Change::Program(new) => {
                self.set_bits(index, new);
                // What loses a program loses one that was cut as well.
                match self.cells[index] {
                    flags if flags & cell::LOSES != 0 => flags,
                    _ => cell::PROGRAMMED,
                }
            }
            Change::Erase => {
                let erased = self.erased();
                self.word_mut(index).fill(erased);
                0
            }
        }
    }

    /// What a power-up does to a word that was left in the balance. `due`: its time has come.
    /// `later`: what a late word turns into. Whether the word will move again.
    pub(crate) fn wake(
        &mut self,
        index: usize,
        due: bool,
        later: &[u8],
        ecc: bool,
        rng: &mut Rng,
    ) -> bool {
        let flags = self.cells[index];
        let settled = flags & !cell::MOVING | cell::PROGRAMMED | cell::TORN;
        if flags & cell::UNSTABLE != 0 {
            rng.fill(self.word_mut(index));
            return true;
        }
        if flags & cell::LOSES != 0 && self.reads_blank(index) {
            return true;
        }
        if !due {
            return flags & cell::MOVING != 0;
        }
        if flags & cell::LATE != 0 {
            self.word_mut(index).copy_from_slice(later);
            self.mark(index, settled);
        } else if flags & cell::LOSES != 0 && flags & cell::SPOILS != 0 {
            let erased = self.erased();
            self.word_mut(index).fill(erased);
            self.mark(index, settled);
        } else if flags & (cell::FADES | cell::LOSES) != 0 {
            let mut held = [0; WORD_MAX];
            let held = &mut held[..later.len()];
            held.copy_from_slice(self.word(index));
            differ(self.word_mut(index), held, rng);
            let lost = if ecc && rng.coin() {
                cell::UNREADABLE
            } else {
                0
            };
            self.mark(index, settled | lost);
        }
        false
    }
}

/// Takes each bit of `word` from `old` or leaves it.
fn mix(word: &mut [u8], old: &[u8], rng: &mut Rng) {
    for (byte, old) in word.iter_mut().zip(old) {
        let mask = rng.byte();
        *byte = *byte & mask | old & !mask;
    }
}

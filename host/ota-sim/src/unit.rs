//! One erase unit: its bytes and what is known about each word's cells.

use crate::error::FlashError;
use crate::rng::Rng;

/// Flags of a word. None set: properly erased.
pub(crate) mod cell {
    /// Programmed since the last erase.
    pub(crate) const PROGRAMMED: u8 = 1;
    /// The power went while this word was in flight.
    pub(crate) const TORN: u8 = 1 << 1;
    /// Looks blank, reports success when programmed, and holds something else then.
    pub(crate) const SPOILS: u8 = 1 << 2;
    /// Reading it is an error.
    pub(crate) const UNREADABLE: u8 = 1 << 3;
    /// Reads right for now, wrong after a later power-up.
    pub(crate) const FADES: u8 = 1 << 4;
    /// Reads as before the operation for now, as after it following a later power-up.
    pub(crate) const LATE: u8 = 1 << 5;
    /// Reads differently after every power-up.
    pub(crate) const UNSTABLE: u8 = 1 << 6;
    /// Looks blank, takes a program, and loses it at the next power-up; with [`SPOILS`] it looks
    /// blank then, and spoils the next one.
    pub(crate) const LOSES: u8 = 1 << 7;
    /// What changes at power-ups.
    pub(crate) const MOVING: u8 = FADES | LATE | UNSTABLE | LOSES;
}

/// An erase unit. Shared between clones of a flash until one of them writes to it.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) data: Vec<u8>,
    /// Flags, one byte a word.
    pub(crate) cells: Vec<u8>,
    /// Whether any word has more than [`cell::PROGRAMMED`].
    pub(crate) faulty: bool,
    word: usize,
    erased: u8,
}

impl Unit {
    pub(crate) fn blank(len: usize, word: usize, erased: u8) -> Self {
        let (data, cells) = (vec![erased; len], vec![0; len / word]);
        Self {
            data,
            cells,
            faulty: false,
            word,
            erased,
        }
    }

    pub(crate) const fn erased(&self) -> u8 {
        self.erased
    }

    /// The bytes of word `index`.
    pub(crate) fn word(&self, index: usize) -> &[u8] {
        &self.data[index * self.word..][..self.word]
    }

    pub(crate) fn word_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.data[index * self.word..][..self.word]
    }

    pub(crate) fn mark(&mut self, index: usize, flags: u8) {
        self.cells[index] = flags;
        self.faulty |= flags & !cell::PROGRAMMED != 0;
    }

    /// The first of the words in `at..at + len` (bytes) whose cells have one of `flags`.
    fn find(&self, at: usize, len: usize, mut test: impl FnMut(usize) -> bool) -> Option<usize> {
        (at / self.word..(at + len).div_ceil(self.word)).find(|&index| test(index))
    }

    /// The word that may not be programmed again, if there is one.
    ///
    /// A torn word that reads blank is none: the caller could not know, and is told by
    /// [`FlashError::ProgramFailed`].
    pub(crate) fn programmed(&self, at: usize, len: usize) -> Option<usize> {
        self.find(at, len, |index| {
            self.cells[index] & cell::PROGRAMMED != 0 && !self.only_looks_blank(index)
        })
    }

    pub(crate) fn unreadable(&self, at: usize, len: usize) -> bool {
        self.faulty
            && self
                .find(at, len, |index| self.cells[index] & cell::UNREADABLE != 0)
                .is_some()
    }

    /// Whether word `index` was in flight at a cut and reads as if it had never been.
    fn only_looks_blank(&self, index: usize) -> bool {
        let flags = self.cells[index];
        flags & cell::TORN != 0 && flags & cell::UNREADABLE == 0 && self.reads_blank(index)
    }

    pub(crate) fn reads_blank(&self, index: usize) -> bool {
        self.word(index).iter().all(|&byte| byte == self.erased)
    }

    /// Programs whole words from byte `at` on; stops at one that refuses.
    pub(crate) fn program(
        &mut self,
        at: usize,
        bytes: &[u8],
        rng: &mut Rng,
    ) -> Result<(), FlashError> {
        if !self.faulty {
            // The usual case, quickly: no word has a mind of its own.
            burn(&mut self.data[at..][..bytes.len()], bytes, self.erased);
            self.cells[at / self.word..][..bytes.len() / self.word].fill(cell::PROGRAMMED);
            return Ok(());
        }
        for (index, new) in (at / self.word..).zip(bytes.chunks(self.word)) {
            self.program_word(index, new, rng)?;
        }
        Ok(())
    }

    fn program_word(&mut self, index: usize, new: &[u8], rng: &mut Rng) -> Result<(), FlashError> {
        let flags = self.cells[index];
        if flags & cell::LOSES != 0 {
            self.set_bits(index, new);
            return Ok(());
        }
        if flags & cell::SPOILS != 0 {
            // Success is reported: only reading it back shows what happened.
            differ(self.word_mut(index), new, rng);
            self.mark(index, cell::PROGRAMMED | cell::TORN);
            return Ok(());
        }
        if flags & cell::TORN != 0 {
            return Err(FlashError::ProgramFailed);
        }
        self.set_bits(index, new);
        self.mark(index, flags | cell::PROGRAMMED);
        Ok(())
    }

    /// Takes the contents of these bytes' words as they are: whole, programmed unless blank.
    pub(crate) fn settle(&mut self, at: usize, len: usize) {
        for index in at / self.word..(at + len).div_ceil(self.word) {
            let blank = self.reads_blank(index);
            self.mark(index, if blank { 0 } else { cell::PROGRAMMED });
        }
    }

    /// Programs the bytes of one word, whatever its flags.
    pub(crate) fn set_bits(&mut self, index: usize, new: &[u8]) {
        let erased = self.erased;
        burn(self.word_mut(index), new, erased);
    }
}

/// Cells only move away from the erased value.
fn burn(cells: &mut [u8], new: &[u8], erased: u8) {
    for (byte, new) in cells.iter_mut().zip(new) {
        *byte = if erased == 0xFF {
            *byte & new
        } else {
            *byte | new
        };
    }
}

/// Fills `bytes` with anything but `right`.
pub(crate) fn differ(bytes: &mut [u8], right: &[u8], rng: &mut Rng) {
    rng.fill(bytes);
    if bytes == right {
        bytes[0] ^= 1 << rng.below(8);
    }
}

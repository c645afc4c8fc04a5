//! What a test does to a flash from outside: factory programming, bit rot, bad cells.

use crate::flash::Flash;
use crate::unit::cell;
use core::ops::Range;
use std::sync::Arc;

impl Flash {
    /// Puts `bytes` at `offset` as a factory programmer does: no rules, no counters, any
    /// alignment. Words that are blank afterwards count as erased, others as programmed.
    ///
    /// # Panics
    /// If the range does not lie inside the flash, or the file behind it cannot be written.
    pub fn load(&mut self, offset: u32, bytes: &[u8]) {
        self.assert_inside(offset, bytes.len());
        self.change();
        for piece in self.pieces(offset, bytes.len()) {
            let unit = Arc::make_mut(&mut self.units[piece.unit]);
            unit.data[piece.at..][..piece.len].copy_from_slice(&bytes[piece.from..][..piece.len]);
            unit.settle(piece.at, piece.len);
        }
        self.persist(offset, bytes.len())
            .expect("the file behind the flash cannot be written");
    }

    /// Bit rot: the byte at `offset` reads `byte` from now on, until it is erased.
    ///
    /// # Panics
    /// If the offset does not lie inside the flash, or the file behind it cannot be written.
    pub fn corrupt(&mut self, offset: u32, byte: u8) {
        self.assert_inside(offset, 1);
        self.change();
        for piece in self.pieces(offset, 1) {
            Arc::make_mut(&mut self.units[piece.unit]).data[piece.at] = byte;
        }
        self.persist(offset, 1)
            .expect("the file behind the flash cannot be written");
    }

    /// Bit rot: this bit of the byte at `offset` turns round, until it is erased.
    ///
    /// # Panics
    /// If the offset does not lie inside the flash, or the file behind it cannot be written.
    pub fn flip(&mut self, offset: u32, bit: u8) {
        let byte = self.bytes()[offset as usize];
        self.corrupt(offset, byte ^ 1 << (bit % 8));
    }

    /// Bit rot beyond repair: reading any word in the range is an error until it is erased.
    ///
    /// # Panics
    /// If the range does not lie inside the flash.
    pub fn fail_read(&mut self, range: Range<u32>) {
        let len = range.end.saturating_sub(range.start) as usize;
        self.assert_inside(range.start, len);
        let word = self.config.write_size as usize;
        for piece in self.pieces(range.start, len) {
            let unit = Arc::make_mut(&mut self.units[piece.unit]);
            for index in piece.at / word..(piece.at + piece.len).div_ceil(word) {
                unit.mark(index, unit.cells[index] | cell::UNREADABLE);
            }
        }
    }

    /// Bad cells: every program that touches the range fails, for good, and changes nothing.
    pub fn fail_program(&mut self, range: Range<u32>) {
        self.failing.push(range);
    }

    fn assert_inside(&self, offset: u32, len: usize) {
        let size = self.config.size;
        let inside = offset as usize + len <= size as usize;
        assert!(
            inside,
            "{len} bytes at {offset:#x} do not lie inside a flash of {size} bytes"
        );
    }
}

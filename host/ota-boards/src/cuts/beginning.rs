//! Beginnings that are known: a power cycle is what the sectors make of it that it has read.
//!
//! The first thing after a cut is a signature check, and it takes longest. It reads none of what
//! the cut tore. So a board is kept at every few million instructions of a recovery, until it
//! changes its flash or opens a connection. The next recovery begins with the last of them that has
//! not read a sector yet in which the two flashes differ: it would have come there too.

use ota_emu::Board;
use ota_sim::Flash;

/// How often a board is kept, in instructions.
pub const SLICE: u64 = 4_000_000;
/// With more different sectors than these, it is time for another beginning.
const MOST: usize = 6;

/// The beginning of a recovery.
#[derive(Debug)]
pub struct Beginning {
    /// What the flash held.
    flash: Flash,
    boards: Vec<Board>,
    over: bool,
}

impl Beginning {
    /// Of a recovery that begins with this flash, which was just powered up.
    #[must_use]
    pub fn new(flash: &Flash) -> Self {
        Self {
            flash: flash.clone(),
            boards: Vec::new(),
            over: false,
        }
    }

    /// Keeps this board, if it still is one at the beginning, and the last is long ago.
    pub fn keep(&mut self, board: &Board) {
        self.over |= board.operations() != self.flash.operations() || board.is_connected();
        let due = self
            .boards
            .last()
            .is_none_or(|last| board.instructions() - last.instructions() >= SLICE);
        if due && !self.over {
            self.boards.push(board.snapshot());
        }
    }

    /// A board that has come as far as one with this flash would have, too.
    #[must_use]
    pub fn board_for(&self, flash: &Flash) -> Option<Board> {
        let different: Vec<u32> = self.flash.differences(flash).collect();
        let blind = |board: &&Board| !different.iter().any(|&offset| board.has_read(offset));
        if different.len() > MOST {
            return None;
        }
        let board = self.boards.iter().rev().find(blind)?;
        let mut board = board.snapshot();
        board.edit_flash(|old| *old = flash.clone());
        Some(board)
    }
}

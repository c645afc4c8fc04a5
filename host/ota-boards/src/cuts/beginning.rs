//! Beginnings that are known: a power cycle is what the sectors make of it that it has used.
//!
//! The first thing after a cut is a signature check, and it takes longest. It reads none of what
//! the cut tore. So a board is kept at every few million instructions of a recovery, until the
//! application changes its flash or opens a connection. Another recovery begins with the furthest
//! of them that has not used a sector yet in which the two flashes differ: it would have come
//! there too.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ota_emu::rp2040::Board;
use ota_sim::Flash;

/// How often a board is kept, in instructions.
pub const SLICE: u64 = 2_000_000;
/// So many boards are kept; those go that were not of use for longest.
const KEPT: usize = 128;

/// Boards at the beginning of a recovery.
#[derive(Debug, Default)]
pub struct Beginnings(Mutex<VecDeque<Arc<Kept>>>);

/// One of them.
#[derive(Debug)]
struct Kept {
    /// What the flash held when the power came back.
    flash: Arc<Flash>,
    board: Board,
}

/// A recovery that is at its beginning.
#[derive(Debug)]
pub struct Beginning<'a> {
    all: &'a Beginnings,
    flash: Arc<Flash>,
    /// The instruction at which a board was kept last.
    last: u64,
}

impl Beginnings {
    /// A board that has come as far as one with this flash would have, too.
    #[must_use]
    pub fn board_for(&self, flash: &Flash) -> Option<Board> {
        let kept = self.furthest(flash)?;
        let mut board = kept.board.snapshot();
        board.exchange_flash(&kept.flash, flash);
        Some(board)
    }

    fn furthest(&self, flash: &Flash) -> Option<Arc<Kept>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = all
            .iter()
            .enumerate()
            .filter(|(_, kept)| !kept.board.tells_apart(&kept.flash, flash));
        let (place, _) = fitting.max_by_key(|(_, kept)| kept.board.instructions())?;
        let kept = all.remove(place)?;
        all.push_back(Arc::clone(&kept));
        Some(kept)
    }

    fn push(&self, kept: Kept) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == KEPT {
            all.pop_front();
        }
        all.push_back(Arc::new(kept));
    }
}

impl<'a> Beginning<'a> {
    /// Of a recovery that begins with this flash, which was just powered up, and is at `board`.
    #[must_use]
    pub fn new(all: &'a Beginnings, flash: Flash, board: &Board) -> Self {
        Self {
            all,
            flash: Arc::new(flash),
            last: board.instructions(),
        }
    }

    /// Keeps this board if the last is long ago.
    pub fn keep(&mut self, board: &Board) {
        if board.instructions() - self.last >= SLICE {
            self.last = board.instructions();
            self.all.push(Kept {
                flash: Arc::clone(&self.flash),
                board: board.snapshot(),
            });
        }
    }
}

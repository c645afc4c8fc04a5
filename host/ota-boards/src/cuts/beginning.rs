//! Beginnings that are known: a power cycle is what the sectors make of it that it has used.
//!
//! The first thing after a cut is a signature check, and it takes longest. It reads none of what
//! the cut tore. So a board is kept at every few million instructions of a recovery, until the
//! application changes its flash or opens a connection. Another recovery begins with the furthest
//! of them that has not used a sector yet in which the two flashes differ: it would have come
//! there too.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ota_emu::{Board, Chip};
use ota_sim::Flash;

/// How often a board is kept, in instructions.
pub const SLICE: u64 = 2_000_000;
/// So many boards are kept; those go that were not of use for longest.
const KEPT: usize = 128;

/// Boards at the beginning of a recovery.
#[derive(Debug)]
pub struct Beginnings<C>(Mutex<VecDeque<Arc<Kept<C>>>>);

impl<C> Default for Beginnings<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// One of them.
#[derive(Debug)]
struct Kept<C> {
    /// What the flash held when the power came back.
    flash: Arc<Flash>,
    board: Board<C>,
}

/// A recovery that is at its beginning.
#[derive(Debug)]
pub struct Beginning<'a, C> {
    all: &'a Beginnings<C>,
    flash: Arc<Flash>,
    /// The instruction at which a board was kept last.
    last: u64,
}

impl<C: Chip> Beginnings<C> {
    /// A board that has come as far as one with this flash would have, too.
    #[must_use]
    pub fn board_for(&self, flash: &Flash) -> Option<Board<C>> {
        let kept = self.furthest(flash)?;
        let mut board = kept.board.snapshot();
        board.exchange_flash(&kept.flash, flash);
        Some(board)
    }

    fn furthest(&self, flash: &Flash) -> Option<Arc<Kept<C>>> {
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

    fn push(&self, kept: Kept<C>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == KEPT {
            all.pop_front();
        }
        all.push_back(Arc::new(kept));
    }
}

impl<'a, C: Chip> Beginning<'a, C> {
    /// Of a recovery that begins with this flash, which was just powered up, and is at `board`.
    #[must_use]
    pub fn new(all: &'a Beginnings<C>, flash: Flash, board: &Board<C>) -> Self {
        Self {
            all,
            flash: Arc::new(flash),
            last: board.instructions(),
        }
    }

    /// Keeps this board if the last is long ago.
    pub fn keep(&mut self, board: &Board<C>) {
        if board.instructions() - self.last >= SLICE {
            self.last = board.instructions();
            self.all.push(Kept {
                flash: Arc::clone(&self.flash),
                board: board.snapshot(),
            });
        }
    }
}

//! The status register of a flash chip, which keeps what it holds without power, and is torn as well.

use crate::cut::{Cut, Interrupted};
use crate::error::FlashError;
use crate::fate::{self, Fate};
use crate::flash::Flash;
use crate::rng::Rng;

impl Flash {
    /// The 16 bits of the status register, if anybody has ever set or written them. What they mean,
    /// and what they are before, is the chip's business.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// Sets the status register from outside, as a factory does. No operation.
    pub const fn set_status(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// Writes the status register, for good: an operation, which wears it, and which a cut tears.
    ///
    /// # Errors
    /// [`PowerCut`](FlashError::PowerCut), before or during.
    pub fn write_status(&mut self, status: u16) -> Result<(), FlashError> {
        self.powered()?;
        self.stats.status_writes += 1;
        let Some(cut) = self.power.operation() else {
            self.status = Some(status);
            return Ok(());
        };
        self.status = Some(torn(cut, self.status.unwrap_or_default(), status));
        self.power.interrupted = Interrupted::Status;
        Err(FlashError::PowerCut)
    }
}

/// What a cut leaves of it: the old bits, the new ones, some of each, or any. They stay like that.
fn torn(cut: Cut, old: u16, new: u16) -> u16 {
    let mut rng = Rng::from_parts(&[cut.tear.seed(), cut.operation]);
    let fate = fate::draw(cut.tear, 1, &mut rng);
    let any = u16::from_le_bytes([rng.byte(), rng.byte()]);
    let mixed = |done: u16| new & done | old & !done;
    match fate.first() {
        None | Some(Fate::Old | Fate::Late) => old,
        Some(Fate::New) => new,
        Some(Fate::FrontHalf) => mixed(0x00FF),
        Some(Fate::BackHalf) => mixed(0xFF00),
        Some(Fate::Mixed) => mixed(any),
        Some(Fate::Saturated) => u16::MAX,
        Some(Fate::BlankWeak | Fate::BlankSpoiled | Fate::BlankFading | Fate::BlankVanishing) => 0,
        Some(Fate::Noise | Fate::Fading | Fate::Unstable | Fate::Unreadable) => any,
    }
}

//! Two images change places, one step at a time, from wherever a power cut left them.
//!
//! The staging slot has two steps more than an image: the *hole* that moves through it, and a
//! *spare* at its end that only the first step behind a cut uses. Forward, with the leaving
//! image `L` in the active slot and the entering image `E` in staging from step 1 on:
//!
//! ```text
//!            active      staging
//! start      L0 L1 L2    -- E0 E1 E2      hole at 0
//! save 0     L0 L1 L2    L0 E0 E1 E2      active(0) into the hole
//! enter 0    E0 L1 L2    L0 E0 E1 E2      staging(1) into active(0): the hole moves to 1
//! save 1     E0 L1 L2    L0 L1 E1 E2
//! ...
//! end        E0 E1 E2    L0 L1 L2 --      hole at 3
//! ```
//!
//! Backward is the same, seen in a mirror: step `j` stands for `n - 1 - j`, and the hole goes
//! back to 0. Nothing records the progress: the digest tables say where the exchange was.
//!
//! **Where to go on** (found with an exhaustive model): a step that an image does not have
//! matches anything. Go on at the *smallest* `k` such that every step below has active = entering
//! and staging = leaving, every step above has active = leaving and staging(+1) = entering, and
//! the step `k` itself has both of its images in one of their places, or in the spare.
//! The smallest, because the last copy before a cut may read right now and wrong later: it is
//! made again while its source is still there.
//!
//! **Why the spare.** Behind a cut, source and copy may both read right, and one of them may be
//! about to change: the copy if its program was cut, the source if the erase after it was.
//! Making the copy again erases the one, going on erases the other, and a second cut then loses
//! the step. So the step is first copied to the spare. This happens once a cut, not once a step:
//! the cut was in a step from `k` on up to the first that is not done. That is one step, or two,
//! unless steps are equal.
//!
//! **It is blank at the start.** What an earlier exchange left in the spare would be taken for the work of
//! this one, and put over a step that is firm.

use ota_image::{Boot, Crypto};

use crate::image::Image;
use crate::io::{At, Bad, Io, erase, is_blank};
use crate::map::FlashMap;
use crate::storage::{Index, Region, Storage};

/// Which way the images go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The staged image becomes the active one.
    Forward,
    /// The former image comes back.
    Backward,
}

/// An exchange of two images.
pub(crate) struct Exchange<'m> {
    leaving: &'m mut Image<Boot>,
    entering: &'m mut Image<Boot>,
    direction: Direction,
    steps: u32,
    step: u32,
    spare: At,
}

impl<'m> Exchange<'m> {
    pub(crate) fn new(
        leaving: &'m mut Image<Boot>,
        entering: &'m mut Image<Boot>,
        direction: Direction,
        map: &FlashMap,
    ) -> Self {
        let step = map.step();
        let steps = leaving.steps(step).max(entering.steps(step));
        Self {
            leaving,
            entering,
            direction,
            steps,
            step,
            spare: spare(map),
        }
    }

    /// The step of the images that is the `j`-th to be exchanged.
    const fn nth(&self, j: u32) -> u32 {
        match self.direction {
            Direction::Forward => j,
            Direction::Backward => (self.steps - 1).saturating_sub(j),
        }
    }

    const fn active(&self, j: u32) -> At {
        At {
            region: Region::Slot(Index::Zero),
            offset: self.nth(j) * self.step,
        }
    }

    /// The place of staging that is the hole before the `j`-th exchange.
    const fn hole(&self, j: u32) -> At {
        let place = match self.direction {
            Direction::Forward => j,
            Direction::Backward => self.steps.saturating_sub(j),
        };
        At {
            region: Region::Slot(Index::One),
            offset: place * self.step,
        }
    }

    fn is_leaving<S: Storage, C: Crypto>(&mut self, io: &mut Io<'_, S, C>, j: u32, at: At) -> bool {
        self.leaving.step_matches(io, self.nth(j), self.step, at)
    }

    fn is_entering<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        j: u32,
        at: At,
    ) -> bool {
        self.entering.step_matches(io, self.nth(j), self.step, at)
    }

    /// Exchanged: active = entering, staging = leaving.
    fn done<S: Storage, C: Crypto>(&mut self, io: &mut Io<'_, S, C>, j: u32) -> bool {
        self.is_entering(io, j, self.active(j)) && self.is_leaving(io, j, self.hole(j))
    }

    /// Not begun: active = leaving, staging(+1) = entering.
    fn untouched<S: Storage, C: Crypto>(&mut self, io: &mut Io<'_, S, C>, j: u32) -> bool {
        self.is_leaving(io, j, self.active(j)) && self.is_entering(io, j, self.hole(j + 1))
    }

    /// Under way: both steps are in one of their two places, or in the spare. That a step is done
    /// does not mean that the cut was not in it: it may have been in its renewal.
    fn in_flight<S: Storage, C: Crypto>(&mut self, io: &mut Io<'_, S, C>, j: u32) -> bool {
        if j == self.steps {
            return true;
        }
        let leaving = [self.active(j), self.hole(j), self.spare];
        let entering = [self.hole(j + 1), self.active(j), self.spare];
        entering.into_iter().any(|at| self.is_entering(io, j, at))
            && leaving.into_iter().any(|at| self.is_leaving(io, j, at))
    }

    /// Where to go on, and the last step that the cut may have been in: a linear scan over both
    /// slots.
    fn resume_at<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
    ) -> Result<(u32, u32), Bad> {
        let (mut done_below, mut still_done) = (0, true);
        let mut untouched_from = 0;
        for j in 0..self.steps {
            if still_done && self.done(io, j) {
                done_below = j + 1;
            } else {
                still_done = false;
            }
            if !self.untouched(io, j) {
                untouched_from = j + 1;
            }
        }
        let smallest = untouched_from.saturating_sub(1);
        let first = (smallest..=done_below)
            .find(|j| self.in_flight(io, *j))
            .ok_or(Bad)?;
        Ok((first, done_below))
    }

    /// Exchanges what is left to exchange. `undisturbed`: the images lie firm where they belong, no cut
    /// was in them.
    ///
    /// # Errors
    /// [`Bad`]: the flash does not hold what it must; nothing was erased that is needed to go
    /// the other way.
    pub(crate) fn run<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        undisturbed: bool,
    ) -> Result<(), Bad> {
        let (first, last) = self.resume_at(io)?;
        if undisturbed && !is_blank(io.storage, self.spare, self.step) {
            erase(io.storage, self.spare, self.step).map_err(|_| Bad)?;
        }
        for j in first..self.steps {
            if j <= last && !undisturbed {
                self.exchange_behind_cut(io, j)?;
            } else {
                self.exchange(io, j)?;
            }
        }
        Ok(())
    }

    /// A step whose two images are known to be firm where they are. What staging already seems to
    /// hold of the leaving one is not believed: of images with equal steps, it may be what cuts
    /// during the download left there, and on its way out.
    fn exchange<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        j: u32,
    ) -> Result<(), Bad> {
        let (index, step) = (self.nth(j), self.step);
        let (active, hole, next) = (self.active(j), self.hole(j), self.hole(j + 1));
        if self.leaving.step_len(index, step) > 0 {
            self.leaving.copy_step(io, index, step, active, hole)?;
        }
        if self.entering.step_len(index, step) > 0 && !self.is_entering(io, j, active) {
            self.entering.copy_step(io, index, step, next, active)?;
        }
        Ok(())
    }

    /// A step that the cut may have been in: whatever it reads as, both copies are made again.
    fn exchange_behind_cut<S: Storage, C: Crypto>(
        &mut self,
        io: &mut Io<'_, S, C>,
        j: u32,
    ) -> Result<(), Bad> {
        let (index, step, spare) = (self.nth(j), self.step, self.spare);
        let (active, hole, next) = (self.active(j), self.hole(j), self.hole(j + 1));
        renew(self.leaving, io, index, step, [active, hole, spare])?;
        renew(self.entering, io, index, step, [next, active, spare])
    }
}

/// The last step of staging, which no image reaches.
pub(crate) const fn spare(map: &FlashMap) -> At {
    At {
        region: Region::Slot(Index::One),
        offset: map.image_capacity() + map.step(),
    }
}

/// Makes a step firm in `to`, though any one of the places may read right and soon be wrong:
/// never erases a place before two others, or one written in this power cycle, hold the step.
fn renew<S: Storage, C: Crypto>(
    image: &mut Image<Boot>,
    io: &mut Io<'_, S, C>,
    index: u32,
    step: u32,
    [from, to, spare]: [At; 3],
) -> Result<(), Bad> {
    if image.step_len(index, step) == 0 {
        return Ok(());
    }
    if image.step_matches(io, index, step, spare) {
        return image.copy_step(io, index, step, spare, to);
    }
    let (at_from, at_to) = (
        image.step_matches(io, index, step, from),
        image.step_matches(io, index, step, to),
    );
    match (at_from, at_to) {
        (true, true) => {
            image.copy_step(io, index, step, from, spare)?;
            image.copy_step(io, index, step, spare, to)
        }
        (true, false) => image.copy_step(io, index, step, from, to),
        // The only copy: its source was erased after it had been read back.
        (false, true) => Ok(()),
        (false, false) => Err(Bad),
    }
}

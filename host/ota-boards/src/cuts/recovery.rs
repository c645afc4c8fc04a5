//! From the flash that a cut left to the end of the story, and what is checked on the way:
//!
//! - whatever the bootloader jumps to is, byte for byte, one of the two signed images
//! - the good release is confirmed without being published again, the bad one is rolled back and
//!   remembered as failed, and the former image boots
//! - the cut costs one start on trial at most, and what is asked for again fits one window
//! - the floor never falls
//! - bootloader and settings are not touched, and nothing is done that silicon would not forgive:
//!   either ends the run with a fault

use core::hash::{Hash as _, Hasher as _};
use core::ops::Range;
use std::hash::DefaultHasher;

use anyhow::{Result, bail, ensure};
use ota_bootloader::{BootState, Index, Record, Region, TrialState};
use ota_emu::{Board, Chip, Exit};
use ota_sim::Flash;

use super::known::{Cost, Known, Path, Rest};
use super::reference::Torn;
use super::stage::{Image, SEQUENCE, Stage, record};
use super::{Phase, Story};
use crate::bench::{self, Bench};
use crate::server::Shop;

/// More than the rest of a story takes, in instructions.
const LIMIT: u64 = 5_000_000_000;
/// How often it is looked at whether the application has confirmed itself, in instructions.
const SLICE: u64 = 8192;
/// What an interruption costs: the pieces of a window.
const WINDOW: u64 = ota_client::Config::DEFAULT.window as u64 * 4096;
/// And the envelope, if that was torn.
const ENVELOPE: u64 = ota_image::ENVELOPE_LEN as u64;

/// Where applications execute.
fn slot<B: Bench>() -> Range<u32> {
    let product = B::EXAMPLE.product();
    let start = product.load_addresses[0];
    start..start + product.map.area(Region::Slot(Index::Zero)).size
}

/// Powers the board up with the flash that a cut left, and runs it until the story has ended, or
/// the end is known. The answer is how many instructions that took.
///
/// # Errors
/// If anything is not as it has to be.
pub fn recover<B: Bench>(stage: &Stage<B>, torn: &Torn, known: &Known) -> Result<u64> {
    let shop = stage.shop.open_another()?;
    let mut flash = torn.flash.clone();
    flash.power_up();
    let powered_up = flash.fingerprint();
    let mut board = switched_on(&stage.board, flash);
    shop.plug_in(&mut board);
    let begun = board.instructions();
    let mut recovery = Recovery {
        stage,
        shop,
        known,
        end: begun + LIMIT,
        board,
        path: Path::default(),
        floor: torn.floor,
        cost: Cost {
            starts: torn.starts,
            asked: 0,
        },
    };
    let outcome = recovery
        .run_to_the_end(powered_up)
        .and_then(|rest| recovery.check_cost(torn, rest));
    match outcome {
        Ok(cost) => known.learn(&recovery.path, cost),
        Err(error) => {
            let log = bench::log(&recovery.board);
            return Err(error.context(format!("the power went in the {}:\n{log}", torn.phase)));
        }
    }
    Ok(recovery.board.instructions() - begun)
}

/// The board of the stage with this flash, which was just powered up.
fn switched_on<C: Chip>(board: &Board<C>, flash: Flash) -> Board<C> {
    let mut board = board.snapshot();
    // Nothing is in the balance yet: this one powers up the rest of the board.
    board.power_up();
    board.edit_flash(|old| *old = flash);
    board
}

struct Recovery<'a, B: Bench> {
    stage: &'a Stage<B>,
    known: &'a Known,
    board: Board<B::Chip>,
    shop: Shop<B>,
    /// The limit, in instructions.
    end: u64,
    path: Path,
    cost: Cost,
    floor: u32,
}

/// What the application did.
enum Application {
    Confirmed,
    Reset(String),
}

/// What the bootloader came to.
enum Boot {
    Jumps(Image, Record),
    /// To where another recovery has been.
    Known(Rest),
}

impl<B: Bench> Recovery<'_, B> {
    /// None: it has run to the end. Otherwise that is what the rest costs.
    fn run_to_the_end(&mut self, powered_up: u64) -> Result<Option<Rest>> {
        let (mut cause, mut flash) = ("power-up".to_owned(), powered_up);
        loop {
            if let Some(rest) = self.begin(&cause, flash) {
                return Ok(Some(rest));
            }
            let (image, record) = match self.boot()? {
                Boot::Jumps(image, record) => (image, record),
                Boot::Known(rest) => return Ok(Some(rest)),
            };
            match self.stage.story {
                Story::Good if image == Image::New && is_confirmed(&record) => break,
                Story::Bad if image == Image::Old && is_failed(&record) => break,
                _ => {}
            }
            match self.run_application()? {
                Application::Confirmed => break,
                Application::Reset(by) => cause = by,
            }
            flash = self.board.flash().fingerprint();
        }
        self.check_end()?;
        Ok(None)
    }

    /// A power cycle begins, with the flash of this fingerprint.
    fn begin(&mut self, cause: &str, flash: u64) -> Option<Rest> {
        let mut hasher = DefaultHasher::new();
        (cause, flash).hash(&mut hasher);
        self.pass(hasher.finish())
    }

    fn pass(&mut self, point: u64) -> Option<Rest> {
        self.cost.asked += self.shop.sent();
        let rest = self.known.rest(point);
        if rest.is_none() {
            self.path.pass(point, self.cost);
        }
        rest
    }

    /// Runs the bootloader until it jumps, and looks at what it jumps to.
    fn boot(&mut self) -> Result<Boot> {
        let mut erases = self.board.flash().stats().erases;
        loop {
            let exit = self.board.run_to_flash_call_or(slot::<B>(), self.left()?);
            match exit {
                Exit::Reached => return self.jump(),
                Exit::FlashCall => {}
                exit => bail!("the bootloader did not boot anything, but {exit:?}"),
            }
            // After an erase is often enough.
            let now = self.board.flash().stats().erases;
            if now != erases
                && let Some(rest) = self.pass(self.board.fingerprint())
            {
                return Ok(Boot::Known(rest));
            }
            erases = now;
        }
    }

    fn jump(&mut self) -> Result<Boot> {
        let record = record::<B>(self.board.flash())?;
        let image = self.stage.image_in(self.board.flash(), &record)?;
        self.check_floor(&record)?;
        match (image, record.state) {
            (Image::New, BootState::Trial(trial)) => self.count_start(trial),
            (Image::New, BootState::Confirmed(_))
            | (Image::Old, BootState::Confirmed(_) | BootState::Downloading) => {}
            (image, state) => bail!("the {image:?} image boots in {state:?}"),
        }
        Ok(Boot::Jumps(image, record))
    }

    fn count_start(&mut self, trial: TrialState) {
        self.cost.starts += 1;
        self.path
            .start(self.cost.starts, u32::from(trial.attempts_left));
    }

    /// Runs the application until a reset, or until it has confirmed itself.
    fn run_application(&mut self) -> Result<Application> {
        let mut seen = self.board.logs().len();
        loop {
            let exit = self.board.run(SLICE.min(self.left()?));
            let new = self.board.logs().get(seen..).unwrap_or_default();
            if new.iter().any(|line| line.text == "confirmed") {
                return Ok(Application::Confirmed);
            }
            seen = self.board.logs().len();
            match exit {
                Exit::Reset(cause) => return Ok(Application::Reset(cause.to_string())),
                Exit::Limit => {}
                exit => bail!("the application: {exit:?}"),
            }
        }
    }

    fn left(&self) -> Result<u64> {
        let left = self.end.saturating_sub(self.board.instructions());
        ensure!(left > 0, "the story does not end");
        Ok(left)
    }

    fn check_floor(&mut self, record: &Record) -> Result<()> {
        let (was, is) = (self.floor, record.floor);
        ensure!(is >= was, "the floor fell from {was} to {is}");
        self.floor = is;
        Ok(())
    }

    fn check_end(&mut self) -> Result<()> {
        let record = record::<B>(self.board.flash())?;
        self.check_floor(&record)?;
        let image = self.stage.image_in(self.board.flash(), &record)?;
        match self.stage.story {
            Story::Good => {
                ensure!(is_confirmed(&record), "the end is {:?}", record.state);
                ensure!(image == Image::New, "the end is the {image:?} image");
                ensure!(record.failed == [None; 4], "a good release is blamed");
                ensure!(record.floor == 1, "the floor did not rise");
            }
            Story::Bad => {
                ensure!(is_failed(&record), "the end is {record:?}");
                ensure!(image == Image::Old, "the end is the {image:?} image");
            }
        }
        Ok(())
    }

    /// What all of it cost, if that is not too much.
    fn check_cost(&mut self, torn: &Torn, rest: Option<Rest>) -> Result<Cost> {
        self.cost.asked += self.shop.sent();
        let mut cost = self.cost;
        let mut least = self.path.least();
        if let Some(rest) = rest {
            let then = rest.least.map(|least| least + cost.starts);
            least = least.into_iter().chain(then).min();
            cost.starts += rest.cost.starts;
            cost.asked += rest.cost.asked;
        }
        self.check_attempts(cost.starts, least)?;
        self.check_traffic(torn, cost)?;
        Ok(cost)
    }

    /// One start more or less than without the cut, and one attempt less, at most.
    fn check_attempts(&self, starts: u32, least: Option<u32>) -> Result<()> {
        let attempts = u32::from(B::EXAMPLE.product().trial.attempts);
        let usual = match self.stage.story {
            Story::Good => 1,
            Story::Bad => attempts,
        };
        ensure!(
            starts.abs_diff(usual) <= 1,
            "{starts} starts on trial, and without a cut {usual}"
        );
        ensure!(
            least.is_none_or(|least| least + 1 >= attempts),
            "the cut cost more than one attempt"
        );
        Ok(())
    }

    /// Each start on trial asks for one byte, to see that the server is there.
    fn check_traffic(&self, torn: &Torn, cost: Cost) -> Result<()> {
        let starts = u64::from(cost.starts);
        let most = match torn.phase {
            Phase::Download | Phase::Request => {
                let all = self.stage.new.as_bytes().len() as u64;
                all.saturating_sub(torn.asked) + WINDOW + ENVELOPE + starts
            }
            _ => starts,
        };
        let asked = cost.asked;
        ensure!(
            asked <= most,
            "{asked} bytes were asked for after the cut, {most} at most were to be"
        );
        Ok(())
    }
}

fn is_confirmed(record: &Record) -> bool {
    matches!(record.state, BootState::Confirmed(_))
}

fn is_failed(record: &Record) -> bool {
    let failed = record.failed.iter().flatten();
    is_confirmed(record) && failed.map(|failed| failed.release.sequence).eq([SEQUENCE])
}

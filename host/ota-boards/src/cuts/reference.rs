//! A story without a cut, and the flash that a cut at each of its operations leaves.

use anyhow::{Context as _, Result, bail, ensure};
use ota_bootloader::{BootState, Record};
use ota_emu::{Board, Chip, Exit};
use ota_sim::{Cut, Flash, Tear};

use super::place::Place;
use super::stage::{Stage, record};
use super::{Id, Phase, Story};
use crate::bench::{self, Bench};
use crate::server::Shop;

/// More than a story takes.
const LIMIT: u64 = 5_000_000_000;
/// How far at most to the next flash call, in instructions.
const SLICE: u64 = 100_000_000;
/// More than an operation takes that has begun, or is the next thing.
const OPERATION: u64 = 1_000_000;

/// What a cut left.
pub struct Torn {
    /// Which cut.
    pub id: Id,
    /// What was going on.
    pub phase: Phase,
    /// The chip, still without power.
    pub flash: Flash,
    /// Bytes that the server had been asked for.
    pub asked: u64,
    /// Starts of the new image before the cut.
    pub starts: u32,
    /// The floor that was on record.
    pub floor: u32,
}

/// A story that was run to its end.
pub struct Reference {
    /// Its operations by phase.
    pub operations: Vec<(Phase, u64)>,
    /// What the cuts left, in the order of the operations.
    pub torn: Vec<Torn>,
    /// Instructions that it took.
    pub instructions: u64,
}

impl Reference {
    /// Runs it, and forks it at each operation for each of the tears that `tears` names for the
    /// operation of that number, in that place.
    ///
    /// # Errors
    /// If the story does not end as it should, or a cut does not fall.
    pub fn run<B: Bench>(
        stage: &Stage<B>,
        tears: impl FnMut(u64, Place) -> Vec<Tear>,
    ) -> Result<Self> {
        let shop = stage.shop.open_another()?;
        let mut board = stage.board.snapshot();
        shop.plug_in(&mut board);
        let first = match stage.story {
            Story::Good => "looking for an update",
            Story::Bad => "staged; resetting",
        };
        bench::until(&mut board, first, LIMIT)?;
        let mut run = Run {
            stage,
            shop,
            tears,
            asked: 0,
            done: 0,
            phases: Vec::new(),
            torn: Vec::new(),
            was_tried: false,
        };
        run.run_to_the_end(&mut board)?;
        run.end_download();
        let count = |phase| {
            let those = run.phases.iter().filter(|&&(of, _)| of == phase);
            (phase, those.count() as u64)
        };
        Ok(Self {
            operations: Phase::ALL.map(count).into(),
            torn: run.torn,
            instructions: board.instructions(),
        })
    }
}

/// A reference under way.
struct Run<'a, B: Bench, T> {
    stage: &'a Stage<B>,
    shop: Shop<B>,
    tears: T,
    asked: u64,
    /// Operations so far.
    done: u64,
    /// The phase of each operation, and whether it changed staging.
    phases: Vec<(Phase, bool)>,
    torn: Vec<Torn>,
    /// The new image was put on trial.
    was_tried: bool,
}

impl<B: Bench, T: FnMut(u64, Place) -> Vec<Tear>> Run<'_, B, T> {
    fn run_to_the_end(&mut self, board: &mut Board<B::Chip>) -> Result<()> {
        let end = board.instructions() + LIMIT;
        let mut before: Option<Board<B::Chip>> = None;
        let mut now = record::<B>(board.flash())?;
        while board.instructions() < end {
            let exit = board.run_to_flash_call(SLICE);
            if let Some(before) = before.take() {
                let operations = board.operations() - before.operations();
                let after = next::<B>(&now, &before, board)?;
                self.cut(&before, operations, &now, after.state)?;
                now = after;
                if self.was_tried && matches!(now.state, BootState::Confirmed(_)) {
                    return Ok(());
                }
                self.was_tried |= matches!(now.state, BootState::Trial(_));
            }
            match exit {
                Exit::FlashCall => before = Some(board.snapshot()),
                Exit::Limit | Exit::Reset(_) => {}
                exit => bail!("without a cut: {exit:?}\n{}", bench::log(board)),
            }
        }
        bail!("the story does not end:\n{}", bench::log(board))
    }

    /// Cuts each of the operations of the flash call that this board is about to make.
    fn cut(
        &mut self,
        before: &Board<B::Chip>,
        operations: u64,
        now: &Record,
        after: BootState,
    ) -> Result<()> {
        self.asked += self.shop.sent();
        let phase = Phase::of(self.stage.story, now.state, after)?;
        for nth in 1..=operations {
            let operation = self.done + nth;
            let place = Place::of(B::EXAMPLE, torn(before, nth, Tear::Before)?.interrupted());
            for tear in (self.tears)(operation, place) {
                let flash = torn(before, nth, tear)
                    .with_context(|| format!("operation {operation} of {}", self.stage.story))?;
                self.torn.push(Torn {
                    id: Id {
                        story: self.stage.story,
                        cut: Cut::new(operation, tear),
                    },
                    phase,
                    flash,
                    asked: self.asked,
                    starts: starts::<B>(now.state),
                    floor: now.floor,
                });
            }
            self.phases.push((phase, place.is_staging()));
        }
        self.done += operations;
        Ok(())
    }

    /// What comes after the last byte staged is the request.
    fn end_download(&mut self) {
        let Some(last) = self
            .phases
            .iter()
            .rposition(|&(phase, staging)| phase == Phase::Download && staging)
        else {
            return;
        };
        let later = self.phases.iter_mut().skip(last + 1);
        for (phase, _) in later.filter(|(phase, _)| *phase == Phase::Download) {
            *phase = Phase::Request;
        }
        for torn in &mut self.torn {
            let staged = torn.id.cut.operation > last as u64 + 1;
            if torn.phase == Phase::Download && staged {
                torn.phase = Phase::Request;
            }
        }
    }
}

/// The record after a flash call, which did not touch the journal as a rule.
fn next<B: Bench>(now: &Record, before: &Board<B::Chip>, after: &Board<B::Chip>) -> Result<Record> {
    let journal = B::EXAMPLE.product().map.layout().journal;
    let journal = journal.offset..journal.offset + journal.size;
    let mut changed = before.flash().differences(after.flash());
    if changed.any(|unit| journal.contains(&unit)) {
        record::<B>(after.flash())
    } else {
        Ok(*now)
    }
}

/// The flash after a cut in the `nth` operation of the call that the board is about to make.
fn torn<C: Chip>(before: &Board<C>, nth: u64, tear: Tear) -> Result<Flash> {
    let mut fork = before.snapshot();
    fork.cut_at(nth, tear);
    let exit = fork.run(OPERATION);
    ensure!(exit == Exit::PowerCut, "the power did not go, but {exit:?}");
    Ok(fork.flash().clone())
}

/// Starts of the new image that are on record, in a story without a cut.
fn starts<B: Bench>(state: BootState) -> u32 {
    let all = u32::from(B::EXAMPLE.product().trial.attempts);
    match state {
        BootState::Trial(trial) => all - u32::from(trial.attempts_left),
        BootState::Reverting(_) => all,
        _ => 0,
    }
}

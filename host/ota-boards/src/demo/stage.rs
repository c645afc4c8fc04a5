//! The board, the server, and an audience that sees what the board says.

use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use ota_bootloader::BootState;
use ota_cli::package::Package;
use ota_cli::screen::Screen;
use ota_emu::{Board, Exit};
use ota_sim::{Interrupted, Tear};

use crate::bench::{self, Bench};
use crate::firmware::Behaviour;
use crate::server::Shop;
use crate::state::{self, State};

/// Lines are shown after so many instructions.
const PORTION: u64 = 2_000_000;
/// More instructions than any step of the story takes.
const LIMIT: u64 = 3_000_000_000;

/// Everything that the story happens on.
pub(super) struct Stage<'a, B: Bench> {
    pub(super) screen: &'a mut Screen,
    pub(super) board: Board<B::Chip>,
    shop: Shop<B>,
    /// Lines of the log that were shown.
    shown: usize,
}

impl<'a, B: Bench> Stage<'a, B> {
    /// A board from the factory with this release, and a server within its reach.
    pub(super) fn set(screen: &'a mut Screen, first: &Package, version: &str) -> Result<Self> {
        let shop = Shop::open()?;
        let mut board = bench::board::<B>(first, version)?;
        shop.plug_in(&mut board);
        Ok(Self {
            screen,
            board,
            shop,
            shown: 0,
        })
    }

    /// What this application logs can be read.
    pub(super) fn knows(&mut self, version: &str, behaviour: Behaviour) -> Result<()> {
        bench::knows::<B>(&mut self.board, version, behaviour)
    }

    pub(super) fn publish(&self, package: &Package) -> Result<()> {
        self.shop.publish(package.as_bytes())
    }

    /// Parts of packages that were asked for since the last call.
    pub(super) fn asked(&self) -> Result<Vec<Range<u32>>> {
        self.shop.asked()
    }

    pub(super) fn state(&self) -> Result<State> {
        bench::state::<B>(&self.board)
    }

    /// Runs the board until it says this.
    pub(super) fn until(&mut self, text: &str) -> Result<()> {
        match self.run(text)? {
            Exit::Seen => Ok(()),
            exit => bail!("{text:?} was expected, and the run ended with {exit:?}"),
        }
    }

    fn run(&mut self, text: &str) -> Result<Exit> {
        let end = self.board.instructions() + LIMIT;
        loop {
            let exit = self.board.run_until(text, PORTION);
            for line in &self.board.logs()[self.shown..] {
                self.screen.device(&line.to_string())?;
            }
            self.shown = self.board.logs().len();
            if exit != Exit::Limit || self.board.instructions() > end {
                return Ok(exit);
            }
        }
    }

    /// The power goes in this flash operation, before the board says `text`: in this slot, or the
    /// other one, if that is being written too. Then it comes back.
    pub(super) fn cut(&mut self, cut: (u64, Tear), text: &str, slot: usize) -> Result<()> {
        let (operation, tear) = cut;
        self.board.cut_at(operation, tear);
        let exit = self.run(text)?;
        ensure!(exit == Exit::PowerCut, "no power cut, but {exit:?}");
        let (during, offset) = match self.board.flash().interrupted() {
            Interrupted::Program { offset, .. } => ("program", offset),
            Interrupted::Erase { offset } => ("erase", offset),
            torn => bail!("the cut tore {torn:?}"),
        };
        let slots = &B::EXAMPLE.product().map.layout().slots[slot..];
        let here = slots
            .iter()
            .any(|area| (area.offset..area.offset + area.size).contains(&offset));
        self.screen.check(
            &format!("power cut: it tore a {during} at {offset:#x}, in a slot"),
            here,
        )?;
        self.board.power_up();
        Ok(())
    }

    pub(super) fn is_in(&mut self, state: BootState) -> Result<()> {
        let is = self.state()?.record.state;
        self.screen
            .same(&format!("the journal says: {state:?}"), is, state)
    }

    /// This release runs and is confirmed; the slot that is executed holds it.
    pub(super) fn runs(&mut self, package: &Package) -> Result<()> {
        let version = package.manifest()?.version.to_string();
        let State {
            record,
            version: is,
        } = self.state()?;
        let confirmed = matches!(record.state, BootState::Confirmed(_));
        let start = state::running_at(B::EXAMPLE.product(), &record);
        let slot = self.board.flash().bytes().get(start as usize..);
        let slot = slot.context("the map reaches past the flash")?;
        let same = slot.starts_with(package.payload()?);
        self.screen.check(
            &format!("the board runs {version}, byte for byte"),
            confirmed && is.as_deref() == Some(&version) && same,
        )
    }
}

/// Bytes of all of them.
pub(super) fn bytes(asked: &[Range<u32>]) -> u32 {
    asked.iter().map(|part| part.end - part.start).sum()
}

//! `cargo xtask cuts`: the power goes at every flash operation of an update, on the firmware.

use std::time::Instant;

use anyhow::{Error, Result, ensure};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use ota_boards::cuts::sweep::{self, Audience, Cuts, Plan};
use ota_boards::cuts::{Id, Part, Story};
use ota_boards::esp32c3::Esp32c3;
use ota_boards::rp2040::Rp2040;
use ota_boards::stm32::Stm32;

/// The power goes at every flash operation of an update, on the real firmware
#[derive(Args)]
pub(crate) struct Arguments {
    /// The board
    board: Board,
    /// What the order of the tears and the random ones are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Every tear at every operation, not one
    #[arg(long, conflicts_with_all = ["only", "part", "sample"])]
    all_tears: bool,
    /// Where many operations program a page of a slot, at three of these, which take turns
    #[arg(long, conflicts_with_all = ["all_tears", "only", "part", "sample"])]
    in_turn: bool,
    /// This cut alone: good:17:mixed, as it stands in front of a failure
    #[arg(long, value_name = "ID", conflicts_with = "sample")]
    only: Option<Id>,
    /// These operations alone: good:100-131
    #[arg(long, value_name = "PART", conflicts_with_all = ["only", "sample"])]
    part: Option<Part>,
    /// So many cuts in each phase, not all of them
    #[arg(long, value_name = "COUNT")]
    sample: Option<usize>,
}

/// The boards.
#[derive(Clone, Copy, ValueEnum)]
enum Board {
    /// A W5500-EVB-Pico with the example firmware
    Rp2040,
    /// A NUCLEO-L476RG with the example firmware
    Stm32,
    /// An ESP32-C3 with the example firmware
    Esp32c3,
}

/// Runs it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let cuts = if let Some(id) = arguments.only {
        Cuts::Only(id)
    } else if let Some(part) = arguments.part {
        Cuts::Part(part)
    } else if let Some(count) = arguments.sample {
        Cuts::Sample(count)
    } else if arguments.in_turn {
        Cuts::InTurn
    } else if arguments.all_tears {
        Cuts::EachTear
    } else {
        Cuts::EachOperation
    };
    let seed = arguments.seed;
    let alone = arguments.only.is_some();
    let start = Instant::now();
    let screen = Screen::new(alone)?;
    let plan = Plan { cuts, seed };
    let (name, outcome) = match arguments.board {
        Board::Rp2040 => ("rp2040", sweep::run::<Rp2040>(plan, &screen)?),
        Board::Stm32 => ("stm32", sweep::run::<Stm32>(plan, &screen)?),
        Board::Esp32c3 => ("esp32c3", sweep::run::<Esp32c3>(plan, &screen)?),
    };
    screen.bar.finish_and_clear();
    println!("{outcome}, seed {seed}, {} s", start.elapsed().as_secs());
    ensure!(
        outcome.failures.is_empty(),
        "replay a failure with `cargo xtask cuts {name} --only ID`"
    );
    Ok(())
}

/// Without a terminal, progress is a line now and then.
const EVERY: usize = 100;

struct Screen {
    bar: ProgressBar,
    /// One cut alone: its whole log is wanted.
    alone: bool,
}

impl Screen {
    fn new(alone: bool) -> Result<Self> {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")?;
        let bar = ProgressBar::no_length().with_style(style);
        Ok(Self { bar, alone })
    }
}

impl Audience for &Screen {
    fn failed(&self, id: Id, error: &Error) {
        self.bar.suspend(|| {
            if self.alone {
                eprintln!("{id}: {error:?}");
            } else {
                eprintln!("{id}: {}", error.root_cause());
            }
        });
    }

    fn done(&self, story: Story, cuts: usize, of: usize) {
        if self.bar.is_hidden() && cuts.is_multiple_of(EVERY) {
            eprintln!("{story}: {cuts} of {of} cuts");
        }
        self.bar.set_message(story.to_string());
        self.bar.set_length(of as u64);
        self.bar.set_position(cuts as u64);
    }
}

//! `cargo xtask cuts`: the power goes at every flash operation of an update, on the firmware.

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use ota_boards::cuts::sweep::{self, Cuts, Plan};
use ota_boards::cuts::{Id, Part};
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
}

/// Runs it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let cuts = if let Some(id) = arguments.only {
        Cuts::Only(id)
    } else if let Some(part) = arguments.part {
        Cuts::Part(part)
    } else if let Some(count) = arguments.sample {
        Cuts::Sample(count)
    } else if arguments.all_tears {
        Cuts::EachTear
    } else {
        Cuts::EachOperation
    };
    let seed = arguments.seed;
    let alone = arguments.only.is_some();
    let start = Instant::now();
    let report = |id: Id, error: &anyhow::Error| {
        if alone {
            eprintln!("{id}: {error:?}");
        } else {
            eprintln!("{id}: {}", error.root_cause());
        }
    };
    let plan = Plan { cuts, seed };
    let (name, outcome) = match arguments.board {
        Board::Rp2040 => ("rp2040", sweep::run::<Rp2040>(plan, report)?),
        Board::Stm32 => ("stm32", sweep::run::<Stm32>(plan, report)?),
    };
    println!("{outcome}, seed {seed}, {} s", start.elapsed().as_secs());
    ensure!(
        outcome.failures.is_empty(),
        "replay a failure with `cargo xtask cuts {name} --only ID`"
    );
    Ok(())
}

//! What takes longer than a test run, or writes tables into the documentation.

mod bugs;
mod chips;
mod cuts;
mod firmware;
mod no_panic;
mod prove;
mod sizes;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// One variant, one module.
#[derive(Subcommand)]
enum Task {
    Bugs(bugs::Bugs),
    Prove(prove::Prove),
    /// What a bootloader takes, for each target; fails above 32 KiB.
    Sizes(sizes::Arguments),
    /// No panic path of the core crates is left in what runs on a device.
    NoPanic,
    Cuts(cuts::Arguments),
    Chips(chips::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Bugs(arguments) => bugs::run(&arguments),
        Task::Prove(arguments) => prove::run(&arguments),
        Task::Sizes(arguments) => sizes::run(&arguments),
        Task::NoPanic => no_panic::run(),
        Task::Cuts(arguments) => cuts::run(&arguments),
        Task::Chips(arguments) => chips::run(&arguments),
    }
}

//! What takes longer than a test run, or writes tables into the documentation.

mod prove;

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
    Prove(prove::Prove),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Prove(arguments) => prove::run(&arguments),
    }
}

//! `cargo xtask prove`: the whole of what tests only sample.

use std::fmt::Write as _;
use std::path::Path;
use std::thread::available_parallelism;

use anyhow::{Context as _, bail};
use ota_bootloader::Strategy;
use ota_proof::faults::{self, Promise};
use ota_proof::states::{self, Shape};
use ota_proof::sweep::{self, Extent, Row};

/// Where the table goes.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/power-loss.md");
const BEGIN: &str = "<!-- begin: cargo xtask prove --write -->\n";
const END: &str = "<!-- end: cargo xtask prove --write -->\n";

/// Cuts the power everywhere, once, twice and more often, lives with every fault, and searches all
/// states.
#[derive(clap::Args)]
pub(crate) struct Prove {
    /// One of N first cuts, and one of N second cuts behind each
    #[arg(long, default_value_t = 1, value_name = "N")]
    sample: u64,
    /// Draws samples, random tears and the tears of second cuts
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only configurations whose name contains TEXT
    #[arg(long, default_value = "", value_name = "TEXT")]
    matching: String,
    /// Only the cuts, or the fault, that ID names
    #[arg(long, value_name = "ID", conflicts_with_all = ["sample", "matching", "write"])]
    only: Option<String>,
    /// Write the table to docs/power-loss.md
    #[arg(long, conflicts_with = "matching")]
    write: bool,
}

pub(crate) fn run(arguments: &Prove) -> anyhow::Result<()> {
    if let Some(id) = &arguments.only {
        return replay(id);
    }
    let extent = Extent {
        firsts: arguments.sample,
        seconds: arguments.sample,
        seed: arguments.seed,
    };
    let threads = available_parallelism().map_or(1, Into::into);
    let rows = sweep::run(
        extent,
        threads,
        |configuration| configuration.name.contains(&arguments.matching),
        |done, of| {
            if done % 50 == 0 || done == of {
                eprintln!("{done} of {of}");
            }
        },
    );
    let mut table = table(&rows, arguments);
    let mut failures = live(extent, threads, arguments, &mut table);
    if arguments.matching.is_empty() {
        failures += search(arguments.sample > 1, threads, &mut table);
    }
    print!("{table}");
    for (id, broken) in rows.iter().flat_map(|row| &row.failures) {
        println!("cargo xtask prove --only {id}\n    {broken}");
        failures += 1;
    }
    if arguments.write {
        write(&table)?;
    }
    if failures > 0 {
        bail!("{failures} promises are broken");
    }
    Ok(())
}

/// One cut, some cuts or one fault again.
fn replay(id: &str) -> anyhow::Result<()> {
    let broken = if faults::is_id(id) {
        let broken = faults::replay(id).map_err(anyhow::Error::msg)?;
        let lines = broken
            .iter()
            .map(|broken| format!("{}: {}", broken.promise.name(), broken.how));
        lines.collect::<Vec<_>>().join("\n")
    } else {
        sweep::replay(id).err().unwrap_or_default()
    };
    if broken.is_empty() {
        println!("{id}: no promise is broken");
        Ok(())
    } else {
        bail!("{id}: {broken}")
    }
}

/// The lives with faults, into the table; how many broke what holds under their fault.
fn live(extent: Extent, threads: usize, arguments: &Prove, table: &mut String) -> usize {
    let rows = faults::run(
        extent,
        threads,
        |configuration| configuration.name.contains(&arguments.matching),
        |done, of| {
            if done % 20 == 0 || done == of {
                eprintln!("faults: {done} of {of}");
            }
        },
    );
    let names = Promise::ALL.map(Promise::name).join(" | ");
    let _ = writeln!(table, "\n| fault | lives | {names} |");
    let _ = writeln!(table, "|---|---:|{}", "---:|".repeat(Promise::ALL.len()));
    for row in &rows {
        let cells = Promise::ALL.into_iter().zip(row.broken);
        let cells: Vec<_> = cells
            .map(
                |(promise, broken)| match (promise.holds(row.kind), broken) {
                    (true, 0) => "holds".to_owned(),
                    (true, broken) => format!("**broken {broken} times**"),
                    (false, broken) => format!("not in {broken}"),
                },
            )
            .collect();
        let (name, cells) = (row.kind.name(), cells.join(" | "));
        let _ = writeln!(table, "| {name} | {} | {cells} |", row.lives);
    }
    for (id, how) in rows.iter().flat_map(|row| &row.failures) {
        println!("cargo xtask prove --only {id}\n    {how}");
    }
    rows.iter().map(|row| row.failures.len()).sum()
}

/// The search of all states, into the table; how many promises it found broken.
fn search(sample: bool, threads: usize, table: &mut String) -> usize {
    let sampled = || {
        [Strategy::Swap, Strategy::Ab].map(|strategy| {
            let (extent, shape) = (
                states::Extent::Sample,
                Shape {
                    strategy,
                    unit: 1024,
                },
            );
            (extent, shape, states::search(extent, shape, threads))
        })
    };
    let searches: Vec<_> = if sample {
        sampled().into()
    } else {
        states::whole(threads).collect()
    };
    table.push_str("\n| search of states | states | edges | cuts | failures |\n");
    table.push_str("|---|---:|---:|---:|---:|\n");
    let mut broken = 0;
    for (extent, Shape { strategy, unit }, report) in searches {
        let failures = report.failures.len();
        let _ = writeln!(
            table,
            "| {extent:?}, {strategy:?}, units of {unit} | {} | {} | {} | {failures} |",
            report.states, report.edges, report.cuts
        );
        for failure in &report.failures {
            println!("{failure}");
        }
        broken += failures;
    }
    broken
}

/// Markdown, one line a configuration.
fn table(rows: &[Row], arguments: &Prove) -> String {
    let Prove { sample, seed, .. } = arguments;
    let extent = match sample {
        1 => "the whole".to_owned(),
        of => format!("a sample of one in {of}"),
    };
    let mut table = format!("Seed {seed}, {extent}.\n\n");
    table.push_str(
        "| configuration | operations | cuts | pairs of cuts | three or four | failures |\n",
    );
    table.push_str("|---|---:|---:|---:|---:|---:|\n");
    let mut sums = (0, 0, 0, 0, 0);
    for row in rows {
        let failures = row.failures.len();
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} | {} | {failures} |",
            row.name, row.operations, row.cuts, row.pairs, row.chains
        );
        sums.0 += row.operations;
        sums.1 += row.cuts;
        sums.2 += row.pairs;
        sums.3 += row.chains;
        sums.4 += failures;
    }
    let (operations, cuts, pairs, chains, failures) = sums;
    let _ = writeln!(
        table,
        "| all | {operations} | {cuts} | {pairs} | {chains} | {failures} |"
    );
    table
}

/// Puts the table between its markers.
fn write(table: &str) -> anyhow::Result<()> {
    let path = Path::new(PAGE);
    let page = std::fs::read_to_string(path).context("docs/power-loss.md")?;
    let (before, rest) = page.split_once(BEGIN).context("no place for the table")?;
    let (_, after) = rest.split_once(END).context("no end of the table")?;
    std::fs::write(path, format!("{before}{BEGIN}\n{table}\n{END}{after}"))?;
    Ok(())
}

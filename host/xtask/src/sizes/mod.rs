//! `cargo xtask sizes`: what a bootloader takes, for each target.

mod owners;

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail, ensure};

use crate::firmware::{ESP32C3, Program, RP2040, STM32, TARGETS, root, sizes};

/// The most that a bootloader may take.
const LIMIT: u64 = 32 * 1024;
/// The most that the STM32 example's may.
const STM32_LIMIT: u64 = 28 * 1024;
/// The most that the core with both strategies may take, for a target without compact code.
const CORE_LIMIT: u64 = 36 * 1024;
/// Per cent by which the table in the documentation may be off.
const TOLERANCE: u64 = 2;
const PAGE: &str = "docs/sizes.md";
const BEGIN: &str = "<!-- made by `cargo xtask sizes --write` -->\n";
const END: &str = "<!-- end -->\n";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write the table into docs/sizes.md, instead of comparing it with what stands there.
    #[arg(long)]
    write: bool,
    /// Show what takes the RP2040 bootloader's flash, crate by crate.
    #[arg(long)]
    crates: bool,
}

struct Row {
    name: &'static str,
    target: &'static str,
    flash: u64,
    ram: u64,
    limit: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut rows = Vec::new();
    let core = Program::bare("bootloader");
    for target in TARGETS {
        rows.push(measure(core, "core", target, CORE_LIMIT)?);
    }
    rows.push(measure(RP2040, "RP2040 example", TARGETS[0], LIMIT)?);
    let name = "NUCLEO-L476RG bootloader";
    rows.push(measure(STM32, name, TARGETS[1], STM32_LIMIT)?);
    rows.push(measure(ESP32C3, "ESP32-C3 bootloader", TARGETS[2], LIMIT)?);
    let table = table(&rows);
    print!("{table}");
    if arguments.crates {
        owners::print(&RP2040.build(TARGETS[0])?)?;
    }
    for row in &rows {
        let Row {
            name,
            target,
            limit,
            ..
        } = row;
        ensure!(row.flash <= *limit, "{name} for {target} is above {limit}");
    }
    let page = root().join(PAGE);
    let text = std::fs::read_to_string(&page).context(PAGE)?;
    let (head, old, tail) = split(&text)?;
    if arguments.write {
        return Ok(std::fs::write(page, [head, &table, tail].concat())?);
    }
    compare(&numbers(old), &numbers(&table))
}

fn measure(program: Program, name: &'static str, target: &'static str, limit: u64) -> Result<Row> {
    let bytes = std::fs::read(program.build(target)?)?;
    let (flash, ram) = sizes(&object::File::parse(&*bytes)?);
    Ok(Row {
        name,
        target,
        flash,
        ram,
        limit,
    })
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from("| program | target | flash | static RAM |\n|---|---|---|---|\n");
    for row in rows {
        let Row {
            name,
            target,
            flash,
            ram,
            ..
        } = row;
        let _ = writeln!(table, "| {name} | `{target}` | {flash} | {ram} |");
    }
    table
}

/// The page before the table, the table, and the page after it.
fn split(page: &str) -> Result<(&str, &str, &str)> {
    let marks = page.split_once(BEGIN).zip(page.split_once(END));
    let ((head, rest), (_, tail)) = marks.with_context(|| format!("{PAGE} has no marks"))?;
    let old = &rest[..rest.len() - tail.len() - END.len()];
    let (head, tail) = (
        &page[..head.len() + BEGIN.len()],
        &page[page.len() - tail.len() - END.len()..],
    );
    Ok((head, old, tail))
}

/// The sizes that stand in a table.
fn numbers(table: &str) -> Vec<u64> {
    let cells = table.split('|').map(str::trim);
    cells.filter_map(|cell| cell.parse().ok()).collect()
}

fn compare(old: &[u64], new: &[u64]) -> Result<()> {
    let near = |(old, new): (&u64, &u64)| old.abs_diff(*new) * 100 <= *new * TOLERANCE;
    if old.len() != new.len() || !old.iter().zip(new).all(near) {
        bail!("{PAGE} is out of date: `cargo xtask sizes --write` brings it up to date");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_be_off_by_two_per_cent_and_no_more() {
        assert!(compare(&[1000, 0], &[1020, 0]).is_ok());
        assert!(compare(&[1000, 0], &[1021, 0]).is_err());
        assert!(compare(&[1000, 1], &[1000, 0]).is_err());
        assert!(compare(&[1000], &[1000, 0]).is_err());
    }

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let page = format!("head\n{BEGIN}| a | 1 |\n{END}tail\n");
        let (head, old, tail) = split(&page).expect("marks");
        assert_eq!(
            (head, tail),
            (&*format!("head\n{BEGIN}"), &*format!("{END}tail\n"))
        );
        assert_eq!(numbers(old), [1]);
        assert!(split("no marks").is_err());
    }
}

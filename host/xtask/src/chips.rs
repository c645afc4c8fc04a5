//! `cargo xtask chips`: the STM32 adapter for a chip of each family, clippy's warnings denied.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::firmware::root;

/// Cortex-M0+, M4 and M7, M33.
const V6M: &str = "thumbv6m-none-eabi";
const V7EM: &str = "thumbv7em-none-eabihf";
const V8M: &str = "thumbv8m.main-none-eabihf";

/// A chip, and how the adapter is built for it.
struct Chip {
    /// As `embassy-stm32` names it.
    name: &'static str,
    target: &'static str,
    /// Of `ota-stm32`.
    features: &'static str,
    /// Whether the short run has it, which is a part of `.ci/run`: one chip each of the drivers that
    /// are least like that of the examples' chip, which `.ci/firmware` has.
    short: bool,
}

const fn chip(name: &'static str, target: &'static str, features: &'static str) -> Chip {
    Chip {
        name,
        target,
        features,
        short: false,
    }
}

const fn short(chip: Chip) -> Chip {
    Chip {
        short: true,
        ..chip
    }
}

/// One chip of each family or more; with `hash` where it has that peripheral.
const CHIPS: [Chip; 10] = [
    short(chip("stm32f407vg", V7EM, "f4")),
    chip("stm32f429zi", V7EM, "f4"),
    chip("stm32g0b1re", V6M, "g0,embassy-stm32/dual-bank"),
    chip("stm32g474re", V7EM, "g4,embassy-stm32/dual-bank"),
    short(chip("stm32h563zi", V8M, "h5,hash")),
    chip("stm32h753zi", V7EM, "h7,hash"),
    chip("stm32l476rg", V7EM, "l4"),
    chip("stm32l4a6zg", V7EM, "l4,hash"),
    chip("stm32u575zi", V8M, "u5,hash"),
    chip("stm32wb55rg", V7EM, "wb"),
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these: names of chips, or the beginnings of some.
    chips: Vec<String>,
    /// Only one chip each of the drivers that are least like that of the examples.
    #[arg(long, conflicts_with = "chips")]
    short: bool,
}

impl Arguments {
    fn want(&self, chip: &Chip) -> bool {
        let named = |name: &String| chip.name.starts_with(name.as_str());
        (chip.short || !self.short) && (self.chips.is_empty() || self.chips.iter().any(named))
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let chips: Vec<_> = CHIPS.iter().filter(|chip| arguments.want(chip)).collect();
    ensure!(!chips.is_empty(), "no such chip");
    for chip in chips {
        let begin = Instant::now();
        check(chip)?;
        println!("{}: built, {} s", chip.name, begin.elapsed().as_secs());
    }
    Ok(())
}

fn check(chip: &Chip) -> Result<()> {
    let features = format!("{},embassy-stm32/{}", chip.features, chip.name);
    ota_targets::ensure(&[chip.target], &root())?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root())
        .args(["clippy", "--quiet", "--locked", "-p", "ota-stm32"])
        .args(["--target", chip.target, "--features", &features])
        .args(["--", "-D", "warnings"])
        .env("CARGO_TARGET_DIR", root().join("target/chips"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .context("cargo does not start")?;
    ensure!(status.success(), "{} cannot be built", chip.name);
    Ok(())
}

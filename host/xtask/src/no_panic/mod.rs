//! `cargo xtask no-panic`: no panic path of the core crates is left in what runs on a device.
//!
//! `checks/bare-metal` calls what the core crates offer, and does not link if one is left. The
//! RP2040 bootloader holds code of others, too, some of which can panic: there, whose line calls
//! into the panic machinery is looked up.

mod callers;
mod thumb;

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use crate::firmware::{Program, RP2040, TARGETS};

/// What the panic handler of `checks/bare-metal` needs, and nobody has.
const MISSING: &str = "a_panic_path_is_left";
/// Where `checks/bare-metal` panics if it is asked to.
const PLANTED: &str = "src/bin/no-panic/main.rs";
/// Folders of which no line may panic.
const OURS: [&str; 5] = [
    "ota-image/",
    "ota-bootloader/",
    "ota-client/",
    "adapters/small-crypto/",
    "adapters/rp2040/",
];

pub(crate) fn run() -> Result<()> {
    let program = Program::bare("no-panic");
    let planted = program.try_build(TARGETS[0], &["--features", "planted-panic"])?;
    let said = String::from_utf8_lossy(&planted.stderr);
    ensure!(
        !planted.status.success() && said.contains(MISSING),
        "a planted panic was not noticed:\n{said}"
    );
    let linked = program.build_with(TARGETS[0], &["--features", "linked-panic"])?;
    let callers = callers::of_panics(&linked)?;
    ensure!(
        callers.len() == 1 && callers[0].ends_with(PLANTED),
        "the caller of a planted panic was not found: {callers:?}"
    );
    println!("a planted panic does not link, and if it does, its caller is found");
    for target in TARGETS {
        program.build(target)?;
        println!("{target}: the core crates link without a panic path");
    }
    look_at(&RP2040.build(TARGETS[0])?)
}

fn look_at(path: &std::path::Path) -> Result<()> {
    let mut folders = BTreeMap::<String, u32>::new();
    for caller in callers::of_panics(path)? {
        if OURS.iter().any(|folder| caller.contains(folder)) {
            bail!("{}: panics at {caller}", RP2040.name);
        }
        let folder = caller
            .rsplit_once("/src/")
            .map_or(&*caller, |(path, _)| path);
        let name = folder.rsplit('/').next().unwrap_or(folder);
        *folders.entry(name.to_owned()).or_default() += 1;
    }
    println!("{}: panic paths, none of them ours:", RP2040.name);
    for (folder, count) in folders {
        println!("{count:8} {folder}");
    }
    Ok(())
}

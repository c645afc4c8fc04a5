//! What takes the flash of a program, crate by crate. Code that was inlined counts where it is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use object::{Object as _, ObjectSymbol as _};

use crate::firmware::{sizes, use_of};

pub(super) fn print(path: &Path) -> Result<()> {
    let bytes = std::fs::read(path)?;
    let file = object::File::parse(&*bytes)?;
    let mut crates = BTreeMap::<String, u64>::new();
    for symbol in file.symbols().filter(|symbol| symbol.size() > 0) {
        let Some(index) = symbol.section_index() else {
            continue;
        };
        if use_of(&file.section_by_index(index)?).in_flash {
            *crates.entry(owner(symbol.name()?)).or_default() += symbol.size();
        }
    }
    let counted: u64 = crates.values().sum();
    let constants = sizes(&file).0.saturating_sub(counted);
    crates.insert("(constants without a name)".into(), constants);
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    for (name, size) in crates.iter().filter(|(_, size)| *size >= 64) {
        println!("{size:8} {name}");
    }
    Ok(())
}

/// The crate of a mangled name; of an implementation, that of the type.
fn owner(symbol: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    let path = name.trim_start_matches(['_', '<', '&', '*']);
    let path = path.strip_prefix("mut ").unwrap_or(path);
    match path.split_once("::") {
        Some((owner, _)) => owner.trim_start_matches('<').to_owned(),
        None => "compiler and runtime".to_owned(),
    }
}

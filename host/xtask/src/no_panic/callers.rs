//! Whose lines call into the panic machinery of a program.

use std::collections::BTreeSet;
use std::path::Path;

use addr2line::Loader;
use anyhow::{Context as _, Result, anyhow, ensure};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

use super::thumb::destination;

struct Function {
    name: String,
    address: u64,
    /// Where it calls, and what.
    calls: Vec<(u64, u64)>,
}

/// The files of those lines, one for each call.
pub(super) fn of_panics(path: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(path)?;
    let functions = functions(&object::File::parse(&*bytes)?)?;
    let machinery = machinery(&functions);
    ensure!(!machinery.is_empty(), "no panic handler was found");
    let loader = Loader::new(path).map_err(|error| anyhow!("{error}"))?;
    let outside = functions
        .iter()
        .filter(|function| !machinery.contains(&function.address));
    let mut callers = Vec::new();
    for (at, callee) in outside.flat_map(|function| &function.calls) {
        if machinery.contains(callee) {
            callers.push(file_of(&loader, *at)?);
        }
    }
    Ok(callers)
}

/// The handler, and what of `core` leads to it.
fn machinery(functions: &[Function]) -> BTreeSet<u64> {
    let is_core = |name: &str| name.trim_start_matches(['_', '<']).starts_with("core::");
    let mut found: BTreeSet<u64> = functions
        .iter()
        .filter(|f| f.name.contains("rust_begin_unwind") || f.name.contains("core::panicking::"))
        .map(|function| function.address)
        .collect();
    loop {
        let before = found.len();
        for function in functions.iter().filter(|function| is_core(&function.name)) {
            if function.calls.iter().any(|(_, to)| found.contains(to)) {
                found.insert(function.address);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn functions(file: &object::File<'_>) -> Result<Vec<Function>> {
    let mut functions = Vec::new();
    for symbol in file.symbols() {
        if symbol.kind() != SymbolKind::Text || symbol.size() == 0 {
            continue;
        }
        let index = symbol.section_index().context("a function is nowhere")?;
        let section = file.section_by_index(index)?;
        // Bit 0 says Thumb.
        let address = symbol.address() & !1;
        let code = section
            .data_range(address, symbol.size())?
            .context("a function without code")?;
        let places = (0..code.len()).step_by(2);
        let calls = places.filter_map(|at| {
            let from = address + at as u64;
            Some((from, destination(from, &code[at..])?))
        });
        functions.push(Function {
            name: format!("{:#}", rustc_demangle::demangle(symbol.name()?)),
            address,
            calls: calls.collect(),
        });
    }
    Ok(functions)
}

/// The file of the innermost line that is not of the Rust library.
fn file_of(loader: &Loader, address: u64) -> Result<String> {
    let mut frames = loader
        .find_frames(address)
        .map_err(|error| anyhow!("{error}"))?;
    let mut last = None;
    while let Some(frame) = frames.next().map_err(|error| anyhow!("{error}"))? {
        let Some(file) = frame.location.and_then(|location| location.file) else {
            continue;
        };
        last = Some(file.to_owned());
        if !file.contains("/rustc/") && !file.contains("/library/") {
            break;
        }
    }
    last.with_context(|| format!("{address:#x}: no line is known"))
}

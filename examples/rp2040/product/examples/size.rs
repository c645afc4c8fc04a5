//! How much flash a firmware takes, and what takes it.
//!
//! `cargo run --quiet -p rp2040-product --example size -- FIRMWARE.elf`

use std::collections::BTreeMap;
use std::error::Error;

use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("which ELF file?")?;
    let bytes = std::fs::read(path)?;
    let file = object::File::parse(&*bytes)?;

    let mut total = 0;
    for section in file
        .sections()
        .filter(|section| section.size() > 0 && is_in_flash(section))
    {
        println!("{:8} {}", section.size(), section.name()?);
        total += section.size();
    }
    println!("{total:8} bytes of flash\n\nby crate, inlined code with whom it serves:");

    let mut crates = BTreeMap::<String, u64>::new();
    let mut counted = 0;
    for symbol in file.symbols().filter(|symbol| symbol.size() > 0) {
        let section = symbol.section_index();
        let Some(Ok(section)) = section.map(|index| file.section_by_index(index)) else {
            continue;
        };
        if is_in_flash(&section) {
            counted += symbol.size();
            *crates.entry(owner(symbol.name()?)).or_default() += symbol.size();
        }
    }
    *crates
        .entry("(constants without a name)".into())
        .or_default() += total - counted.min(total);
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    for (name, size) in crates.iter().filter(|(_, size)| *size >= 64) {
        println!("{size:8} {name}");
    }
    Ok(())
}

/// Whether it is loaded into memory and has contents.
fn is_in_flash(section: &object::Section<'_, '_>) -> bool {
    let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
        return false;
    };
    sh_flags & elf::SHF_ALLOC == elf::SHF_ALLOC
        && section.kind() != object::SectionKind::UninitializedData
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

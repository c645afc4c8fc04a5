//! ELF files.

use anyhow::{Result, bail, ensure};
use object::elf::{EM_ARM, EM_RISCV, PT_LOAD};
use object::read::elf::{ElfFile32, FileHeader as _, ProgramHeader as _};

use super::Part;

/// Which of a segment's two addresses counts.
#[derive(Clone, Copy)]
pub(crate) enum Address {
    /// Where it is stored.
    Physical,
    /// Where it is when it runs.
    Virtual,
}

fn file(elf: &[u8]) -> Result<ElfFile32<'_>> {
    let Ok(file) = ElfFile32::parse(elf) else {
        bail!("not an ELF for a 32-bit chip, or a damaged one");
    };
    Ok(file)
}

/// Where an ELF for a RISC-V begins to run.
///
/// # Errors
/// If it is for another processor.
pub(crate) fn risc_v_entry(elf: &[u8]) -> Result<u32> {
    let file = file(elf)?;
    let (header, endian) = (file.elf_header(), file.endian());
    ensure!(
        header.e_machine(endian) == EM_RISCV,
        "the ELF is for another processor than the map's"
    );
    Ok(header.e_entry(endian))
}

/// Where an ELF for an ARM begins to run, by its own account; `None` if it is for another
/// processor.
pub(super) fn arm_entry(elf: &[u8]) -> Result<Option<u32>> {
    let file = file(elf)?;
    let (header, endian) = (file.elf_header(), file.endian());
    Ok((header.e_machine(endian) == EM_ARM).then(|| header.e_entry(endian)))
}

/// The segments that have bytes in the file.
pub(crate) fn parts(elf: &[u8], address: Address) -> Result<Vec<Part>> {
    let file = file(elf)?;
    let endian = file.endian();
    let mut parts = Vec::new();
    for header in file.elf_program_headers() {
        if header.p_type(endian) != PT_LOAD || header.p_filesz(endian) == 0 {
            continue;
        }
        let Ok(bytes) = header.data(endian, elf) else {
            bail!("the ELF is cut short: build it again");
        };
        parts.push(Part {
            address: match address {
                Address::Physical => header.p_paddr(endian),
                Address::Virtual => header.p_vaddr(endian),
            },
            bytes: bytes.to_vec(),
        });
    }
    ensure!(
        !parts.is_empty(),
        "the ELF has nothing to load: is it an object file?"
    );
    Ok(parts)
}

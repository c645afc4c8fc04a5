//! Firmware as compilers and linkers leave it: a flat `.bin`, or an `.elf`.
//!
//! [`esp32c3`] makes of an ELF what that chip takes.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use object::elf::{EM_RISCV, PT_LOAD};
use object::read::elf::{ElfFile32, FileHeader as _, ProgramHeader as _};
use ota_esp32c3::memory::Loader;

use crate::esp32c3;
use crate::files;
use crate::map::{ImageFormat, Map};

/// What flash holds where nothing was written, and so what fills the gaps of an ELF.
const FILL: u8 = 0xFF;
/// The longest image an ELF may make: more means that segments for RAM are among those for flash.
const MAX_SPAN: u64 = 32 * 1024 * 1024;

/// A firmware image as it will lie in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firmware {
    /// The bytes, from the load address on.
    pub bytes: Vec<u8>,
    /// The address of the first byte; a `.bin` does not say it.
    pub address: Option<u32>,
}

/// Which of a segment's two addresses counts.
#[derive(Clone, Copy)]
pub(crate) enum Address {
    /// Where it is stored.
    Physical,
    /// Where it is when it runs.
    Virtual,
}

/// Loadable bytes of an ELF and the address they go to.
pub(crate) struct Segment<'a> {
    pub(crate) address: u32,
    pub(crate) bytes: &'a [u8],
}

impl Segment<'_> {
    fn end(&self) -> u64 {
        u64::from(self.address) + self.bytes.len() as u64
    }
}

impl Firmware {
    /// Reads a file. What begins like an ELF is one, everything else is a flat image.
    ///
    /// # Errors
    /// If it cannot be read, is empty, or is an ELF that makes no image.
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse(files::read(path)?).with_context(|| path.display().to_string())
    }

    /// Reads a file, and makes it what this map's chip takes: see [`parse_for`](Self::parse_for).
    ///
    /// # Errors
    /// As [`load`](Self::load), and if the loader would not take the image.
    pub fn load_for(path: &Path, map: &Map, loader: Loader, address: u32) -> Result<Self> {
        let firmware = Self::parse_for(files::read(path)?, map, loader, address);
        firmware.with_context(|| path.display().to_string())
    }

    /// Makes what a firmware file contains into what this map's chip takes: an ELF becomes an image
    /// in the chip's own format, if it has one, and begins at `address`; an image in that format is
    /// checked.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and if the loader would not take the image.
    pub fn parse_for(bytes: Vec<u8>, map: &Map, loader: Loader, address: u32) -> Result<Self> {
        let ImageFormat::Esp32c3 = map.image_format else {
            return Self::parse(bytes);
        };
        let mut firmware = Self::parse(esp32c3::native(bytes, loader, map.flash.size)?)?;
        firmware.address = Some(address);
        Ok(firmware)
    }

    /// Reads what a firmware file contains.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        ensure!(!bytes.is_empty(), "the image is empty");
        if bytes.starts_with(&object::elf::ELFMAG) {
            flatten(&bytes)
        } else {
            Ok(Self {
                bytes,
                address: None,
            })
        }
    }

    /// The image as it lies from `address` on: an ELF that begins above it is filled up.
    ///
    /// # Errors
    /// If the ELF has bytes below `address`, or begins so far above that it is a mistake.
    pub fn at(mut self, address: u32) -> Result<Self> {
        let first = self.address.unwrap_or(address);
        let Some(gap) = first.checked_sub(address) else {
            bail!("the ELF begins at {first:#010x}, below the load address {address:#010x}");
        };
        ensure!(
            u64::from(gap) < MAX_SPAN,
            "the ELF begins at {first:#010x}, far above the load address {address:#010x}: \
             it is linked for another slot"
        );
        self.bytes
            .splice(0..0, std::iter::repeat_n(FILL, gap as usize));
        self.address = Some(address);
        Ok(self)
    }
}

fn flatten(elf: &[u8]) -> Result<Firmware> {
    let segments = segments(elf, Address::Physical)?;
    let first = segments.iter().map(|s| s.address).min();
    let first = first.context("the ELF has nothing to load: is it an object file?")?;
    let end = segments.iter().map(Segment::end).max().unwrap_or_default();
    let span = end - u64::from(first);
    ensure!(
        span <= MAX_SPAN,
        "the ELF's segments lie from {first:#010x} to {end:#010x}, {} MiB apart: \
         segments for RAM do not belong into flash (link them with a load address in flash)",
        span >> 20
    );
    let mut bytes = vec![FILL; usize::try_from(span)?];
    for segment in &segments {
        let start = (segment.address - first) as usize;
        // In bounds: the span reaches from the lowest address to the highest end.
        bytes[start..start + segment.bytes.len()].copy_from_slice(segment.bytes);
    }
    Ok(Firmware {
        bytes,
        address: Some(first),
    })
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

/// The segments that have bytes in the file, in order of their addresses.
pub(crate) fn segments(elf: &[u8], address: Address) -> Result<Vec<Segment<'_>>> {
    let file = file(elf)?;
    let endian = file.endian();
    let mut segments = Vec::new();
    for header in file.elf_program_headers() {
        if header.p_type(endian) != PT_LOAD || header.p_filesz(endian) == 0 {
            continue;
        }
        let Ok(bytes) = header.data(endian, elf) else {
            bail!("the ELF is cut short: build it again");
        };
        segments.push(Segment {
            address: match address {
                Address::Physical => header.p_paddr(endian),
                Address::Virtual => header.p_vaddr(endian),
            },
            bytes,
        });
    }
    segments.sort_by_key(|segment| segment.address);
    if segments
        .windows(2)
        .any(|pair| pair[0].end() > u64::from(pair[1].address))
    {
        bail!("the ELF's segments overlap at their load addresses: check the linker script");
    }
    Ok(segments)
}

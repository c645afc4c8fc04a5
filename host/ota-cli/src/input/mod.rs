//! Firmware as compilers and linkers leave it: a flat `.bin`, an `.elf`, or, if it is asked for, an
//! Intel HEX file.
//!
//! What a file is, is told by what it holds. With a map, the image is what lies in the slot, and it
//! must begin as the map's processor wants it. [`esp32c3`] makes of an ELF what that chip takes.

mod elf;
mod hex;
mod kind;
mod place;
mod select;
mod vectors;

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use ota_esp32c3::memory::Loader;

pub(crate) use elf::{Address, parts as elf_parts, risc_v_entry};
pub use kind::Kind;
pub(crate) use kind::check_payload;
pub(crate) use place::check_overlaps;
pub use select::{Area, Selection};

use crate::esp32c3;
use crate::files;
use crate::map::{ImageFormat, Map};

/// A firmware image as it will lie in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firmware {
    /// The bytes, from the load address on.
    pub bytes: Vec<u8>,
    /// The address of the first byte; a `.bin` does not say it.
    pub address: Option<u32>,
    /// What whoever packs it should know: what was left out, what looks wrong.
    pub remarks: Vec<String>,
}

/// What a file may be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A flat image
    Bin,
    /// An executable
    Elf,
    /// Intel HEX
    Hex,
}

/// How a file is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// As what; by default a flat image or an ELF, whichever it is.
    pub format: Option<Format>,
    /// Which of its bytes.
    pub selection: Selection,
}

/// Where an image is to lie.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The device's flash.
    pub map: &'a Map,
    /// Who loads it: the mask ROM a bootloader, the second stage an application.
    pub loader: Loader,
    /// The address of its first byte.
    pub address: u32,
}

/// Loadable bytes and the address they go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) address: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Part {
    fn end(&self) -> u64 {
        u64::from(self.address) + self.bytes.len() as u64
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#010x}..{:#010x}", self.address, self.end())
    }
}

/// The addresses of parts, for people.
fn list(parts: &[Part]) -> String {
    let all: Vec<_> = parts.iter().map(Part::to_string).collect();
    all.join(", ")
}

impl Firmware {
    /// Reads a file: see [`read`](Self::read).
    ///
    /// # Errors
    /// If it cannot be read, and as [`read`](Self::read).
    pub fn load(path: &Path, reading: &Reading, target: Option<&Target<'_>>) -> Result<Self> {
        Self::read(files::read(path)?, reading, target).with_context(|| path.display().to_string())
    }

    /// Reads what a firmware file contains, as what it is.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        Self::read(bytes, &Reading::default(), None)
    }

    /// Makes what a firmware file contains into what this map's chip takes.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse_for(bytes: Vec<u8>, map: &Map, loader: Loader, address: u32) -> Result<Self> {
        let target = Target {
            map,
            loader,
            address,
        };
        Self::read(bytes, &Reading::default(), Some(&target))
    }

    /// Makes what a firmware file contains into an image, and for a target into what its chip
    /// takes: of an ELF or HEX file, what lies in the slot, or an image in the chip's own format,
    /// if it has one. The image is checked as far as the map says what it is.
    ///
    /// # Errors
    /// If it is empty, another kind of file, for another place, or no program for the chip.
    pub fn read(bytes: Vec<u8>, reading: &Reading, target: Option<&Target<'_>>) -> Result<Self> {
        ensure!(!bytes.is_empty(), "the image is empty");
        let kind = Kind::of(&bytes);
        let format = format_of(kind, reading.format)?;
        let firmware = match target {
            Some(target) if target.map.image_format == ImageFormat::Esp32c3 => {
                native(bytes, format, reading, target)?
            }
            _ if format == Format::Bin => flat(bytes, kind, reading, target)?,
            _ => place::image(&bytes, format, &reading.selection, target)?,
        };
        check_payload(&firmware.bytes)?;
        Ok(firmware)
    }

    /// The image, which must be for `address`.
    ///
    /// # Errors
    /// If it begins elsewhere: nothing would be where the bootloader jumps to.
    pub fn at(mut self, address: u32) -> Result<Self> {
        let first = self.address.unwrap_or(address);
        ensure!(
            first == address,
            "the firmware begins at {first:#010x}, not at the load address {address:#010x}, which \
             is where the bootloader jumps to: link it to begin there, or leave out what is not for \
             the slot (--only, --skip)"
        );
        self.address = Some(address);
        Ok(self)
    }
}

/// What to read the file as.
fn format_of(kind: Kind, wanted: Option<Format>) -> Result<Format> {
    match (kind, wanted) {
        (Kind::Flat | Kind::Esp32c3, None | Some(Format::Bin)) => Ok(Format::Bin),
        (Kind::Elf, None | Some(Format::Elf)) => Ok(Format::Elf),
        (Kind::IntelHex, Some(Format::Hex)) => Ok(Format::Hex),
        (Kind::IntelHex, None) => {
            bail!("this is an Intel HEX file, not a flat image: if it is meant, give --format hex")
        }
        (Kind::Wrong(name), _) => {
            bail!("this is {name}, not firmware: give the .elf or .bin that the build made")
        }
        (kind, Some(wanted)) => bail!(
            "this is {}, not {}: check the file and --format",
            kind.name(),
            match wanted {
                Format::Bin => "a flat image",
                Format::Elf => "an ELF file",
                Format::Hex => "an Intel HEX file",
            }
        ),
    }
}

/// An image in the chip's own format.
fn native(
    bytes: Vec<u8>,
    format: Format,
    reading: &Reading,
    target: &Target<'_>,
) -> Result<Firmware> {
    let mut remarks = Vec::new();
    let bytes = match format {
        Format::Elf => {
            let parts = elf::parts(&bytes, Address::Virtual)?;
            let (parts, left) = reading.selection.apply(parts, None)?;
            remarks.extend(left.iter().map(place::left_out));
            esp32c3::image_of(&bytes, parts, target.loader, target.map.flash.size)?
        }
        Format::Bin => {
            no_selection(reading)?;
            esp32c3::check(&bytes, target.loader)?;
            bytes
        }
        Format::Hex => bail!(
            "an image for {} is made of an ELF, or comes as a .bin from espflash or esptool: give \
             one of these",
            target.map.name
        ),
    };
    Ok(Firmware {
        bytes,
        address: Some(target.address),
        remarks,
    })
}

/// An image that says nothing of itself. What looks wrong is a remark, because whoever made it
/// may know better.
fn flat(
    bytes: Vec<u8>,
    kind: Kind,
    reading: &Reading,
    target: Option<&Target<'_>>,
) -> Result<Firmware> {
    no_selection(reading)?;
    let mut remarks = Vec::new();
    if let Some(target) = target {
        ensure!(
            kind != Kind::Esp32c3,
            "this is {}, and the map is {}",
            kind.name(),
            target.map.name
        );
        if place::has_vectors(target)
            && let Err(reason) = vectors::check(&bytes, target.address, target.map.ram())
        {
            remarks.push(format!(
                "this does not look like an image for {}: {reason}",
                target.map.name
            ));
        }
    }
    Ok(Firmware {
        bytes,
        address: None,
        remarks,
    })
}

fn no_selection(reading: &Reading) -> Result<()> {
    ensure!(
        reading.selection.is_everything(),
        "a flat image does not say where its bytes belong: --only and --skip are for ELF and HEX \
         files"
    );
    Ok(())
}

//! Flash maps: what lies where on a chip's flash.
//!
//! A map is a TOML file, or the name of one that is built in: see `maps/` for the format.

mod check;
mod memory;

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use ota_bootloader::{Area, BOOT_FORMAT, Chip, FlashMap, Layout, MapError};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::package::Expected;

pub use memory::Memory;
pub(crate) use memory::any_ram;

/// The maps that are built in.
const BUILT_IN: [(&str, &str); 4] = [
    ("rp2040", include_str!("../../maps/rp2040.toml")),
    ("stm32l476", include_str!("../../maps/stm32l476.toml")),
    (
        "stm32l476-dual-bank",
        include_str!("../../maps/stm32l476-dual-bank.toml"),
    ),
    ("esp32c3", include_str!("../../maps/esp32c3.toml")),
];

/// A flash map. One that was parsed has been checked, by the bootloader's own code too: see
/// [`flash_map`](Self::flash_map).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// For people.
    pub name: String,
    /// How a staged image becomes the active one.
    pub strategy: Strategy,
    /// The unit of swapping, in bytes: a multiple of 1024 and of the erase size. The largest chunk
    /// that devices take is the largest power of two that divides it.
    pub step: u32,
    /// What an ELF is made into.
    #[serde(default, skip_serializing_if = "ImageFormat::is_flat")]
    pub image_format: ImageFormat,
    /// Where the slot that runs appears to the CPU, if not at its place in the flash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_address: Option<u32>,
    /// The processor's RAM, where the stack of an image has to be. By default where a Cortex-M has
    /// it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ram: Vec<Memory>,
    /// The flash.
    pub flash: FlashGeometry,
    /// What lies where.
    pub regions: Regions,
    /// For `.uf2` files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uf2: Option<Uf2>,
}

/// How a staged image becomes the active one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Code runs from slot 0: the slots' contents are exchanged, which takes two steps more in
    /// slot 1.
    Swap,
    /// Code runs from either slot: the slots take turns.
    Ab,
}

/// What lies in a slot, and in the bootloader's region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageFormat {
    /// The bytes as the processor sees them.
    #[default]
    Flat,
    /// The same for a Cortex-M, whose images begin with a vector table.
    CortexM,
    /// The format of the ESP32-C3's loaders.
    Esp32c3,
}

impl ImageFormat {
    fn is_flat(&self) -> bool {
        *self == Self::Flat
    }
}

/// What the flash can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FlashGeometry {
    /// The address of its first byte.
    pub base: u32,
    /// In bytes.
    pub size: u32,
    /// What an erased byte reads: 0xFF or 0x00.
    pub erased: u8,
    /// Bytes that are programmed at once: 1 to 32, a power of two.
    pub write_size: u32,
    /// Bytes that are erased at once.
    pub erase_size: u32,
}

/// The regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Regions {
    /// The bootloader: no update touches it.
    pub bootloader: Span,
    /// The journal: two erase units or more, three of less than 512 bytes.
    pub journal: Span,
    /// Envelope and digest table.
    pub bank0: Span,
    /// Envelope and digest table.
    pub bank1: Span,
    /// The active slot (`swap`), or the first (`ab`).
    pub slot0: Span,
    /// The staging slot (`swap`), or the second (`ab`).
    pub slot1: Span,
    /// The application's, if it has any: no update touches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Span>,
}

/// A part of the flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// From the flash's first byte.
    pub offset: u32,
    /// In bytes.
    pub size: u32,
}

/// What a `.uf2` file for this chip says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Uf2 {
    /// The family id, which the chip's loader compares with its own.
    pub family: u32,
}

impl Span {
    /// Offset of the first byte after it; 64 bits, because an unchecked span may reach anywhere.
    #[must_use]
    pub fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.size)
    }
}

impl Regions {
    /// Those that are there, with the names they have in the file.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let always = [
            ("bootloader", self.bootloader),
            ("journal", self.journal),
            ("bank0", self.bank0),
            ("bank1", self.bank1),
            ("slot0", self.slot0),
            ("slot1", self.slot1),
        ];
        always
            .into_iter()
            .chain(self.settings.map(|settings| ("settings", settings)))
    }
}

impl Map {
    /// Takes a built-in map by its name, or reads a file.
    ///
    /// # Errors
    /// If there is neither, or the file is no map, or one that cannot be.
    pub fn load(name_or_path: &Path) -> Result<Self> {
        let built_in = BUILT_IN
            .iter()
            .find(|(name, _)| Path::new(name) == name_or_path);
        if let Some((name, text)) = built_in {
            return Self::parse(text).context(*name);
        }
        let text = files::read_text(name_or_path).with_context(|| {
            let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            format!(
                "{} is no built-in map ({})",
                name_or_path.display(),
                names.join(", ")
            )
        })?;
        Self::parse(&text).with_context(|| name_or_path.display().to_string())
    }

    /// Reads a map from TOML and checks it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str) -> Result<Self> {
        let map: Self = toml::from_str(text).map_err(|error| located(text, &error))?;
        map.check()?;
        Ok(map)
    }

    /// The map as bootloader and client take it, checked by their code.
    ///
    /// # Errors
    /// None after [`parse`](Self::parse).
    pub fn flash_map(&self) -> Result<FlashMap, MapError> {
        let area = |span: Span| Area::internal(span.offset, span.size);
        let Regions {
            bootloader,
            journal,
            bank0,
            bank1,
            slot0,
            slot1,
            settings,
        } = self.regions;
        FlashMap::new(Layout {
            strategy: match self.strategy {
                Strategy::Swap => ota_bootloader::Strategy::Swap,
                Strategy::Ab => ota_bootloader::Strategy::Ab,
            },
            internal: Chip {
                size: self.flash.size,
                write_size: self.flash.write_size,
                erase_size: self.flash.erase_size,
                erased: self.flash.erased,
            },
            external: None,
            bootloader: area(bootloader),
            settings: area(settings.unwrap_or(Span { offset: 0, size: 0 })),
            journal: area(journal),
            banks: [area(bank0), area(bank1)],
            slots: [area(slot0), area(slot1)],
            step: self.step,
        })
    }

    /// The addresses that images for slot 0 and slot 1 are linked for: the same one where the
    /// running image always appears at the same place.
    #[must_use]
    pub fn load_addresses(&self) -> [u32; 2] {
        // A checked map ends below 4 GiB.
        let of = |slot: Span| self.flash.base.wrapping_add(slot.offset);
        match (self.load_address, self.strategy) {
            (Some(fixed), _) => [fixed; 2],
            (None, Strategy::Swap) => [of(self.regions.slot0); 2],
            (None, Strategy::Ab) => [of(self.regions.slot0), of(self.regions.slot1)],
        }
    }

    /// What this map says about a device, for checking releases.
    ///
    /// # Errors
    /// None after [`parse`](Self::parse).
    pub fn expected(&self) -> Result<Expected, MapError> {
        let map = self.flash_map()?;
        Ok(Expected {
            load_addresses: Some(self.load_addresses()),
            slot_size: Some(map.image_capacity()),
            bank_size: Some(self.regions.bank0.size.min(self.regions.bank1.size)),
            max_chunk_size: Some(map.largest_chunk()),
            boot_format: Some(BOOT_FORMAT),
            ..Expected::default()
        })
    }
}

/// TOML's own message spans lines; ours has one, with the line's number.
fn located(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let start = error.span().map(|span| span.start);
    let line = start
        .and_then(|at| text.get(..at))
        .map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => anyhow!("line {line}: {}", error.message()),
        None => anyhow!("{}", error.message()),
    }
}

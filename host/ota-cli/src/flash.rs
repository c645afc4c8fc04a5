//! Factory images: the flash of a device that has never been updated.

use std::ops::Range;

use anyhow::{Context as _, Result, ensure};

use crate::map::{Map, Span};
use crate::package::Package;
use crate::refusal::Refusal;

/// The contents of a whole flash, and which parts of it were written.
///
/// The bootloader, the payload in slot 0, envelope and digest table in bank 0; everything else is
/// erased. The journal is blank too: a bootloader that finds no record tries both banks, and
/// starts from the floor that is compiled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlashImage {
    map: Map,
    bytes: Vec<u8>,
    /// Offsets that hold data, ascending.
    written: Vec<Range<usize>>,
}

impl FlashImage {
    /// Puts a device's flash together.
    ///
    /// The package's signatures are not checked here: whoever makes factory images may do so
    /// before both keys have signed. Everything else that the device checks is.
    ///
    /// # Errors
    /// If the package is damaged, holds no firmware or is not for this map, or the bootloader does not fit.
    pub fn build(map: &Map, package: &Package, bootloader: Option<&[u8]>) -> Result<Self> {
        package.check_contents()?;
        package.check_kind()?;
        let manifest = package.manifest()?;
        let mut device = map.expected()?;
        // The factory's image runs from slot 0, so it must be linked for that one.
        device.load_addresses = device.load_addresses.map(|[first, _]| [first; 2]);
        manifest
            .check(&device.limits(&manifest))
            .map_err(Refusal::from)?;
        let mut image = Self::erased(map)?;
        if let Some(code) = bootloader {
            image.put("bootloader", map.regions.bootloader, code)?;
        }
        image.put("bank 0", map.regions.bank0, package.bank()?)?;
        image.put("slot 0", map.regions.slot0, package.payload()?)?;
        image.written.sort_by_key(|range| range.start);
        Ok(image)
    }

    /// A flash that holds nothing.
    fn erased(map: &Map) -> Result<Self> {
        let size = usize::try_from(map.flash.size)?;
        Ok(Self {
            map: map.clone(),
            bytes: vec![map.flash.erased; size],
            written: Vec::new(),
        })
    }

    fn put(&mut self, name: &str, span: Span, data: &[u8]) -> Result<()> {
        ensure!(
            data.len() <= span.size as usize,
            "{} bytes do not fit {name}, which has {}",
            data.len(),
            span.size
        );
        let range = span.offset as usize..span.offset as usize + data.len();
        let place = self
            .bytes
            .get_mut(range.clone())
            .context("the map reaches past the flash")?;
        place.copy_from_slice(data);
        self.written.push(range);
        Ok(())
    }

    /// The whole flash, from its first byte.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The map it was made for.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// What was written: the offset in the flash, and the bytes.
    pub fn written(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.written.iter().filter_map(|range| {
            Some((
                u32::try_from(range.start).ok()?,
                self.bytes.get(range.clone())?,
            ))
        })
    }

    /// The erase units, as offset and contents, that must be programmed or made blank on a chip
    /// that was in use before: those that hold data, and those in which an old journal or an old
    /// manifest would be believed.
    pub fn units(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let unit = self.map.flash.erase_size;
        let regions = self.map.regions;
        let units = (0_u32..).zip(self.bytes.chunks(unit as usize));
        units
            .map(move |(index, bytes)| (index * unit, bytes))
            .filter(move |(at, _)| {
                let within = |span: Span| *at >= span.offset && u64::from(*at) < span.end();
                let here = *at as usize..*at as usize + unit as usize;
                let holds = self
                    .written
                    .iter()
                    .any(|w| w.start < here.end && here.start < w.end);
                holds || within(regions.journal) || within(regions.bank1)
            })
    }
}

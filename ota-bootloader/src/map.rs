//! The flash map: where everything lies, checked when it is made.

use crate::journal::RECORD_SIZE;
use crate::storage::{Geometry, Index, Region};

/// Which flash an area is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The flash that the processor runs from.
    Internal,
    /// A second flash, for example SPI NOR.
    External,
}

/// A flash chip. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Size of the chip.
    pub size: u32,
    /// Write granularity: a power of two, 1 to 32, a multiple of the driver's.
    pub write_size: u32,
    /// Erase unit: a power of two, at least 128, a multiple of the driver's.
    pub erase_size: u32,
    /// What an erased byte reads as: 0xFF, or 0x00 on STM32 L0 and L1.
    pub erased: u8,
}

/// An area of a flash. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The flash it is on.
    pub device: Device,
    /// Start, from the beginning of that flash.
    pub offset: u32,
    /// Size.
    pub size: u32,
}

impl Area {
    /// An area of the internal flash.
    #[must_use]
    pub const fn internal(offset: u32, size: u32) -> Self {
        Self {
            device: Device::Internal,
            offset,
            size,
        }
    }

    /// An area of the external flash.
    #[must_use]
    pub const fn external(offset: u32, size: u32) -> Self {
        Self {
            device: Device::External,
            offset,
            size,
        }
    }
}

/// How a staged image becomes the active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Code runs from slot 0: the images change places, step by step. With feature `swap`, which is
    /// on by default.
    Swap,
    /// Code runs from either slot: nothing is copied.
    Ab,
}

/// What a product decides about its flash, once, for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Swap or A/B.
    pub strategy: Strategy,
    /// The flash that the processor runs from.
    pub internal: Chip,
    /// A second flash, if there is one.
    pub external: Option<Chip>,
    /// The bootloader, which nothing here ever writes.
    pub bootloader: Area,
    /// The application's settings, which no update touches. Size 0: none.
    pub settings: Area,
    /// The journal: [`smallest_journal`] or more.
    pub journal: Area,
    /// The two manifest banks: 1024 bytes of envelope and the digest table of the largest image.
    pub banks: [Area; 2],
    /// The two slots. With [`Strategy::Swap`] slot 1, the staging one, has two steps more than
    /// what an image may use of slot 0.
    pub slots: [Area; 2],
    /// The unit of swapping, and the largest chunk that is accepted, in bytes: a multiple of
    /// 1024 and of the erase units of both slots.
    pub step: u32,
}

/// Why a layout cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// A chip's write size is not a power of two from 1 to 32.
    WriteSize,
    /// A chip's erase unit is not a power of two of at least 128 bytes.
    EraseSize,
    /// An area is not aligned to erase units, or empty.
    Unaligned,
    /// An area does not fit its chip, or its chip is not there.
    OutOfChip,
    /// Two areas overlap.
    Overlap,
    /// The journal is smaller than [`smallest_journal`].
    JournalTooSmall,
    /// A bank cannot hold an envelope and one digest.
    BankTooSmall,
    /// The step is not a multiple of 1024 and of both slots' erase units.
    Step,
    /// Slot 1 has no room for two steps more than an image of one step.
    StagingTooSmall,
    /// [`Strategy::Swap`] without the feature `swap`.
    SwapNotBuilt,
}

impl core::fmt::Display for MapError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::WriteSize => "write size is not a power of two from 1 to 32",
            Self::EraseSize => "erase unit is not a power of two of at least 128 bytes",
            Self::Unaligned => "a region is empty or not aligned to erase units",
            Self::OutOfChip => "a region does not fit its flash",
            Self::Overlap => "two regions overlap",
            Self::JournalTooSmall => {
                "journal needs two erase units or more, three of less than 512 bytes"
            }
            Self::BankTooSmall => "a bank needs at least 2048 bytes",
            Self::Step => "step is not a multiple of 1024 and of the erase units of both slots",
            Self::StagingTooSmall => "staging slot needs two steps more than the image",
            Self::SwapNotBuilt => "swapping needs the feature `swap` of ota-bootloader",
        })
    }
}

impl core::error::Error for MapError {}

/// A checked layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashMap {
    layout: Layout,
    image_capacity: u32,
    id: u32,
}

/// Smallest erase unit supported: a journal record must fit one (STM32 L0).
const SMALLEST_UNIT: u32 = 128;
/// Smallest bank: the envelope and one kilobyte of table.
const SMALLEST_BANK: u32 = 2048;
/// Smallest journal of two units: each has to hold a record that a cut may have left to fade, the
/// place behind it that is skipped, and the record that is written again.
const SMALLEST_OF_TWO: u32 = 4 * RECORD_SIZE;
/// Largest chunk of the format.
const LARGEST_CHUNK: u32 = 16 * 1024;

/// The smallest journal on a chip with this erase unit, in bytes: two units, or three if they hold
/// less than four records. With less, a second cut in a row could hit the unit of the last good record
/// while the newer one, which the first cut tore, fades.
#[must_use]
pub const fn smallest_journal(erase_size: u32) -> u32 {
    erase_size.saturating_mul(if erase_size < SMALLEST_OF_TWO { 3 } else { 2 })
}

const fn check_chip(chip: &Chip) -> Result<(), MapError> {
    if !chip.write_size.is_power_of_two() || chip.write_size > 32 {
        return Err(MapError::WriteSize);
    }
    if chip.erase_size < SMALLEST_UNIT || !chip.erase_size.is_power_of_two() {
        return Err(MapError::EraseSize);
    }
    Ok(())
}

const fn check_area(layout: &Layout, area: &Area) -> Result<(), MapError> {
    let chip = match (area.device, &layout.external) {
        (Device::Internal, _) => &layout.internal,
        (Device::External, Some(chip)) => chip,
        (Device::External, None) => return Err(MapError::OutOfChip),
    };
    if area.size == 0
        || !area.offset.is_multiple_of(chip.erase_size)
        || !area.size.is_multiple_of(chip.erase_size)
    {
        return Err(MapError::Unaligned);
    }
    match area.offset.checked_add(area.size) {
        Some(end) if end <= chip.size => Ok(()),
        _ => Err(MapError::OutOfChip),
    }
}

const fn overlap(a: &Area, b: &Area) -> bool {
    // Called on areas that fit their chips: the sums do not wrap.
    a.size != 0
        && b.size != 0
        && a.device as u8 == b.device as u8
        && a.offset < b.offset.saturating_add(b.size)
        && b.offset < a.offset.saturating_add(a.size)
}

/// Checks the head of the list against all behind it, and then the rest.
const fn check_areas(layout: &Layout, areas: &[&Area]) -> Result<(), MapError> {
    let mut list = areas;
    while let [first, rest @ ..] = list {
        if let Err(error) = check_area(layout, first) {
            return Err(error);
        }
        let mut others = rest;
        while let [other, tail @ ..] = others {
            if overlap(first, other) {
                return Err(MapError::Overlap);
            }
            others = tail;
        }
        list = rest;
    }
    Ok(())
}

impl FlashMap {
    /// Checks a layout; in a `const` this happens at compile time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub const fn new(layout: Layout) -> Result<Self, MapError> {
        if let Err(error) = check_chip(&layout.internal) {
            return Err(error);
        }
        if let Some(chip) = &layout.external
            && let Err(error) = check_chip(chip)
        {
            return Err(error);
        }
        if matches!(layout.strategy, Strategy::Swap) && !cfg!(feature = "swap") {
            return Err(MapError::SwapNotBuilt);
        }
        let [bank0, bank1] = &layout.banks;
        let [slot0, slot1] = &layout.slots;
        let written = [&layout.journal, bank0, bank1, slot0, slot1];
        if let Err(error) = check_areas(&layout, &written) {
            return Err(error);
        }
        // The bootloader and the settings are not ours to align; they only must not be touched.
        let mut list: &[&Area] = &written;
        while let [area, rest @ ..] = list {
            if overlap(area, &layout.bootloader) || overlap(area, &layout.settings) {
                return Err(MapError::Overlap);
            }
            list = rest;
        }
        if overlap(&layout.bootloader, &layout.settings) {
            return Err(MapError::Overlap);
        }
        let map = Self {
            layout,
            image_capacity: capacity(&layout),
            id: 0,
        };
        match map.check_sizes() {
            Ok(()) => Ok(Self {
                id: map.compute_id(),
                ..map
            }),
            Err(error) => Err(error),
        }
    }

    const fn check_sizes(&self) -> Result<(), MapError> {
        let layout = &self.layout;
        let [bank0, bank1] = &layout.banks;
        let [slot0, slot1] = &layout.slots;
        let unit = self.chip(&layout.journal).erase_size;
        if layout.journal.size < smallest_journal(unit) {
            return Err(MapError::JournalTooSmall);
        }
        if bank0.size < SMALLEST_BANK || bank1.size < SMALLEST_BANK {
            return Err(MapError::BankTooSmall);
        }
        let step = layout.step;
        if step == 0
            || !step.is_multiple_of(1024)
            || !step.is_multiple_of(self.chip(slot0).erase_size)
            || !step.is_multiple_of(self.chip(slot1).erase_size)
        {
            return Err(MapError::Step);
        }
        if self.image_capacity() == 0 {
            return Err(MapError::StagingTooSmall);
        }
        Ok(())
    }

    const fn chip(&self, area: &Area) -> &Chip {
        match (area.device, &self.layout.external) {
            (Device::External, Some(chip)) => chip,
            (Device::External, None) | (Device::Internal, _) => &self.layout.internal,
        }
    }

    /// The layout.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Swap or A/B.
    #[must_use]
    pub const fn strategy(&self) -> Strategy {
        // So that the compiler sees what it can leave out.
        if cfg!(feature = "swap") {
            self.layout.strategy
        } else {
            Strategy::Ab
        }
    }

    /// The unit of swapping, in bytes.
    #[must_use]
    pub const fn step(&self) -> u32 {
        self.layout.step
    }

    /// The largest chunk that fits this map, in bytes: the largest power of two, 16 KiB at
    /// most, that divides the step.
    #[must_use]
    pub const fn largest_chunk(&self) -> u32 {
        let mut size = LARGEST_CHUNK;
        while !self.layout.step.is_multiple_of(size) {
            size /= 2;
        }
        size
    }

    /// The largest image, in bytes: whole steps that both slots can hold.
    #[must_use]
    pub const fn image_capacity(&self) -> u32 {
        self.image_capacity
    }

    /// Where a region lies.
    #[must_use]
    #[inline(never)] // 64 bytes.
    pub const fn area(&self, region: Region) -> Area {
        match region {
            Region::Journal => self.layout.journal,
            Region::Bank(index) => index.of(&self.layout.banks),
            Region::Slot(index) => index.of(&self.layout.slots),
        }
    }

    /// The geometry of a region.
    #[must_use]
    pub const fn geometry(&self, region: Region) -> Geometry {
        let area = self.area(region);
        let chip = self.chip(&area);
        Geometry {
            write_size: chip.write_size,
            erase_size: chip.erase_size,
            size: area.size,
            erased: chip.erased,
        }
    }

    pub(crate) fn uses_external(&self) -> bool {
        let [a, b] = [Index::Zero, Index::One];
        [
            Region::Journal,
            Region::Bank(a),
            Region::Bank(b),
            Region::Slot(a),
            Region::Slot(b),
        ]
        .iter()
        .any(|region| self.area(*region).device == Device::External)
    }

    /// Tells maps apart: FNV-1a (32 bits) over every number that the formats on flash depend
    /// on. Every journal record carries it, so that an application built for another map does
    /// not write into this one.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    const fn compute_id(&self) -> u32 {
        let layout = &self.layout;
        let [bank0, bank1] = &layout.banks;
        let [slot0, slot1] = &layout.slots;
        let mut hash = fnv(FNV_START, layout.step);
        hash = fnv(hash, layout.strategy as u32);
        let mut list: &[&Area] = &[&layout.journal, bank0, bank1, slot0, slot1];
        while let [area, rest @ ..] = list {
            let chip = self.chip(area);
            hash = fnv(hash, area.device as u32);
            hash = fnv(hash, area.offset);
            hash = fnv(hash, area.size);
            hash = fnv(hash, chip.write_size);
            hash = fnv(hash, chip.erase_size);
            hash = fnv(hash, chip.erased as u32);
            list = rest;
        }
        hash
    }
}

/// What [`FlashMap::image_capacity`] says.
const fn capacity(layout: &Layout) -> u32 {
    let [slot0, slot1] = &layout.slots;
    let second = match layout.strategy {
        Strategy::Swap => slot1.size.saturating_sub(layout.step.saturating_mul(2)),
        Strategy::Ab => slot1.size,
    };
    let smaller = if slot0.size < second {
        slot0.size
    } else {
        second
    };
    match smaller.checked_rem(layout.step) {
        Some(rest) => smaller - rest,
        None => 0,
    }
}

/// The offset basis that the authors of FNV-1a (Fowler, Noll, Vo) give for 32 bits.
pub(crate) const FNV_START: u32 = 0x811C_9DC5;
/// The prime that they give.
pub(crate) const FNV_PRIME: u32 = 0x0100_0193;

/// FNV-1a over the four bytes of a number, low byte first.
const fn fnv(hash: u32, number: u32) -> u32 {
    let mut hash = hash;
    let mut shift = 0;
    while shift < 32 {
        hash = (hash ^ ((number >> shift) & 0xFF)).wrapping_mul(FNV_PRIME);
        shift += 8;
    }
    hash
}

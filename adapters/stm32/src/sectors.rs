//! Flash whose sectors are of unlike sizes: each region of the map lies in sectors of one size.

use embedded_storage::nor_flash::NorFlash;
use ota_bootloader::{
    Area, Device, FlashError, FlashMap, Geometry, Index, Layout, Region, Storage, smallest_journal,
};

/// Sectors of one size that lie one behind the other. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Size of a sector.
    pub sector: u32,
    /// How many.
    pub count: u32,
}

/// Sectors of STM32F405, F407, F415 and F417 with 1 MiB of flash (RM0090, section 3.4, table 5).
pub const F407_SECTORS: [Run; 3] = [run(16, 4), run(64, 1), run(128, 7)];

/// Sectors of STM32F42x and F43x with 2 MiB of flash, two banks (RM0090, section 3.4, table 6).
pub const F429_SECTORS: [Run; 6] = [
    run(16, 4),
    run(64, 1),
    run(128, 7),
    run(16, 4),
    run(64, 1),
    run(128, 7),
];

const fn run(kib: u32, count: u32) -> Run {
    Run {
        sector: kib * 1024,
        count,
    }
}

/// Why a layout does not fit the sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorError {
    /// A region is not made of whole sectors of one size.
    NotWholeSectors,
    /// Both slots have to lie in sectors of the size that the map gives as `external.erase_size`, and
    /// everything else on `internal`.
    Slots,
    /// Two regions overlap.
    Overlap,
    /// The journal needs two sectors or more.
    Journal,
}

/// A [`FlashMap`] on sectors of unlike sizes, checked when it is made.
///
/// The flash is in the map twice: `internal` in units of the smallest sectors, for everything but
/// the slots; `external` in units of the slots' sectors, for these. Both have all of its size, and
/// offsets are from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorMap {
    map: FlashMap,
    /// Of journal, banks, slots.
    sectors: [u32; 5],
}

impl SectorMap {
    /// Checks a map against the sectors of a flash; in a `const` this happens at compile time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub const fn new(map: FlashMap, flash: &[Run]) -> Result<Self, SectorError> {
        let layout = map.layout();
        let [bank0, bank1] = &layout.banks;
        let [slot0, slot1] = &layout.slots;
        let regions = [&layout.journal, bank0, bank1, slot0, slot1];
        let mut sectors = [0; 5];
        let mut index = 0;
        while index < regions.len() {
            match sector_of(regions[index], flash) {
                Some(size) => sectors[index] = size,
                None => return Err(SectorError::NotWholeSectors),
            }
            index += 1;
        }
        if layout.journal.size < smallest_journal(sectors[0]) {
            return Err(SectorError::Journal);
        }
        if !slots_are_apart(layout, [sectors[3], sectors[4]]) {
            return Err(SectorError::Slots);
        }
        if overlaps(layout) {
            return Err(SectorError::Overlap);
        }
        Ok(Self { map, sectors })
    }

    /// The map: what a `Product` wants.
    #[must_use]
    pub const fn map(&self) -> FlashMap {
        self.map
    }

    /// Size of the sectors that a region lies in.
    const fn sector(&self, region: Region) -> u32 {
        let [journal, bank0, bank1, slot0, slot1] = self.sectors;
        match region {
            Region::Journal => journal,
            Region::Bank(Index::Zero) => bank0,
            Region::Bank(Index::One) => bank1,
            Region::Slot(Index::Zero) => slot0,
            Region::Slot(Index::One) => slot1,
        }
    }
}

/// The size of the sectors that an area is made of.
const fn sector_of(area: &Area, flash: &[Run]) -> Option<u32> {
    let end = area.offset.saturating_add(area.size);
    let (mut start, mut index) = (0, 0);
    while index < flash.len() {
        let Run { sector, count } = flash[index];
        let behind = start + sector * count;
        if area.offset >= start && end <= behind {
            let whole =
                (area.offset - start).is_multiple_of(sector) && area.size.is_multiple_of(sector);
            return if whole { Some(sector) } else { None };
        }
        start = behind;
        index += 1;
    }
    None
}

/// Whether the slots, and nothing else, are on the flash that has their sectors as its unit.
const fn slots_are_apart(layout: &Layout, sectors: [u32; 2]) -> bool {
    let Some(external) = &layout.external else {
        return false;
    };
    let [bank0, bank1] = &layout.banks;
    let [slot0, slot1] = &layout.slots;
    external.erase_size == sectors[0]
        && external.erase_size == sectors[1]
        && is_external(slot0)
        && is_external(slot1)
        && !is_external(&layout.journal)
        && !is_external(bank0)
        && !is_external(bank1)
        && !is_external(&layout.bootloader)
        && !is_external(&layout.settings)
}

const fn is_external(area: &Area) -> bool {
    matches!(area.device, Device::External)
}

/// Whether a slot overlaps what the map has on another flash. The rest it has checked itself.
const fn overlaps(layout: &Layout) -> bool {
    let [bank0, bank1] = &layout.banks;
    let [slot0, slot1] = &layout.slots;
    let others = [
        &layout.bootloader,
        &layout.journal,
        bank0,
        bank1,
        &layout.settings,
    ];
    let mut index = 0;
    while index < others.len() {
        if meet(slot0, others[index]) || meet(slot1, others[index]) {
            return true;
        }
        index += 1;
    }
    false
}

const fn meet(a: &Area, b: &Area) -> bool {
    a.size != 0 && b.size != 0 && a.offset < b.offset + b.size && b.offset < a.offset + a.size
}

/// A [`SectorMap`] on its flash: the [`Storage`] for chips with sectors of unlike sizes.
///
/// The driver's `erase` has to take any whole sectors, whatever it gives as its `ERASE_SIZE`; that of
/// `embassy-stm32` does, and so does `Stm32Flash`.
pub struct SectorFlash<F> {
    flash: F,
    map: SectorMap,
}

impl<F: NorFlash> SectorFlash<F> {
    /// Puts the map on the flash; `F` may be a `&mut` of your driver.
    pub const fn new(flash: F, map: SectorMap) -> Self {
        Self { flash, map }
    }

    /// Gives the flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }

    /// Where an access lies on the flash.
    fn place(&self, region: Region, at: u32, len: usize) -> Result<u32, FlashError<F::Error>> {
        let area = self.map.map.area(region);
        let end = u32::try_from(len).ok().and_then(|len| at.checked_add(len));
        match end {
            Some(end) if end <= area.size => Ok(area.offset + at),
            _ => Err(FlashError::OutOfRegion),
        }
    }
}

impl<F: NorFlash> Storage for SectorFlash<F> {
    type Error = FlashError<F::Error>;

    fn geometry(&self, region: Region) -> Geometry {
        Geometry {
            erase_size: self.map.sector(region),
            ..self.map.map.geometry(region)
        }
    }

    fn read(&mut self, region: Region, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let start = self.place(region, offset, bytes.len())?;
        self.flash.read(start, bytes).map_err(FlashError::Flash)
    }

    fn program(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let start = self.place(region, offset, bytes.len())?;
        self.flash.write(start, bytes).map_err(FlashError::Flash)
    }

    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), Self::Error> {
        let length = to.checked_sub(from).ok_or(FlashError::OutOfRegion)?;
        let start = self.place(region, from, length as usize)?;
        self.flash
            .erase(start, start + length)
            .map_err(FlashError::Flash)
    }
}

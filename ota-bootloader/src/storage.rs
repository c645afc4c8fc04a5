//! Flash, seen as the regions of a map.
//!
//! All I/O of the crate goes through [`Storage`], keyed by [`Region`]. The bootloader and the
//! settings have no `Region`: nothing in this crate can name them, let alone write them.

use core::fmt::Debug;

use embedded_storage::nor_flash::NorFlash;

use crate::map::{Area, Chip, Device, FlashMap};

/// One of two: which bank, or which slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// The first.
    Zero,
    /// The second.
    One,
}

impl Index {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Zero => Self::One,
            Self::One => Self::Zero,
        }
    }

    /// 0 or 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
        }
    }

    /// Picks the element that this index means.
    pub(crate) const fn of<T: Copy>(self, pair: &[T; 2]) -> T {
        let [zero, one] = pair;
        match self {
            Self::Zero => *zero,
            Self::One => *one,
        }
    }
}

/// A part of flash that an update may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The append-only journal of states.
    Journal,
    /// A manifest bank: an envelope and its digest table.
    Bank(Index),
    /// An image slot. With [`Strategy::Swap`](crate::Strategy::Swap) slot 0 is always the active
    /// one and slot 1 the staging one; with [`Strategy::Ab`](crate::Strategy::Ab) slot *i*
    /// belongs to bank *i*.
    Slot(Index),
}

/// What a region's flash asks of its users. All sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Alignment and granularity of a program: a power of two, 1 to 32.
    pub write_size: u32,
    /// Alignment and granularity of an erase.
    pub erase_size: u32,
    /// Size of the region.
    pub size: u32,
    /// What an erased byte reads as.
    pub erased: u8,
}

/// Flash by region. Offsets are bytes from the start of the region.
///
/// The crate reads at multiples of 32 bytes, in lengths that are multiples of 32, at most 256
/// at once; it programs at multiples of `write_size`, no word twice between two erases; and it
/// erases whole units.
///
/// Lent per call, never kept: implement it for whatever owns the flash in your application.
pub trait Storage {
    /// What can go wrong. The crate only passes it on.
    type Error: Debug;

    /// The geometry of a region.
    fn geometry(&self, region: Region) -> Geometry;

    /// Reads bytes. An ECC fault must come back as an error, not as a trap.
    ///
    /// # Errors
    /// Out of bounds, unaligned, or the flash could not be read.
    fn read(&mut self, region: Region, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error>;

    /// Programs erased words.
    ///
    /// # Errors
    /// Out of bounds, unaligned, or the flash refused.
    fn program(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Erases the units from `from` up to `to` (exclusive).
    ///
    /// # Errors
    /// Out of bounds, unaligned, or the flash refused.
    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), Self::Error>;
}

impl<S: Storage> Storage for &mut S {
    type Error = S::Error;

    fn geometry(&self, region: Region) -> Geometry {
        S::geometry(self, region)
    }
    fn read(&mut self, region: Region, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        S::read(self, region, offset, bytes)
    }
    fn program(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        S::program(self, region, offset, bytes)
    }
    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), Self::Error> {
        S::erase(self, region, from, to)
    }
}

/// Calls `feed` around every access: the place to feed the watchdog from.
///
/// Hashing reads flash in small pieces, so this also feeds between the blocks of a hash. Only a
/// signature check (up to 32 million instructions on a Cortex-M0+) runs unfed.
pub struct Fed<S, F> {
    storage: S,
    feed: F,
}

impl<S: Storage, F: FnMut()> Fed<S, F> {
    /// Wraps a storage.
    pub const fn new(storage: S, feed: F) -> Self {
        Self { storage, feed }
    }
}

impl<S: Storage, F: FnMut()> Storage for Fed<S, F> {
    type Error = S::Error;

    fn geometry(&self, region: Region) -> Geometry {
        self.storage.geometry(region)
    }
    fn read(&mut self, region: Region, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        (self.feed)();
        self.storage.read(region, offset, bytes)
    }
    fn program(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        (self.feed)();
        self.storage.program(region, offset, bytes)
    }
    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), Self::Error> {
        // One unit at a time: a large range can outlast a watchdog.
        let unit = self.geometry(region).erase_size;
        let mut at = from;
        while at < to {
            (self.feed)();
            let next = at.saturating_add(unit.max(1)).min(to);
            self.storage.erase(region, at, next)?;
            at = next;
        }
        (self.feed)();
        Ok(())
    }
}

/// Why a flash access through a map failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashError<E> {
    /// The access leaves its region.
    OutOfRegion,
    /// The map puts the region on a flash that is not there.
    NoSuchDevice,
    /// The flash itself reported this.
    Flash(E),
}

/// Why a flash does not fit a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashMismatch {
    /// The map's write size is not a multiple of the flash's.
    WriteSize,
    /// The map's erase unit is not a multiple of the flash's.
    EraseSize,
    /// The flash is smaller than the map says.
    Capacity,
    /// The map uses an external flash, but there is only one.
    ExternalNeeded,
}

impl core::fmt::Display for FlashMismatch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::WriteSize => {
                "write size in the map is not a multiple of the flash's; correct the map"
            }
            Self::EraseSize => {
                "erase unit in the map is not a multiple of the flash's; correct the map"
            }
            Self::Capacity => "flash is smaller than the map says; correct the map",
            Self::ExternalNeeded => "map uses an external flash; use TwoFlash",
        })
    }
}

impl core::error::Error for FlashMismatch {}

fn fits<F: NorFlash>(flash: &F, chip: &Chip) -> Result<(), FlashMismatch> {
    let (write, erase) = (F::WRITE_SIZE.max(1), F::ERASE_SIZE.max(1));
    if !(chip.write_size as usize).is_multiple_of(write) {
        Err(FlashMismatch::WriteSize)
    } else if !(chip.erase_size as usize).is_multiple_of(erase) {
        Err(FlashMismatch::EraseSize)
    } else if flash.capacity() < chip.size as usize {
        Err(FlashMismatch::Capacity)
    } else {
        Ok(())
    }
}

/// Absolute start of an access, if it stays inside the area.
fn place(area: Area, offset: u32, len: usize) -> Option<u32> {
    let end = offset.checked_add(u32::try_from(len).ok()?)?;
    (end <= area.size).then_some(area.offset.checked_add(offset)?)
}

fn read<F: NorFlash>(
    flash: &mut F,
    area: Area,
    at: u32,
    bytes: &mut [u8],
) -> Result<(), FlashError<F::Error>> {
    let start = place(area, at, bytes.len()).ok_or(FlashError::OutOfRegion)?;
    flash.read(start, bytes).map_err(FlashError::Flash)
}

fn program<F: NorFlash>(
    flash: &mut F,
    area: Area,
    at: u32,
    bytes: &[u8],
) -> Result<(), FlashError<F::Error>> {
    let start = place(area, at, bytes.len()).ok_or(FlashError::OutOfRegion)?;
    flash.write(start, bytes).map_err(FlashError::Flash)
}

fn erase<F: NorFlash>(
    flash: &mut F,
    area: Area,
    from: u32,
    to: u32,
) -> Result<(), FlashError<F::Error>> {
    let len = to.checked_sub(from).ok_or(FlashError::OutOfRegion)?;
    let start = place(area, from, len as usize).ok_or(FlashError::OutOfRegion)?;
    // Cannot wrap: `place` has added the same numbers.
    flash
        .erase(start, start.wrapping_add(len))
        .map_err(FlashError::Flash)
}

/// A map on a single flash.
pub struct OneFlash<F> {
    flash: F,
    map: FlashMap,
}

impl<F: NorFlash> OneFlash<F> {
    /// Puts the map on the flash; `F` may be a `&mut` of your driver.
    ///
    /// # Errors
    /// The flash is not the one that the map describes.
    pub fn new(flash: F, map: FlashMap) -> Result<Self, FlashMismatch> {
        fits(&flash, &map.layout().internal)?;
        if map.uses_external() {
            return Err(FlashMismatch::ExternalNeeded);
        }
        Ok(Self { flash, map })
    }

    /// Gives the flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }
}

impl<F: NorFlash> Storage for OneFlash<F> {
    type Error = FlashError<F::Error>;

    fn geometry(&self, region: Region) -> Geometry {
        self.map.geometry(region)
    }
    fn read(&mut self, region: Region, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        read(&mut self.flash, self.map.area(region), offset, bytes)
    }
    fn program(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        program(&mut self.flash, self.map.area(region), offset, bytes)
    }
    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), Self::Error> {
        erase(&mut self.flash, self.map.area(region), from, to)
    }
}

/// A map on an internal and an external flash.
pub struct TwoFlash<I, X> {
    internal: I,
    external: X,
    map: FlashMap,
}

impl<I: NorFlash, X: NorFlash> TwoFlash<I, X> {
    /// Puts the map on both.
    ///
    /// # Errors
    /// One of them is not the one that the map describes.
    pub fn new(internal: I, external: X, map: FlashMap) -> Result<Self, FlashMismatch> {
        fits(&internal, &map.layout().internal)?;
        if let Some(chip) = &map.layout().external {
            fits(&external, chip)?;
        }
        Ok(Self {
            internal,
            external,
            map,
        })
    }
}

/// An error of either flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EitherError<I, X> {
    /// Of the internal one.
    Internal(FlashError<I>),
    /// Of the external one.
    External(FlashError<X>),
}

impl<I: NorFlash, X: NorFlash> Storage for TwoFlash<I, X> {
    type Error = EitherError<I::Error, X::Error>;

    fn geometry(&self, region: Region) -> Geometry {
        self.map.geometry(region)
    }
    fn read(&mut self, region: Region, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let area = self.map.area(region);
        match area.device {
            Device::Internal => {
                read(&mut self.internal, area, offset, bytes).map_err(EitherError::Internal)
            }
            Device::External => {
                read(&mut self.external, area, offset, bytes).map_err(EitherError::External)
            }
        }
    }
    fn program(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let area = self.map.area(region);
        match area.device {
            Device::Internal => {
                program(&mut self.internal, area, offset, bytes).map_err(EitherError::Internal)
            }
            Device::External => {
                program(&mut self.external, area, offset, bytes).map_err(EitherError::External)
            }
        }
    }
    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), Self::Error> {
        let area = self.map.area(region);
        match area.device {
            Device::Internal => {
                erase(&mut self.internal, area, from, to).map_err(EitherError::Internal)
            }
            Device::External => {
                erase(&mut self.external, area, from, to).map_err(EitherError::External)
            }
        }
    }
}

//! The cache in front of the flash, and the MMU that says what of the flash it shows.
//!
//! Both windows, for data and for code, share the table and the lines. What was read through the
//! cache may be in it until it is invalidated: if the flash changes below, or the table shows
//! something else, reading it again is a mistake, whichever of the two a real chip would give.

use super::registers::Registers;
use crate::exit::Fault;

/// Bytes that an entry of the MMU shows, how many entries there are, and the bit of those that
/// show nothing.
pub(crate) const PAGE: u32 = 0x1_0000;
pub(crate) const ENTRIES: usize = 128;
pub(crate) const INVALID: u32 = 0x100;
/// Bytes of a window: data at one address, code at the other.
pub(crate) const DATA: u32 = 0x3C00_0000;
pub(crate) const CODE: u32 = 0x4200_0000;
pub(crate) const WINDOW: u32 = PAGE * 128;

/// Bytes that are remembered together as read, or as changed: a sector of the flash.
pub(crate) const SECTOR: u32 = 4096;
const SECTORS: usize = (WINDOW / SECTOR) as usize;

/// Registers.
const CTRL: u32 = 0x00;
const CTRL1: u32 = 0x04;
const SYNC: u32 = 0x28;
const SYNC_AT: u32 = 0x2C;
const SYNC_LEN: u32 = 0x30;
const FREEZE: u32 = 0xCC;
/// CTRL1: a bus is shut.
const SHUT_CODE: u32 = 1;
const SHUT_DATA: u32 = 2;

const AFTER_RESET: &[(u32, u32)] = &[
    (CTRL1, 3),
    (0x08, 5),
    (0x54, CODE),
    (0x58, CODE + WINDOW - 1),
    (0x5C, DATA),
    (0x60, DATA + WINDOW - 1),
    (0x94, 0xFFFF_FFFF),
    (0x9C, 0xFFFF_FFFF),
    (0xAC, 5),
    (0xB8, 7),
    (0xC8, 7),
    (0xD0, 1),
    (0xE0, 0x800),
    (0xE4, 0x800),
    (0xE8, 0xFF),
    (0xF4, 0x800),
    (0xF8, 0x800),
    (0xFC, 0x0F),
    (0x100, 1),
];

/// A bit for each sector of the window.
#[derive(Debug, Clone)]
struct Bits([u64; SECTORS / 64]);

impl Bits {
    const NONE: Self = Self([0; SECTORS / 64]);

    const fn has(&self, sector: usize) -> bool {
        self.0[sector / 64] >> (sector % 64) & 1 != 0
    }

    const fn set(&mut self, sector: usize) {
        self.0[sector / 64] |= 1 << (sector % 64);
    }

    const fn clear(&mut self, sector: usize) {
        self.0[sector / 64] &= !(1 << (sector % 64));
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Cache {
    table: [u32; ENTRIES],
    registers: Registers,
    /// Sectors of the window that may be in the cache, and those of them that are out of date.
    read: Bits,
    stale: Bits,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            table: [INVALID; ENTRIES],
            registers: Registers::new(AFTER_RESET),
            read: Bits::NONE,
            stale: Bits::NONE,
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.registers.read(CTRL) & 1 != 0 && self.registers.read(FREEZE) & 1 == 0
    }

    /// The flash behind a sector of a window, which is then taken to be in the cache.
    pub(crate) fn look_up(&mut self, address: u32) -> Result<u32, Fault> {
        let shut = if address >= CODE { SHUT_CODE } else { SHUT_DATA };
        if !self.is_on() || self.registers.read(CTRL1) & shut != 0 {
            return Err(Fault::CacheOff { address });
        }
        let sector = sector(address);
        let entry = self.table[sector / (PAGE / SECTOR) as usize];
        if entry & INVALID != 0 {
            return Err(Fault::NotMapped { address });
        }
        if self.stale.has(sector) {
            return Err(Fault::StaleCache { address });
        }
        self.read.set(sector);
        Ok((entry & 0xFF) * PAGE + address % PAGE / SECTOR * SECTOR)
    }

    /// What an entry shows, without any consequence of looking.
    pub(crate) const fn shown(&self, address: u32) -> Option<u32> {
        let entry = self.table[sector(address) / (PAGE / SECTOR) as usize];
        if entry & INVALID != 0 {
            return None;
        }
        Some((entry & 0xFF) * PAGE + address % PAGE)
    }

    /// The flash was changed from `offset` on: what the cache has of it is out of date.
    pub(crate) fn flash_changed(&mut self, offset: u32, len: u32) {
        for sector in (0..SECTORS).filter(|sector| self.read.has(*sector)) {
            let address = u32::try_from(sector).unwrap_or(0) * SECTOR;
            let of = self.shown(address);
            if of.is_some_and(|of| of < offset + len && offset < of + SECTOR) {
                self.stale.set(sector);
            }
        }
    }

    pub(crate) fn entry(&self, index: usize) -> u32 {
        self.table[index % ENTRIES]
    }

    pub(crate) fn set_entry(&mut self, index: usize, value: u32) {
        let value = value & 0x1FF;
        let entry = &mut self.table[index % ENTRIES];
        if core::mem::replace(entry, value) == value {
            return;
        }
        let sectors = (PAGE / SECTOR) as usize;
        for sector in index * sectors..(index + 1) * sectors {
            if self.read.has(sector) {
                self.stale.set(sector);
            }
        }
    }

    pub(crate) fn invalidate_all(&mut self) {
        self.read = Bits::NONE;
        self.stale = Bits::NONE;
    }

    /// Whole sectors only: what shares one with the range stays in the cache.
    pub(crate) fn invalidate(&mut self, address: u32, len: u32) {
        let first = (address % WINDOW).div_ceil(SECTOR);
        let end = (address % WINDOW).saturating_add(len) / SECTOR;
        for sector in first..end.min(WINDOW / SECTOR) {
            self.read.clear(sector as usize);
            self.stale.clear(sector as usize);
        }
    }

    pub(crate) fn switch(&mut self, on: bool) {
        self.registers.write(CTRL, on.into());
    }

    pub(crate) fn freeze(&mut self, frozen: bool) {
        self.registers.write(FREEZE, frozen.into());
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        let value = self.registers.read(offset);
        match offset {
            // Whatever was asked for is done: lock, sync, preload, autoload.
            0x1C => value | 4,
            SYNC => value & !1 | 2,
            0x34 => value & !1 | 2,
            0x40 => value | 8,
            0xB0 => 1,
            FREEZE => value | (value & 1) << 2,
            _ => value,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        self.registers.write(offset, value);
        if offset == SYNC && value & 1 != 0 {
            match self.registers.read(SYNC_LEN) {
                // No length: all of it.
                0 => self.invalidate_all(),
                len => self.invalidate(self.registers.read(SYNC_AT), len),
            }
        }
    }
}

/// The sector of either window.
const fn sector(address: u32) -> usize {
    (address % WINDOW / SECTOR) as usize
}

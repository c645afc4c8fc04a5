//! The cache in front of the flash, and the MMU that says what of the flash it shows.
//!
//! Both windows, for data and for code, share the table and the lines. What was read through the
//! cache may be in it until it is invalidated: if the flash changes below, or the table shows
//! something else, reading it again is a mistake, whichever of the two a real chip would give.

use super::registers::Registers;
use crate::exit::Fault;
use std::collections::BTreeMap;

/// Bytes that an entry of the MMU shows, how many entries there are, and the bit of those that
/// show nothing.
pub(crate) const PAGE: u32 = 0x1_0000;
pub(crate) const ENTRIES: usize = 128;
pub(crate) const INVALID: u32 = 0x100;
/// Bytes of the table.
pub(crate) const TABLE: u32 = 4 * (WINDOW / PAGE);
/// Bytes of a window: data at one address, code at the other.
pub(crate) const DATA: u32 = 0x3C00_0000;
pub(crate) const CODE: u32 = 0x4200_0000;
pub(crate) const WINDOW: u32 = PAGE * 128;

/// Bytes that are remembered together as read: a sector of the flash.
pub(crate) const SECTOR: u32 = 4096;
const SECTORS: usize = (WINDOW / SECTOR) as usize;
/// Bytes that go into the cache and out of it together.
pub(crate) const LINE: u32 = 32;
/// All lines of a sector, a bit each.
const ALL: u128 = u128::MAX;

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
#[derive(Debug, Clone, Hash)]
struct Bits([u64; SECTORS / 64]);

impl Bits {
    const NONE: Self = Self([0; SECTORS / 64]);

    const fn has(&self, sector: usize) -> bool {
        self.0[sector / 64] >> (sector % 64) & 1 != 0
    }

    const fn set(&mut self, sector: usize) {
        self.0[sector / 64] |= 1 << (sector % 64);
    }
}

#[derive(Debug, Clone, Hash)]
pub(crate) struct Cache {
    table: [u32; ENTRIES],
    registers: Registers,
    /// Sectors of the window of which something may be in the cache.
    read: Bits,
    /// Lines of them that are out of date, by sector.
    stale: BTreeMap<usize, u128>,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            table: [INVALID; ENTRIES],
            registers: Registers::new(AFTER_RESET),
            read: Bits::NONE,
            stale: BTreeMap::new(),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.registers.read(CTRL) & 1 != 0 && self.registers.read(FREEZE) & 1 == 0
    }

    /// The flash behind a sector of a window, which is then taken to be in the cache; and whether
    /// all of the sector may be read.
    pub(crate) fn look_up(&mut self, address: u32) -> Result<(u32, bool), Fault> {
        let found = self.find(address);
        if found.is_ok() {
            self.read.set(sector(address));
        }
        found
    }

    fn find(&self, address: u32) -> Result<(u32, bool), Fault> {
        let shut = if address >= CODE {
            SHUT_CODE
        } else {
            SHUT_DATA
        };
        if !self.is_on() || self.registers.read(CTRL1) & shut != 0 {
            return Err(Fault::CacheOff { address });
        }
        let sector = sector(address);
        let entry = self.table[sector / (PAGE / SECTOR) as usize];
        if entry & INVALID != 0 {
            return Err(Fault::NotMapped { address });
        }
        let stale = self.stale.get(&sector).copied().unwrap_or(0);
        if stale >> (address % SECTOR / LINE) & 1 != 0 {
            return Err(Fault::StaleCache { address });
        }
        let offset = (entry & 0xFF) * PAGE + address % PAGE / SECTOR * SECTOR;
        Ok((offset, stale == 0))
    }

    /// The flash behind a sector of a window, if all of it may be read.
    pub(crate) fn shows_all_of(&self, address: u32) -> Option<u32> {
        let (offset, whole) = self.find(address).ok()?;
        whole.then_some(offset)
    }

    /// What an entry shows, without any consequence of looking.
    pub(crate) const fn shown(&self, address: u32) -> Option<u32> {
        let entry = self.table[sector(address) / (PAGE / SECTOR) as usize];
        if entry & INVALID != 0 {
            return None;
        }
        Some((entry & 0xFF) * PAGE + address % PAGE)
    }

    /// Whether these bytes are what code at an address would read, if `flash` is all of it.
    pub(crate) fn shows(&self, flash: &[u8], address: u32, bytes: &[u8]) -> bool {
        let (mut address, mut rest) = (address, bytes);
        while !rest.is_empty() {
            let len = rest.len().min((PAGE - address % PAGE) as usize);
            let (part, after) = rest.split_at(len);
            let at = self.shown(address).map(|at| at as usize);
            let there = at.and_then(|at| flash.get(at..at + len));
            if there != Some(part) {
                return false;
            }
            (address, rest) = ((address / PAGE + 1) * PAGE, after);
        }
        true
    }

    /// The flash was changed from `offset` on, within a sector or in whole ones: what the cache
    /// has of it is out of date.
    pub(crate) fn flash_changed(&mut self, offset: u32, len: u32) {
        for sector in (0..SECTORS).filter(|sector| self.read.has(*sector)) {
            let address = u32::try_from(sector).unwrap_or(0) * SECTOR;
            let Some(of) = self.shown(address) else {
                continue;
            };
            let (first, end) = (offset.max(of), (offset + len).min(of + SECTOR));
            if first < end {
                *self.stale.entry(sector).or_default() |= lines(first - of, end - of);
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
                self.stale.insert(sector, ALL);
            }
        }
    }

    pub(crate) fn invalidate_all(&mut self) {
        self.read = Bits::NONE;
        self.stale.clear();
    }

    /// The lines of a range. Something else of their sectors may still be in the cache.
    pub(crate) fn invalidate(&mut self, address: u32, len: u32) {
        let (begin, end) = (address % WINDOW, (address % WINDOW).saturating_add(len));
        self.stale.retain(|sector, stale| {
            let of = u32::try_from(*sector).unwrap_or(0) * SECTOR;
            let (first, end) = (begin.max(of), end.min(of + SECTOR));
            if first < end {
                *stale &= !lines(first - of, end - of);
            }
            *stale != 0
        });
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

/// The lines of a sector that have something of a range within it, which is not empty.
const fn lines(first: u32, end: u32) -> u128 {
    let (first, last) = (first / LINE, (end - 1) / LINE);
    ALL << first & ALL >> (SECTOR / LINE - 1 - last)
}

/// The sector of either window.
const fn sector(address: u32) -> usize {
    (address % WINDOW / SECTOR) as usize
}

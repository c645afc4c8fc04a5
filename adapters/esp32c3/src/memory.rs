//! What lies where on an ESP32-C3, and what an image may be loaded over.

use core::ops::Range;

/// Bytes that one entry of the MMU maps.
pub const PAGE: u32 = 0x1_0000;
/// Entries of the MMU. There is one table: data and code at the same offset in their windows are
/// the same page of flash.
pub const MMU_ENTRIES: usize = 128;

/// The chip's RAM as the data bus sees it.
pub const SRAM_DATA: Range<u32> = 0x3FC8_0000..0x3FCE_0000;
/// The same RAM as the instruction bus sees it.
pub const SRAM_CODE: Range<u32> = 0x4038_0000..0x403E_0000;
/// RAM that keeps its contents in deep sleep.
pub const RTC: Range<u32> = 0x5000_0000..0x5000_2000;
/// Flash, mapped for data.
pub const FLASH_DATA: Range<u32> = 0x3C00_0000..0x3C80_0000;
/// Flash, mapped for code.
pub const FLASH_CODE: Range<u32> = 0x4200_0000..0x4280_0000;

/// The first byte of RAM that is the second stage's own while it loads an application, as the data
/// bus sees it. From there to the end lie its code, its data, its stack, and what the mask ROM uses.
pub const SECOND_STAGE_RAM: u32 = 0x3FCC_E400;
/// The first byte of RAM that is the mask ROM's own while it loads a second stage.
pub const MASK_ROM_RAM: u32 = 0x3FCD_E000;

/// Who loads an image. It decides what may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// The mask ROM loads a second stage: RAM only, below [`MASK_ROM_RAM`].
    MaskRom,
    /// The second stage loads an application: mapped flash, and RAM below [`SECOND_STAGE_RAM`].
    SecondStage,
}

impl Loader {
    /// The first byte of RAM that an image may not touch, as the data bus sees it.
    #[must_use]
    pub const fn own_ram(self) -> u32 {
        match self {
            Self::MaskRom => MASK_ROM_RAM,
            Self::SecondStage => SECOND_STAGE_RAM,
        }
    }
}

/// A memory of the chip, whichever bus reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// RAM.
    Sram,
    /// RAM that keeps its contents in deep sleep.
    Rtc,
    /// Flash behind the MMU.
    Flash,
}

/// A stretch of a memory: the same for both buses, so that stretches can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which memory.
    pub memory: Memory,
    /// Where it begins, from the beginning of the memory (of the window, for flash).
    pub offset: u32,
    /// Its length.
    pub len: u32,
    /// Whether the address is one that instructions can be fetched from.
    pub executable: bool,
}

impl Place {
    /// Where so many bytes at an address are. `None` if they are not in one memory, all of them.
    ///
    /// The 16 KiB at `0x4037_C000` belong to the cache and are no memory here.
    #[must_use]
    pub fn find(address: u32, len: u32) -> Option<Self> {
        let end = address.checked_add(len)?;
        let windows = [
            (SRAM_DATA, Memory::Sram, false),
            (SRAM_CODE, Memory::Sram, true),
            (RTC, Memory::Rtc, true),
            (FLASH_DATA, Memory::Flash, false),
            (FLASH_CODE, Memory::Flash, true),
        ];
        windows
            .into_iter()
            .find(|(window, _, _)| window.contains(&address) && end <= window.end)
            .map(|(window, memory, executable)| Self {
                memory,
                offset: address - window.start,
                len,
                executable,
            })
    }

    /// Whether a byte is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.memory == other.memory
            && self.offset < other.offset.saturating_add(other.len)
            && other.offset < self.offset.saturating_add(self.len)
    }

    /// Whether this loader may write, or map, here.
    #[must_use]
    pub fn is_free_for(&self, loader: Loader) -> bool {
        match (self.memory, loader) {
            (Memory::Sram, _) => {
                self.offset.saturating_add(self.len) <= loader.own_ram() - SRAM_DATA.start
            }
            (Memory::Rtc, _) | (Memory::Flash, Loader::SecondStage) => true,
            (Memory::Flash, Loader::MaskRom) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_buses_see_the_same_ram_and_the_same_pages() {
        let place = |address, len| Place::find(address, len).unwrap();
        assert!(place(0x3FC8_1000, 16).overlaps(&place(0x4038_100F, 1)));
        assert!(!place(0x3FC8_1000, 16).overlaps(&place(0x4038_1010, 1)));
        assert!(place(0x3C05_0000, 4).overlaps(&place(0x4205_0000, 4)));
        assert!(!place(0x3FC8_0000, 4).overlaps(&place(0x5000_0000, 4)));
    }

    #[test]
    fn nothing_reaches_over_the_end_of_a_memory() {
        assert_eq!(
            Place::find(0x3FCD_FFFC, 4).map(|p| p.offset),
            Some(0x5_FFFC)
        );
        for (address, len) in [
            (0x3FCD_FFFC, 5),
            (0x3FC7_FFFF, 2),
            (0x4037_C000, 4),
            (0x403D_FFF0, 32),
            (0x5000_1FFC, 8),
            (0x3C7F_FFFF, 2),
            (0x427F_FFFF, u32::MAX),
            (0xFFFF_FFFF, 1),
            (0, 4),
        ] {
            assert_eq!(Place::find(address, len), None, "{address:#x}+{len:#x}");
        }
    }

    #[test]
    fn a_loader_is_not_loaded_over() {
        let free = |address, len, loader| Place::find(address, len).unwrap().is_free_for(loader);
        for view in [0, 0x70_0000] {
            assert!(free(SECOND_STAGE_RAM + view - 4, 4, Loader::SecondStage));
            assert!(!free(SECOND_STAGE_RAM + view - 4, 5, Loader::SecondStage));
            assert!(free(SECOND_STAGE_RAM + view, 4, Loader::MaskRom));
            assert!(free(MASK_ROM_RAM + view - 4, 4, Loader::MaskRom));
            assert!(!free(MASK_ROM_RAM + view, 1, Loader::MaskRom));
        }
        assert!(free(0x4200_0000, 4, Loader::SecondStage));
        assert!(!free(0x4200_0000, 4, Loader::MaskRom));
    }
}

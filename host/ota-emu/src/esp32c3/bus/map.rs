//! The address map as the core sees it: RAM in two views, and flash through the cache.

use super::super::cpu::{self, Width};
use super::super::devices::cache::{self, SECTOR};
use super::super::rom;
use super::Bus;
use crate::exit::Fault;

/// The chip's RAM: where the data bus sees it, where the instruction bus does, and its length.
pub(crate) const DATA_VIEW: u32 = 0x3FC8_0000;
pub(crate) const CODE_VIEW: u32 = 0x4038_0000;
pub(crate) const SRAM_LEN: u32 = 0x6_0000;
const REGISTERS: core::ops::Range<u32> = 0x6000_0000..0x600D_1000;

/// A sector of a flash window, and where its contents are in the flash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    base: u32,
    offset: u32,
}

impl Window {
    /// Where no access begins that would end inside.
    pub(super) const NOWHERE: Self = Self { base: 1, offset: 0 };

    /// Where `LEN` bytes at an address are in the flash.
    fn find<const LEN: u32>(self, address: u32) -> Option<u32> {
        let inside = address.wrapping_sub(self.base);
        (self.base != 1 && inside <= SECTOR - LEN).then(|| self.offset + inside)
    }
}

pub(crate) const fn is_data(address: u32) -> bool {
    address.wrapping_sub(cache::DATA) < cache::WINDOW
}

pub(crate) const fn is_code(address: u32) -> bool {
    address.wrapping_sub(cache::CODE) < cache::WINDOW
}

impl cpu::Bus for Bus {
    #[inline]
    fn load(&mut self, address: u32, width: Width) -> Option<u32> {
        if !self.recordings.is_empty() {
            self.record_load(address, width);
        }
        match width {
            Width::Byte => self.read::<1>(address).map(|[byte]| byte.into()),
            Width::Half => self.read(address).map(|b| u16::from_le_bytes(b).into()),
            Width::Word => self.read(address).map(u32::from_le_bytes),
        }
    }

    #[inline]
    fn store(&mut self, address: u32, width: Width, value: u32) -> Option<()> {
        if !self.recordings.is_empty() {
            self.record_store(address, width, value);
        }
        let [a, b, c, d] = value.to_le_bytes();
        match width {
            Width::Byte => self.write(address, [a]),
            Width::Half => self.write(address, [a, b]),
            Width::Word => self.write(address, [a, b, c, d]),
        }
    }

    #[inline]
    fn fetch(&mut self, address: u32) -> Option<u16> {
        if let Some(at) = self.code.find::<2>(address) {
            return Some(u16::from_le_bytes(self.nor.read(at)));
        }
        let inside = address.wrapping_sub(CODE_VIEW);
        if inside < SRAM_LEN {
            let bytes = self.sram.read(DATA_VIEW + inside);
            return bytes.map(u16::from_le_bytes);
        }
        self.fetch_elsewhere(address)
    }
}

impl Bus {
    #[inline]
    fn read<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        let read = self.sram.read(address);
        if read.is_some() {
            return read;
        }
        let inside = address.wrapping_sub(self.data.base);
        if self.data.base != 1 && inside as usize <= SECTOR as usize - N {
            return Some(self.nor.read(self.data.offset + inside));
        }
        self.read_elsewhere(address)
    }

    fn read_elsewhere<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        if is_data(address) || is_code(address) {
            return Some(self.read_flash(address));
        }
        if REGISTERS.contains(&address) {
            let word = self.load_register(address & !3).to_le_bytes();
            let lane = address as usize & 3;
            return Some(core::array::from_fn(|i| word[(lane + i) & 3]));
        }
        if let Some(word) = rom::constant(address & !3) {
            let word = word.to_le_bytes();
            let lane = address as usize & 3;
            return Some(core::array::from_fn(|i| word[(lane + i) & 3]));
        }
        self.memory_at(address)
    }

    /// Memory other than the data view of the RAM.
    fn memory_at<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        let inside = address.wrapping_sub(CODE_VIEW);
        if inside < SRAM_LEN {
            return self.sram.read(DATA_VIEW + inside);
        }
        if self.cache.is_on() {
            return self.rtc_memory.read(address);
        }
        let rtc = self.rtc_memory.read(address);
        rtc.or_else(|| self.sram0.read(address))
    }

    /// Bytes of the flash, through the cache.
    fn read_flash<const N: usize>(&mut self, address: u32) -> [u8; N] {
        if (address % SECTOR) as usize + N > SECTOR as usize {
            // Over the end of a sector, byte by byte.
            let mut bytes = [0; N];
            for (byte, address) in bytes.iter_mut().zip(address..) {
                [*byte] = self.read_flash(address);
            }
            return bytes;
        }
        match self.open(address) {
            Some((window, whole)) => {
                if whole {
                    self.data = window;
                }
                self.nor.read(window.offset + address % SECTOR)
            }
            None => [0; N],
        }
    }

    /// The sector of the flash behind an address of a window, and whether all of it may be read;
    /// `None` after a fault.
    fn open(&mut self, address: u32) -> Option<(Window, bool)> {
        if self.nor.busy(self.now / 1000) {
            self.fail(Fault::XipWhileBusy { address });
            return None;
        }
        let (offset, whole) = match self.cache.look_up(address) {
            Ok(found) => found,
            Err(fault) => {
                self.fail(fault);
                return None;
            }
        };
        if offset >= self.nor.flash().config().size {
            self.fail(Fault::NotMapped { address });
            return None;
        }
        let base = address / SECTOR * SECTOR;
        Some((Window { base, offset }, whole))
    }

    fn fetch_elsewhere(&mut self, address: u32) -> Option<u16> {
        if is_code(address) {
            let (window, whole) = self.open(address)?;
            if whole {
                self.code = window;
            }
            return Some(u16::from_le_bytes(
                self.nor.read(window.offset + address % SECTOR),
            ));
        }
        let bytes = self.rtc_memory.read(address);
        let bytes = bytes.or_else(|| {
            let off = !self.cache.is_on();
            self.sram0.read(address).filter(|_| off)
        });
        bytes.map(u16::from_le_bytes)
    }

    #[inline]
    fn write<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> Option<()> {
        if self.sram.write(address, bytes) {
            return Some(());
        }
        self.write_elsewhere(address, bytes)
    }

    fn write_elsewhere<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> Option<()> {
        if REGISTERS.contains(&address) {
            self.write_register(address, bytes);
            return Some(());
        }
        if is_data(address) || is_code(address) {
            self.fail(Fault::XipStore { address });
            return Some(());
        }
        let inside = address.wrapping_sub(CODE_VIEW);
        let wrote = inside < SRAM_LEN && self.sram.write(DATA_VIEW + inside, bytes)
            || self.rtc_memory.write(address, bytes)
            || !self.cache.is_on() && self.sram0.write(address, bytes);
        wrote.then_some(())
    }

    /// Compilers make narrow stores of changes to single bits: the rest of the word stays.
    fn write_register<const N: usize>(&mut self, address: u32, bytes: [u8; N]) {
        let (place, lane) = (address & !3, address as usize & 3);
        let mut word = if N == 4 {
            [0; 4]
        } else {
            self.load_register(place).to_le_bytes()
        };
        for (i, byte) in bytes.into_iter().enumerate() {
            word[(lane + i) & 3] = byte;
        }
        self.store_register(place, u32::from_le_bytes(word));
    }

    /// What windows showed may not be what they show now.
    pub(crate) fn look_again(&mut self) {
        self.code = Window::NOWHERE;
        self.data = Window::NOWHERE;
        self.deadline = 0;
    }

    /// Memory, without any consequence of looking at it.
    pub(crate) fn peek<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        if is_data(address) || is_code(address) {
            return self.cache.shown(address).map(|at| self.nor.read(at));
        }
        let data = self.sram.read(address);
        data.or_else(|| self.memory_at(address))
    }
}

//! The address map: memory, flash, and what the factory wrote.

use super::super::FLASH_START;
use super::super::devices::cells::{BANK, SIZE};
use super::{Bus, Doings};
use crate::exit::Fault;
use core::ops::Range;

/// System memory, one-time programmable bytes and option bytes: blank here.
pub(crate) const SYSTEM: Range<u32> = 0x1FFF_0000..0x2000_0000;
const UNIQUE_ID: Range<u32> = 0x1FFF_7590..0x1FFF_759C;
const UNIQUE: [u8; 12] = *b"ota-emu l476";
const SIZE_IN_KIB: u32 = 0x1FFF_75E0;

impl Bus {
    /// The offset in the flash, which is at its own address and at 0. Its banks may have changed
    /// places.
    pub(crate) fn in_flash(&self, address: u32) -> Option<u32> {
        let offset = address.checked_sub(FLASH_START).unwrap_or(address);
        (offset < SIZE).then_some(self.seen_at(offset))
    }

    /// Where an offset of the flash is seen, counted from the flash's address.
    pub(crate) const fn seen_at(&self, offset: u32) -> u32 {
        if self.swapped { offset ^ BANK } else { offset }
    }

    /// The instruction at an address, without any consequence of looking at it.
    pub(crate) fn instruction(&self, address: u32) -> Option<u16> {
        self.peek(address).map(u16::from_le_bytes)
    }

    /// A word of memory.
    pub(crate) fn word(&self, address: u32) -> Option<u32> {
        self.peek(address).map(u32::from_le_bytes)
    }

    fn peek<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        match address >> 28 {
            0 => self.flash.cells().read(self.in_flash(address)?),
            1 => self.sram2.read(address),
            2 => self.sram1.read(address),
            _ => None,
        }
    }

    /// A place in RAM.
    pub(crate) fn ram(&self, place: &Range<u32>) -> Option<&[u8]> {
        let memory = if place.start >> 28 == 1 {
            &self.sram2
        } else {
            &self.sram1
        };
        memory.slice(place.start, place.len())
    }

    /// Stores into a place in RAM.
    pub(crate) fn set_ram(&mut self, address: u32, bytes: &[u8]) {
        let memory = if address >> 28 == 1 {
            &mut self.sram2
        } else {
            &mut self.sram1
        };
        memory.put(address, bytes);
    }

    pub(crate) fn load<const N: usize>(&mut self, address: u32) -> [u8; N] {
        let memory = match address >> 28 {
            0 => match self.in_flash(address) {
                Some(offset) => self.load_flash(offset),
                None => None,
            },
            1 if SYSTEM.contains(&address) => Some(system(address)),
            1 => self.sram2.read(address),
            2 => self.sram1.read(address),
            4 => {
                let word = self.load_register(address & !3).to_le_bytes();
                let lane = address as usize & 3;
                Some(core::array::from_fn(|i| word[(lane + i) & 3]))
            }
            _ => None,
        };
        let Some(bytes) = memory else {
            self.nothing(address);
            return [0; N];
        };
        if !self.recordings.is_empty() {
            self.record_load(address, &bytes);
        }
        bytes
    }

    fn load_flash<const N: usize>(&mut self, offset: u32) -> Option<[u8; N]> {
        if let Some(until) = self.flash.blocks(offset)
            && !self.wait_for_flash(until)
        {
            return Some([0; N]);
        }
        // Instructions come as half words, and through a cache of their own.
        if N != 2 && self.flash.cache.read(offset) {
            let address = FLASH_START + offset;
            self.fail(Fault::StaleCache { address });
        }
        if self.flash.correct(offset) {
            self.recordings.give_up();
            self.deadline = 0;
        }
        self.flash.cells().read(offset)
    }

    pub(crate) fn store<const N: usize>(&mut self, address: u32, bytes: [u8; N]) {
        self.doings = Doings::More;
        if !self.recordings.is_empty() {
            self.record_store(address, &bytes);
        }
        let exists = match address >> 28 {
            0 => match self.in_flash(address) {
                Some(offset) => {
                    self.store_flash(offset, bytes);
                    true
                }
                None => false,
            },
            1 => self.sram2.write(address, bytes),
            2 => self.sram1.write(address, bytes),
            4 => {
                self.store_peripheral(address, bytes);
                true
            }
            _ => false,
        };
        if !exists {
            self.nothing(address);
        }
    }

    fn store_flash<const N: usize>(&mut self, offset: u32, bytes: [u8; N]) {
        if let Some(until) = self.flash.busy_until()
            && !self.wait_for_flash(until)
        {
            return;
        }
        let word = u32::from_le_bytes(core::array::from_fn(|i| bytes[i % N]));
        let done = self.flash.store(offset, word, N, self.now);
        self.check(done);
        self.deadline = 0;
    }

    /// A narrow store puts its bytes on every lane of the slower buses; the pins take single
    /// bytes.
    fn store_peripheral<const N: usize>(&mut self, address: u32, bytes: [u8; N]) {
        let lane = address as usize & 3;
        let word = if address >= 0x4800_0000 && N < 4 {
            let mut word = self.load_register(address & !3).to_le_bytes();
            for (i, byte) in bytes.into_iter().enumerate() {
                word[(lane + i) & 3] = byte;
            }
            word
        } else {
            core::array::from_fn(|i| bytes[i % N])
        };
        self.store_register(address & !3, u32::from_le_bytes(word));
    }

    /// The memory that holds code at `pc` is about to be executed.
    pub(crate) fn execute(&mut self, pc: u32) {
        match pc >> 28 {
            1 => self.sram2.execute(pc),
            2 => self.sram1.execute(pc),
            _ => {}
        }
    }
}

/// What the factory wrote.
fn system<const N: usize>(address: u32) -> [u8; N] {
    core::array::from_fn(|i| {
        let address = address + u32::try_from(i).unwrap_or(0);
        match address {
            at if UNIQUE_ID.contains(&at) => UNIQUE[(at - UNIQUE_ID.start) as usize],
            SIZE_IN_KIB => (SIZE / 1024).to_le_bytes()[0],
            at if at == SIZE_IN_KIB + 1 => (SIZE / 1024).to_le_bytes()[1],
            _ => 0xFF,
        }
    })
}

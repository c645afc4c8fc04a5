//! What the crate's core sees of the board, for the time of one instruction.

use super::fixes::Words;
use crate::stm32::bus::Bus;
use rp2350_emu::core::CoreBus;
use rp2350_emu::threaded::CoreAtomics;
use std::sync::Arc;

/// A store into the private peripherals, which the crate keeps inside of the core.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrivateStore {
    pub(super) address: u32,
    pub(super) size: u32,
    pub(super) value: u32,
}

/// What the crate wants kept beside the core.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) atomics: Arc<CoreAtomics>,
    /// What is fetched at an address instead of what is there.
    pub(super) stand_in: Option<(u32, [u16; 2])>,
    pub(super) stores: Vec<PrivateStore>,
    pub(super) waits: u32,
    pub(super) last_fetch: u32,
}

pub(super) struct Port<'a> {
    pub(super) bus: &'a mut Bus,
    pub(super) side: &'a mut Side,
}

impl Words for Port<'_> {
    fn load_word(&mut self, address: u32) -> u32 {
        self.read32(address, 0)
    }

    fn store_word(&mut self, address: u32, value: u32) {
        self.write32(address, value, 0);
    }
}

impl CoreBus for Port<'_> {
    fn read8(&mut self, address: u32, _: u8) -> u8 {
        u8::from_le_bytes(self.bus.load(address))
    }
    fn read16(&mut self, address: u32, _: u8) -> u16 {
        if let Some((pc, code)) = self.side.stand_in
            && let Some(half) = code.get((address.wrapping_sub(pc) / 2) as usize)
        {
            return *half;
        }
        u16::from_le_bytes(self.bus.load(address))
    }
    fn read32(&mut self, address: u32, _: u8) -> u32 {
        u32::from_le_bytes(self.bus.load(address))
    }
    fn write8(&mut self, address: u32, value: u8, _: u8) {
        self.bus.store(address, value.to_le_bytes());
    }
    fn write16(&mut self, address: u32, value: u16, _: u8) {
        self.bus.store(address, value.to_le_bytes());
    }
    fn write32(&mut self, address: u32, value: u32, _: u8) {
        self.bus.store(address, value.to_le_bytes());
    }
    fn set_active_pc(&mut self, _: u32, _: u8) {}
    fn bus_fault(&self, _: u8) -> bool {
        self.bus.fault_pending
    }
    fn bus_fault_addr(&self, _: u8) -> u32 {
        self.bus.nothing_at.unwrap_or(0)
    }
    fn clear_bus_fault(&mut self, _: u8) {
        self.bus.fault_pending = false;
    }
    fn set_burst_mode(&mut self, _: bool) {}
    fn add_extra_wait_states(&mut self, count: u32) {
        self.side.waits += count;
    }
    fn take_extra_wait_states(&mut self) -> u32 {
        core::mem::take(&mut self.side.waits)
    }
    fn extra_wait_states(&self) -> u32 {
        self.side.waits
    }
    fn reset_extra_wait_states(&mut self) {
        self.side.waits = 0;
    }
    fn last_fetch_addr(&self) -> u32 {
        self.side.last_fetch
    }
    fn set_last_fetch_addr(&mut self, address: u32) {
        self.side.last_fetch = address;
    }
    fn atomics(&self) -> &Arc<CoreAtomics> {
        &self.side.atomics
    }
    // The only way to hear of stores into the private peripherals.
    fn mmio_trace_enabled(&self) -> bool {
        true
    }
    fn emit_mmio_trace(&mut self, direction: char, size: u32, address: u32, value: u32, _: u8) {
        if direction == 'W' && address >> 16 == 0xE000 {
            self.side.stores.push(PrivateStore {
                address,
                size,
                value,
            });
        }
    }
    // The RP2350's coprocessor for pins: no such thing here.
    fn gpio_read_out(&self) -> u32 {
        0
    }
    fn gpio_write_out(&mut self, _: u32) {}
    fn gpio_set_out(&mut self, _: u32) {}
    fn gpio_clear_out(&mut self, _: u32) {}
    fn gpio_xor_out(&mut self, _: u32) {}
    fn gpio_read_oe(&self) -> u32 {
        0
    }
    fn gpio_write_oe(&mut self, _: u32) {}
    fn gpio_set_oe(&mut self, _: u32) {}
    fn gpio_clear_oe(&mut self, _: u32) {}
    fn gpio_xor_oe(&mut self, _: u32) {}
    fn gpio_read_in(&self) -> u32 {
        0
    }
}

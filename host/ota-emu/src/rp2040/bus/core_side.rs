//! What belongs to the core but is not inside the crate's model of it: interrupt controller,
//! system control block, events; and how the core reaches everything else.

use super::{Bus, RAM_START};
use crate::devices::Plain;
use crate::exit::{Fault, Reset};
use rp2040_emu::bus::ppb::Ppb;
use rp2040_emu::core::{CoreBus, Nvic};

/// ICSR: PendSV and SysTick are pending.
const PENDING: u32 = 1 << 28 | 1 << 26;

/// What the core keeps outside of itself.
#[derive(Clone)]
pub(crate) struct CoreSide {
    pub(crate) nvic: Nvic,
    pub(crate) ppb: PpbState,
    pub(crate) event: bool,
    pub(crate) sleeping: bool,
    pub(crate) nothing_at: Option<u32>,
    fault_pending: bool,
    others: Plain,
}

/// The system control block. The crate's own cannot be cloned.
pub(crate) struct PpbState(pub(crate) Ppb);

impl Clone for PpbState {
    fn clone(&self) -> Self {
        let Ppb {
            vtor,
            shpr,
            icsr,
            active,
        } = self.0;
        Self(Ppb {
            vtor,
            shpr,
            icsr,
            active,
        })
    }
}

impl core::fmt::Debug for CoreSide {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CoreSide")
            .field("sleeping", &self.sleeping)
            .finish_non_exhaustive()
    }
}

impl CoreSide {
    pub(crate) fn new() -> Self {
        Self {
            nvic: Nvic::new(),
            ppb: PpbState(Ppb::new()),
            event: false,
            sleeping: false,
            nothing_at: None,
            fault_pending: false,
            others: Plain::default(),
        }
    }

    /// Whether an exception waits to be taken.
    pub(crate) fn has_pending(&self) -> bool {
        self.nvic.pending_and_enabled() != 0 || self.ppb.0.icsr & PENDING != 0
    }
}
impl Bus {
    /// The core reaches for something that does not exist.
    pub(super) fn nothing(&mut self, address: u32) {
        self.core.nothing_at.get_or_insert(address);
        self.core.fault_pending = true;
    }

    pub(super) fn load_private(&self, address: u32) -> u32 {
        let nvic = &self.core.nvic;
        match address & 0xFFFF {
            0xE100 | 0xE180 => nvic.enabled,
            0xE200 | 0xE280 => nvic.pending,
            register @ 0xE400..=0xE41C => {
                let first = register as usize - 0xE400;
                u32::from_le_bytes(core::array::from_fn(|i| nvic.priority[first + i]))
            }
            register @ 0xED00..=0xED3F => self.core.ppb.0.read32(register),
            register => self.core.others.read(register),
        }
    }

    pub(super) fn store_private(&mut self, address: u32, value: u32) {
        let nvic = &mut self.core.nvic;
        match address & 0xFFFF {
            // SysTick: nobody counts, so nobody may rely on it.
            0xE010 if value & 1 != 0 => self.fail(Fault::NotModelled { address }),
            0xE100 => nvic.enabled |= value,
            0xE180 => nvic.enabled &= !value,
            0xE200 => nvic.pending |= value,
            0xE280 => nvic.pending &= !value,
            register @ 0xE400..=0xE41C => {
                let first = register as usize - 0xE400;
                for (i, byte) in value.to_le_bytes().into_iter().enumerate() {
                    nvic.priority[first + i] = byte & 0xC0;
                }
            }
            // AIRCR with its key, and SYSRESETREQ.
            0xED0C if value >> 16 == 0x05FA && value & 1 << 2 != 0 => {
                self.reset.get_or_insert(Reset::System);
            }
            register @ 0xED00..=0xED3F => self.core.ppb.0.write32(register, value),
            register => self.core.others.write(register, value),
        }
    }
}
impl CoreBus for Bus {
    fn read8(&mut self, address: u32) -> u8 {
        u8::from_le_bytes(self.load(address))
    }
    fn read16(&mut self, address: u32) -> u16 {
        u16::from_le_bytes(self.load(address))
    }
    fn read32(&mut self, address: u32) -> u32 {
        if address >> 28 == RAM_START >> 28
            && self.recordings.is_empty()
            && let Some(bytes) = self.memory.read(address)
        {
            return u32::from_le_bytes(bytes);
        }
        u32::from_le_bytes(self.load(address))
    }
    fn write8(&mut self, address: u32, value: u8) {
        self.store(address, value.to_le_bytes());
    }
    fn write16(&mut self, address: u32, value: u16) {
        self.store(address, value.to_le_bytes());
    }
    fn write32(&mut self, address: u32, value: u32) {
        self.store(address, value.to_le_bytes());
    }
    fn set_active_pc(&mut self, _: u32) {}
    fn bus_fault(&self) -> bool {
        self.core.fault_pending
    }
    fn bus_fault_addr(&self) -> u32 {
        self.core.nothing_at.unwrap_or(0)
    }
    fn clear_bus_fault(&mut self) {
        self.core.fault_pending = false;
    }
    fn ppb(&self, _: usize) -> &Ppb {
        &self.core.ppb.0
    }
    fn ppb_mut(&mut self, _: usize) -> &mut Ppb {
        &mut self.core.ppb.0
    }
    fn nvic(&self, _: usize) -> &Nvic {
        &self.core.nvic
    }
    fn nvic_mut(&mut self, _: usize) -> &mut Nvic {
        &mut self.core.nvic
    }
    fn active_core(&self) -> usize {
        0
    }
    fn event_flag(&self, _: usize) -> bool {
        self.core.event
    }
    fn consume_event_flag(&mut self, _: usize) -> bool {
        core::mem::take(&mut self.core.event)
    }
    fn set_wfe_waiting(&mut self, _: usize, sleeping: bool) {
        self.core.sleeping = sleeping;
    }
    fn signal_sev(&mut self) {
        self.core.event = true;
    }
}

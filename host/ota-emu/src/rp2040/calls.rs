//! What a call may do here, and how it is passed.

use super::bus::{Bus, XIP};
use super::cpu::Core;
use super::devices::sio::Sio;
use super::{Rp2040, rom};
use crate::calls::{Call, Passes, Recordings, Shared};
use crate::devices::nor::SECTOR;
use core::hash::Hash as _;
use core::ops::Range;
use std::hash::DefaultHasher;

/// Where the watchdog is, and its LOAD register.
const WATCHDOG: u32 = 0x4005_8000;
const LOAD: u32 = 0x04;
/// Where the core's own block is.
const SIO: u32 = 0xD000_0000;

/// What a call leaves: the core, its divider and locks, and whether there was an event.
#[derive(Debug)]
pub struct End {
    core: Core,
    sio: Sio,
    event: bool,
}

impl Passes for Rp2040 {
    type Core = End;

    fn calls(&self) -> Option<&Shared<Self>> {
        self.calls.as_ref()
    }

    fn set_calls(&mut self, calls: Option<Shared<Self>>) {
        self.calls = calls;
    }

    fn recordings(&mut self) -> &mut Recordings {
        &mut self.bus.recordings
    }

    fn position(&self) -> (u32, u32) {
        (self.cpu.pc(), self.cpu.stack_pointer())
    }

    fn return_position(&self) -> (u32, u32) {
        (self.cpu.lr() & !1, self.cpu.stack_pointer())
    }

    fn time(&self) -> u64 {
        self.bus.now
    }

    fn is_undisturbed(&self) -> bool {
        self.bus.is_undisturbed() && !self.cpu.is_halted()
    }

    fn hash_core(&self, hasher: &mut DefaultHasher) {
        self.cpu.hash(hasher);
        (&self.bus.sio, self.bus.core.event).hash(hasher);
    }

    fn core(&self, _: u64) -> End {
        End {
            core: self.cpu.core(),
            sio: self.bus.sio.clone(),
            event: self.bus.core.event,
        }
    }

    fn ram(&self, place: &Range<u32>) -> Option<&[u8]> {
        self.bus.memory.slice(place.start, place.len())
    }

    fn set_ram(&mut self, address: u32, bytes: &[u8]) {
        self.bus.memory.put(address, bytes);
    }

    fn page(&self, offset: u32) -> &[u8] {
        let page = self.bus.nor.contents().get(offset as usize..);
        page.and_then(|rest| rest.get(..SECTOR as usize))
            .unwrap_or_default()
    }

    fn may_pass(&self, call: &Call<End>) -> bool {
        let ends = self.bus.now + call.time;
        let mut watchdog = self.bus.watchdog.clone();
        for told in &call.told {
            let now = self.bus.now + told.since;
            if watchdog.fires().is_some_and(|fires| fires <= now) {
                return false;
            }
            watchdog.write(told.register, told.value, now);
        }
        let events = [self.bus.timer.next_event(), watchdog.fires()];
        events.into_iter().flatten().all(|due| due > ends)
    }

    fn leave(&mut self, call: &Call<End>) {
        for told in &call.told {
            let now = self.bus.now + told.since;
            self.bus.watchdog.write(told.register, told.value, now);
            self.bus.deadline = 0;
        }
        self.bus.now += call.time;
        self.bus.sio = call.end.sio.clone();
        self.bus.core.event = call.end.event;
        self.cpu.set_core(&call.end.core);
    }

    fn note_instruction(&mut self, pc: u32) -> bool {
        if !self.bus.is_undisturbed() {
            return false;
        }
        match pc >> 28 {
            0 => return rom::computes(pc),
            1 => {
                self.bus.note_page(pc);
                // The second half of an instruction, if it has one.
                self.bus.note_page(pc + 2);
            }
            _ => match self.bus.memory.read::<4>(pc) {
                Some(code) => self.bus.recordings.reads_ram(pc, &code),
                None => return false,
            },
        }
        true
    }

    fn isolate(&mut self) {
        self.bus.network = crate::network::Network::default();
    }

    fn is_like(&self, other: &Self) -> bool {
        let looks = |chip: &Self| {
            let Bus {
                now,
                timer,
                watchdog,
                uart,
                gpio,
                sio,
                core,
                dma,
                ssi,
                ..
            } = &chip.bus;
            let devices = format!("{:?}", (timer, watchdog, uart, gpio, sio, core, dma, ssi));
            let core = (chip.cpu.registers(), core.event, core.nvic.pending);
            (*now, core, devices, chip.bus.nor.busy_until())
        };
        looks(self) == looks(other)
            && self.bus.memory.all() == other.bus.memory.all()
            && self.bus.nor.contents() == other.bus.nor.contents()
    }
}

impl Bus {
    /// Whether nothing is under way: the devices wait for the core, and the flash can be read.
    fn is_undisturbed(&self) -> bool {
        let core = &self.core;
        self.stop.is_none()
            && self.reset.is_none()
            && !core.sleeping
            && !core.has_pending()
            && self.xip_fault(XIP.start).is_none()
    }

    /// Notes what of the flash is seen at this address.
    fn note_page(&mut self, address: u32) {
        let size = self.nor.flash().config().size;
        let offset = address & (size - 1);
        self.recordings.uses_page(offset / SECTOR * SECTOR);
    }

    #[cold]
    pub(super) fn record_load(&mut self, address: u32, len: usize) {
        match address >> 28 {
            // The boot ROM never changes.
            0x0 => {}
            0x1 if XIP.contains(&address) => {
                let last = u32::try_from(len).unwrap_or(1) - 1;
                self.note_page(address);
                self.note_page(address + last);
            }
            0x2 => match self.memory.slice(address, len) {
                Some(bytes) => self.recordings.reads_ram(address, bytes),
                None => self.recordings.give_up(),
            },
            0xD if Sio::computes(address & !3 & !SIO) => {}
            _ => self.recordings.give_up(),
        }
    }

    #[cold]
    pub(super) fn record_store(&mut self, address: u32, bytes: &[u8]) {
        match address >> 28 {
            0x2 => self.recordings.writes_ram(address, bytes.len()),
            0x4 if address == WATCHDOG + LOAD
                && let Some(value) = bytes.first_chunk() =>
            {
                let value = u32::from_le_bytes(*value);
                self.recordings.tells(LOAD, value, self.now);
            }
            0xD if Sio::computes(address & !3 & !SIO) && bytes.len() == 4 => {}
            _ => self.recordings.give_up(),
        }
    }
}

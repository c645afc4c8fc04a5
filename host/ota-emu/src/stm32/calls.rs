//! What a call may do here, and how it is passed.

use super::Stm32l4;
use super::bus::{Bus, IWDG};
use super::cpu::Core;
use super::devices::cells::PAGE;
use super::devices::flash::FlashInterface;
use crate::calls::{Call, Passes, Recordings, Shared};
use core::hash::Hash as _;
use core::ops::Range;
use std::hash::DefaultHasher;

/// What the factory wrote.
const SYSTEM: Range<u32> = super::bus::SYSTEM;
/// The watchdog's register for keys.
const KEY: u32 = 0;

/// `ldrex`, `strex` and their narrow kin: whether they succeed is nowhere to be seen.
const fn is_exclusive(first: u16) -> bool {
    matches!(first & 0xFFF0, 0xE840 | 0xE850 | 0xE8C0 | 0xE8D0)
}

impl Passes for Stm32l4 {
    type Core = Core;

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
        self.cpu.return_point()
    }

    fn time(&self) -> u64 {
        self.bus.now
    }

    fn is_undisturbed(&self) -> bool {
        self.cpu.is_undisturbed() && self.bus.is_undisturbed()
    }

    fn hash_core(&self, hasher: &mut DefaultHasher) {
        self.cpu.hash(hasher);
        self.cpu.hash_fetches(hasher);
        self.bus.hash_clock(hasher);
    }

    /// The private peripherals are inside of the core.
    fn surroundings(&self) -> u64 {
        self.cpu.private_fingerprint()
    }

    fn core(&self, _: u64) -> Core {
        self.cpu.core()
    }

    fn ram(&self, place: &Range<u32>) -> Option<&[u8]> {
        self.bus.ram(place)
    }

    fn set_ram(&mut self, address: u32, bytes: &[u8]) {
        self.bus.set_ram(address, bytes);
    }

    fn page(&self, offset: u32) -> &[u8] {
        &self.bus.flash.cells().page(offset)[..]
    }

    fn has_page(&self, offset: u32, page: &[u8]) -> bool {
        self.bus.flash.cells().has_page(offset, page)
    }

    fn may_pass(&self, call: &Call<Core>) -> bool {
        let flash = &self.bus.flash;
        let ends = self.bus.now + call.time;
        let mut watchdog = self.bus.iwdg.clone();
        for told in &call.told {
            let now = self.bus.now + told.since;
            if watchdog.fires().is_some_and(|fires| fires <= now) {
                return false;
            }
            watchdog.write(told.register, told.value, now);
        }
        let events = [self.bus.next_but_watchdog(), watchdog.fires()];
        flash.cache.has_no_stale_lines()
            && call
                .asked
                .iter()
                .all(|(_, errors)| flash.errors() == *errors)
            && events.into_iter().flatten().all(|due| due > ends)
    }

    fn leave(&mut self, call: &Call<Core>) {
        let bus = &mut self.bus;
        for cached in &call.cached {
            bus.flash.cache.read(cached.offset);
        }
        for told in &call.told {
            let now = bus.now + told.since;
            bus.iwdg.write(told.register, told.value, now);
            bus.deadline = 0;
        }
        bus.now += call.time;
        self.poll = None;
        self.cpu.set_core(&call.end);
    }

    fn note_instruction(&mut self, pc: u32) -> bool {
        let bus = &mut self.bus;
        let Some(offset) = bus.in_flash(pc) else {
            return false;
        };
        bus.note_page(offset);
        // The second half of an instruction, if it has one.
        bus.note_page(offset + 2);
        bus.is_undisturbed() && !is_exclusive(bus.instruction(pc).unwrap_or(0))
    }

    fn isolate(&mut self) {
        self.bus.network = crate::network::Network::default();
    }

    fn is_like(&self, other: &Self) -> bool {
        let looks = |chip: &Self| {
            let Bus {
                now,
                systick,
                iwdg,
                usart,
                gpio,
                rcc,
                ..
            } = &chip.bus;
            let mut core = DefaultHasher::new();
            chip.hash_core(&mut core);
            chip.bus.flash.hash(&mut core);
            let core = std::hash::Hasher::finish(&core);
            let devices = format!("{:?}", (systick, iwdg, usart, gpio, rcc));
            (*now, core, devices, chip.bus.next_but_watchdog())
        };
        looks(self) == looks(other)
            && self.bus.sram1.all() == other.bus.sram1.all()
            && self.bus.sram2.all() == other.bus.sram2.all()
    }
}

impl Bus {
    /// Notes the page of the flash with this offset.
    fn note_page(&mut self, offset: u32) {
        self.recordings.uses_page(offset / PAGE * PAGE);
    }

    #[cold]
    pub(super) fn record_load(&mut self, address: u32, bytes: &[u8]) {
        match address >> 28 {
            0 => {
                let last = u32::try_from(bytes.len()).unwrap_or(1) - 1;
                for offset in [address, address + last].map(|at| self.in_flash(at)) {
                    let Some(offset) = offset else {
                        return self.recordings.give_up();
                    };
                    self.note_page(offset);
                    if bytes.len() != 2 {
                        let page = offset / PAGE * PAGE;
                        self.recordings.reads_through_cache(page, page);
                    }
                }
            }
            1 if SYSTEM.contains(&address) => {}
            1 | 2 => self.recordings.reads_ram(address, bytes),
            _ if FlashInterface::tells_errors_at(address) => {
                self.recordings.asks(address, self.flash.errors());
            }
            _ => self.recordings.give_up(),
        }
    }

    #[cold]
    pub(super) fn record_store(&mut self, address: u32, bytes: &[u8]) {
        match (address >> 28, bytes) {
            (1 | 2, bytes) => self.recordings.writes_ram(address, bytes.len()),
            (4, [low, high, 0, 0]) if address == IWDG + KEY => {
                let key = u32::from(u16::from_le_bytes([*low, *high]));
                self.recordings.tells(KEY, key, self.now);
            }
            _ => self.recordings.give_up(),
        }
    }
}

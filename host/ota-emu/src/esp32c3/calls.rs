//! What a call may do here, and how it is passed.

use super::bus::{Bus, CODE_VIEW, DATA_VIEW, RTC, SHA, SRAM_LEN, is_code, is_data};
use super::cpu::{Cpu, Width};
use super::devices::cache::SECTOR;
use super::devices::{clocks, sha};
use super::{Esp32c3, rom};
use crate::calls::{Call, Passes, Recordings, Shared};
use core::hash::Hash as _;
use core::ops::Range;
use std::hash::DefaultHasher;

/// Feeding the watchdog of the RTC, and its key.
const TELLS: [u32; 2] = [0xA4, 0xA8];
/// Bytes that the accelerator has registers for.
const SHA_LEN: u32 = 0x1000;

/// What a call leaves: the core, and the accelerator.
#[derive(Debug)]
pub struct End {
    cpu: Cpu,
    sha: sha::Left,
}

impl Passes for Esp32c3 {
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
        (self.cpu.pc, self.cpu.register(2))
    }

    fn return_position(&self) -> (u32, u32) {
        (self.cpu.register(1) & !1, self.cpu.register(2))
    }

    fn time(&self) -> u64 {
        self.bus.now
    }

    fn is_undisturbed(&self) -> bool {
        self.bus.is_undisturbed() && !self.cpu.asleep
    }

    fn hash_core(&self, hasher: &mut DefaultHasher) {
        let Bus {
            now,
            cycle,
            sha,
            clocks,
            ..
        } = &self.bus;
        self.cpu.hash(hasher);
        sha.hash_all(*now, hasher);
        let on = (
            clocks.has_clock(clocks::SHA),
            clocks.is_held(clocks::SHA),
            clocks.apb(),
        );
        (cycle, on).hash(hasher);
    }

    fn core(&self, began: u64) -> End {
        End {
            cpu: self.cpu.clone(),
            sha: self.bus.sha.left(began),
        }
    }

    fn ram(&self, place: &Range<u32>) -> Option<&[u8]> {
        let bus = &self.bus;
        let main = bus.sram.slice(place.start, place.len());
        main.or_else(|| bus.rtc_memory.slice(place.start, place.len()))
    }

    fn set_ram(&mut self, address: u32, bytes: &[u8]) {
        let bus = &mut self.bus;
        if !bus.sram.put(address, bytes) {
            bus.rtc_memory.put(address, bytes);
        }
    }

    fn page(&self, offset: u32) -> &[u8] {
        let page = self.bus.nor.contents().get(offset as usize..);
        page.and_then(|rest| rest.get(..SECTOR as usize))
            .unwrap_or_default()
    }

    fn may_pass(&self, call: &Call<End>) -> bool {
        let bus = &self.bus;
        let ends = bus.now + call.time;
        let mut rtc = bus.rtc.clone();
        for told in &call.told {
            let now = bus.now + told.since;
            if rtc.next_event().is_some_and(|due| due <= now)
                || rtc.write(told.register, told.value, now) != Ok(None)
            {
                return false;
            }
        }
        let events = [bus.next_but_watchdog(), rtc.next_event()];
        let mut cached = call.cached.iter();
        events.into_iter().flatten().all(|due| due > ends)
            && cached.all(|it| bus.cache.shows_all_of(it.address) == Some(it.offset))
    }

    fn leave(&mut self, call: &Call<End>) {
        let bus = &mut self.bus;
        for cached in &call.cached {
            let shown = bus.cache.look_up(cached.address);
            bus.check(shown);
        }
        for told in &call.told {
            let now = bus.now + told.since;
            let done = bus.rtc.write(told.register, told.value, now);
            bus.check(done);
        }
        bus.sha.leave(&call.end.sha, bus.now);
        bus.now += call.time;
        bus.deadline = 0;
        self.cpu = call.end.cpu.clone();
    }

    fn note_instruction(&mut self, pc: u32) -> bool {
        let bus = &mut self.bus;
        if !bus.is_undisturbed() {
            return false;
        }
        if rom::contains(pc) {
            return match rom::computes(&self.cpu) {
                Some(read) => bus.note_flash(&read),
                None => false,
            };
        }
        let first = bus.peek::<2>(pc);
        let Some([low, _]) = first.filter(|_| bus.note_code(pc)) else {
            return false;
        };
        low & 3 != 3 || bus.note_code(pc + 2)
    }

    fn is_like(&self, other: &Self) -> bool {
        let looks = |chip: &Self| {
            let Bus {
                now,
                uart,
                gpio,
                rtc,
                groups,
                systimer,
                sha,
                cache,
                matrix,
                nor,
                ..
            } = &chip.bus;
            let devices = (uart, gpio, rtc, groups, systimer, sha, cache, matrix);
            let devices = format!("{:?}", (devices, &chip.cpu));
            (*now, devices, nor.busy_until(), chip.bus.next_event())
        };
        let memories = self.bus.memories().into_iter().zip(other.bus.memories());
        looks(self) == looks(other)
            && memories.into_iter().all(|(a, b)| a.all() == b.all())
            && self.bus.nor.contents() == other.bus.nor.contents()
    }
}

/// The RAM at an address, as the data bus sees it. What the cache works with is none.
fn in_ram(address: u32) -> Option<u32> {
    let inside = address.wrapping_sub(CODE_VIEW);
    if inside < SRAM_LEN {
        return Some(DATA_VIEW + inside);
    }
    let main = address.wrapping_sub(DATA_VIEW) < SRAM_LEN;
    (main || address >> 28 == 5).then_some(address)
}

const fn len(width: Width) -> u32 {
    match width {
        Width::Byte => 1,
        Width::Half => 2,
        Width::Word => 4,
    }
}

impl Bus {
    /// Whether nothing is under way: the devices wait for the core, and the flash can be read.
    fn is_undisturbed(&self) -> bool {
        self.stop.is_none()
            && self.reset.is_none()
            && self.interrupt.is_none()
            && !self.rom.is_under_way()
            && !(self.line.is_attached() && self.uart.has_sent())
            && !self.sha.interrupts()
            && !self.nor.busy(self.now / 1000)
    }

    /// Notes half an instruction. Whether there is one.
    fn note_code(&mut self, pc: u32) -> bool {
        if is_code(pc) {
            return self.note_window(pc);
        }
        let code = self.peek::<2>(pc).zip(in_ram(pc));
        if let Some((code, address)) = code {
            self.recordings.reads_ram(address, &code);
        }
        code.is_some()
    }

    /// Notes what of the flash a window shows at an address. Whether it shows anything.
    fn note_window(&mut self, address: u32) -> bool {
        let shown = self.cache.shown(address);
        if let Some(offset) = shown.map(|offset| offset / SECTOR * SECTOR) {
            self.recordings.uses_page(offset);
            let sector = address / SECTOR * SECTOR;
            self.recordings.reads_through_cache(sector, offset);
        }
        shown.is_some()
    }

    /// Notes a part of the flash. Whether there is such a one.
    fn note_flash(&mut self, part: &Range<u32>) -> bool {
        let sectors = part.start / SECTOR..part.end.div_ceil(SECTOR);
        for sector in sectors.take_while(|_| !part.is_empty()) {
            self.recordings.uses_page(sector * SECTOR);
        }
        part.end <= self.nor.flash().config().size
    }

    #[cold]
    pub(super) fn record_load(&mut self, address: u32, width: Width) {
        let last = address.saturating_add(len(width) - 1);
        if is_data(address) || is_code(address) {
            if !(self.note_window(address) && self.note_window(last)) {
                self.recordings.give_up();
            }
            return;
        }
        if let Some(place) = in_ram(address) {
            let bytes: Option<Vec<u8>> = (address..=last)
                .map(|at| self.peek::<1>(at).map(|[byte]| byte))
                .collect();
            return match bytes {
                Some(bytes) => self.recordings.reads_ram(place, &bytes),
                None => self.recordings.give_up(),
            };
        }
        // The ROM never changes.
        if !(address.wrapping_sub(SHA) < SHA_LEN || rom::constant(address & !3).is_some()) {
            self.recordings.give_up();
        }
    }

    #[cold]
    pub(super) fn record_store(&mut self, address: u32, width: Width, value: u32) {
        let register = address.wrapping_sub(RTC);
        if let Some(place) = in_ram(address) {
            self.recordings.writes_ram(place, len(width) as usize);
        } else if width == Width::Word && TELLS.contains(&register) {
            self.recordings.tells(register, value, self.now);
        } else if width != Width::Word || address.wrapping_sub(SHA) >= SHA_LEN {
            self.recordings.give_up();
        }
    }
}

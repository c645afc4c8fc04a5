//! The functions for cache and MMU.

use super::{Frame, Outcome};
use crate::esp32c3::bus::Bus;
use crate::esp32c3::devices::cache::{CODE, ENTRIES, INVALID, LINE, PAGE, WINDOW};

/// Pages are of 64 KiB, and of nothing else.
const PAGE_KIB: u32 = 64;
/// What `Cache_Ibus_MMU_Set` and its sister answer.
const MISALIGNED: u32 = 1;
const PAGE_SIZE: u32 = 3;
const OUT_OF_RANGE: u32 = 4;

pub(super) fn serve(frame: &Frame, bus: &mut Bus) -> Outcome {
    let [a, b, ..] = frame.arguments;
    let result = match frame.function {
        // Cache_Get_ICache_Line_Size.
        0x4B0 => LINE,
        // Cache_Invalidate_ICache_Items, Cache_Invalidate_Addr, Cache_Invalidate_ICache_All.
        0x4CC => invalidate(bus, a, b.saturating_mul(LINE)),
        0x4D4 => invalidate(bus, a, b),
        0x4D8 => {
            bus.cache.invalidate_all();
            0
        }
        // Loading ahead of time, and who owns the cache's memory: no difference here.
        0x4E4 | 0x4E8 | 0x4FC | 0x500 | 0x548 | 0x554 | 0x558 => 0,
        // Cache_Disable_ICache: nothing stays in it. Cache_Enable_ICache.
        0x51C => {
            bus.cache.switch(false);
            bus.cache.invalidate_all();
            0
        }
        0x520 | 0x528 => switch(bus, true),
        // Cache_Suspend_ICache: what is in it stays. Cache_Resume_ICache is above.
        0x524 => switch(bus, false),
        // Cache_Freeze_ICache_Enable and its opposite.
        0x52C | 0x530 => {
            bus.cache.freeze(frame.function == 0x52C);
            0
        }
        // Cache_MMU_Init.
        0x55C => {
            forget_pages(bus);
            0
        }
        // Cache_Ibus_MMU_Set, Cache_Dbus_MMU_Set.
        0x560 | 0x564 => map(frame, bus),
        _ => return Outcome::Unknown,
    };
    bus.look_again();
    Outcome::Returns(result)
}

fn switch(bus: &mut Bus, on: bool) -> u32 {
    bus.cache.switch(on);
    0
}

fn invalidate(bus: &mut Bus, address: u32, len: u32) -> u32 {
    bus.cache.invalidate(address, len);
    0
}

pub(super) fn forget_pages(bus: &mut Bus) {
    for index in 0..ENTRIES {
        bus.cache.set_entry(index, INVALID);
    }
}

/// `(external RAM, virtual address, physical address, KiB of a page, pages, one page for all)`.
fn map(frame: &Frame, bus: &mut Bus) -> u32 {
    let [_, address, offset, size, count, fixed, ..] = frame.arguments;
    if (address | offset) % PAGE != 0 {
        return MISALIGNED;
    }
    if size != PAGE_KIB {
        return PAGE_SIZE;
    }
    let first = address % WINDOW / PAGE;
    if first.saturating_add(count) > WINDOW / PAGE || address > CODE + WINDOW {
        return OUT_OF_RANGE;
    }
    for nth in 0..count {
        let page = offset / PAGE + if fixed == 0 { nth } else { 0 };
        bus.cache.set_entry((first + nth) as usize, page);
    }
    0
}

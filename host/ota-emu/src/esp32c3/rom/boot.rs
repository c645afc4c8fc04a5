//! The boot: loads the second stage from the start of the flash, and jumps to it.
//!
//! What it accepts was found out on the ROM itself in another emulator: sixteen segments at most,
//! in RAM that it does not use itself; the checksum has to be right, the digest behind it does not.

use super::super::bus::{Bus, cause};
use super::super::cpu::{Bus as _, Cpu, Width};
use super::{cache, flash, memory};

const MAGIC: u8 = 0xE9;
const HEADER: u32 = 24;
const MAX_SEGMENTS: u8 = 16;
const CHECKSUM_SEED: u8 = 0xEF;
/// Where segments may go: RAM through the data bus, the cache's RAM and all of RAM through the
/// instruction bus, and the memory of the RTC.
const PLACES: [core::ops::Range<u32>; 3] = [
    0x3FC8_0000..0x3FCD_E000,
    0x4037_C000..0x403E_0000,
    0x5000_0000..0x5000_2000,
];
/// What the ROM needs for itself, as the data bus sees it.
const OWN: core::ops::Range<u32> = 0x3FCD_E160..0x3FCD_F664;
const VIEWS: u32 = 0x70_0000;

/// What it leaves in the core.
const STACK: u32 = 0x3FCD_E710;
const VECTORS: u32 = 0x4000_1D00;
const RETURN: u32 = 0x4000_0004;
/// EXTMEM: the cache is on, and both buses are shut.
const CACHE_CTRL: u32 = 0x600C_4000;

/// A segment: where it is to go, and where it is in the flash.
struct Segment {
    to: u32,
    from: u32,
    len: u32,
}

/// Boots; `None` if there is nothing to boot.
pub(crate) fn boot(bus: &mut Bus) -> Option<Cpu> {
    // A flash chip that is in an operation finishes it: it was not reset.
    bus.now = bus.now.max(bus.nor.busy_until() * 1000);
    bus.uart.set_up_by_rom();
    cache::forget_pages(bus);
    bus.cache.invalidate_all();
    bus.cache.switch(false);
    let (entry, segments) = look(bus)?;
    for segment in &segments {
        load(bus, segment);
    }
    bus.store(CACHE_CTRL, Width::Word, 1);
    flash::describe_chip(bus);
    greet(bus, entry);
    let mut cpu = Cpu::starting_at(entry);
    cpu.csrs.set_vectors(VECTORS);
    // Whatever the ROM had there. But the thread pointer, x4, is 0: no usual bootloader sets it, and
    // `esp-rtos`, which takes anything else for a task, runs behind them all.
    for number in (3..32).filter(|number| *number != 4) {
        cpu.set_register(
            number,
            0x3FCD_E000 | u32::try_from(number).unwrap_or(0) << 4,
        );
    }
    cpu.set_register(1, RETURN);
    cpu.set_register(2, STACK);
    Some(cpu)
}

fn word(bus: &Bus, at: u32) -> u32 {
    u32::from_le_bytes(bus.nor.read(at))
}

/// Entry and segments of an image at the start of the flash, if it is one that may be loaded.
fn look(bus: &mut Bus) -> Option<(u32, Vec<Segment>)> {
    let [magic, count] = bus.nor.read(0);
    if magic != MAGIC || count == 0 || count > MAX_SEGMENTS {
        return None;
    }
    let size = bus.nor.flash().config().size;
    let mut at = HEADER;
    let mut sum = CHECKSUM_SEED;
    let mut segments = Vec::new();
    for _ in 0..count {
        let (to, len) = (word(bus, at), word(bus, at + 4));
        let from = at + 8;
        at = from.checked_add(len).filter(|end| *end < size)?;
        if len % 4 != 0 || !may_go(to, len) {
            return None;
        }
        for offset in from..at {
            let [byte] = bus.nor.read(offset);
            sum ^= byte;
        }
        segments.push(Segment { to, from, len });
    }
    let [expected] = bus.nor.read(at | 15);
    (sum == expected).then(|| (word(bus, 4), segments))
}

fn may_go(to: u32, len: u32) -> bool {
    let Some(end) = to.checked_add(len) else {
        return false;
    };
    let allowed = { PLACES }
        .iter()
        .any(|place| place.start <= to && end <= place.end);
    let overlaps = |view: u32| to < OWN.end + view && OWN.start + view < end;
    allowed && !overlaps(0) && !overlaps(VIEWS)
}

fn load(bus: &mut Bus, segment: &Segment) {
    for offset in 0..segment.len {
        let [byte] = bus.nor.read(segment.from + offset);
        memory::put(bus, segment.to + offset, &[byte]);
    }
    bus.now += u64::from(segment.len) * 100_000;
}

/// What the ROM says on UART0 before it jumps.
fn greet(bus: &mut Bus, entry: u32) {
    let name = match bus.rtc.cause() {
        cause::POWER_ON => "POWERON",
        cause::SOFTWARE => "RTC_SW_SYS_RST",
        cause::SOFTWARE_CPU => "RTC_SW_CPU_RST",
        cause::BROWN_OUT => "RTCWDT_BROWN_OUT_RST",
        cause::RTC_WATCHDOG => "RTCWDT_SYS_RST",
        cause::RTC_WATCHDOG_CPU => "RTCWDT_CPU_RST",
        cause::RTC_WATCHDOG_SYSTEM => "RTCWDT_RTC_RST",
        cause::SUPER_WATCHDOG => "SUPER_WDT_RST",
        _ => "TGWDT_RST",
    };
    let number = bus.rtc.cause();
    let text =
        format!("ESP-ROM:esp32c3\r\nrst:{number:#x} ({name}),boot:0xc\r\nentry {entry:#x}\r\n");
    for byte in text.bytes() {
        while !bus.uart.has_room()
            && let Some(next) = bus.uart.next_event()
        {
            bus.now = bus.now.max(next);
            bus.uart.run_until(bus.now);
        }
        let sent = bus.uart.send(byte, bus.now);
        bus.check(sent);
    }
}

//! Resets, time, the serial line, pads, and the registers of the analog parts.

use super::{Frame, Outcome};
use crate::esp32c3::bus::{Bus, Scope, cause};
use crate::esp32c3::cpu::{Bus as _, Width};
use crate::esp32c3::devices::XTAL;

const RTC_WATCHDOG: u32 = 0x6000_8090;
const GROUP_WATCHDOG: u32 = 0x6001_F048;

pub(super) fn serve(frame: &Frame, bus: &mut Bus) -> Outcome {
    let [a, b, ..] = frame.arguments;
    let result = match frame.function {
        // rtc_get_reset_reason, rtc_get_wakeup_cause.
        0x018 => bus.rtc.cause(),
        0x024 => 0,
        // ets_install_putc1, ets_install_uart_printf, ets_install_putc2.
        0x044 | 0x048 | 0x04C => 0,
        0x050 => return delay(frame, bus, a),
        0x068 | 0x06C => return transmit(bus, a),
        0x070 => receive(bus, a),
        0x080 | 0x084 => return flush(bus),
        // software_reset, software_reset_cpu.
        0x090 => reset(bus, Scope::Core, cause::SOFTWARE),
        0x094 => reset(bus, Scope::Cpu, cause::SOFTWARE_CPU),
        0x0A4 => disable_watchdogs(bus),
        // ets_get_apb_freq in hertz; ets_get_cpu_frequency and ets_update_cpu_frequency in MHz.
        0x580 => u32::try_from(bus.clocks.apb()).unwrap_or(0),
        0x584 => bus.rom.cpu_mhz,
        0x588 => {
            bus.rom.cpu_mhz = a;
            0
        }
        // ets_get_printf_channel, ets_get_xtal_freq.
        0x58C => 0,
        0x598 => u32::try_from(XTAL).unwrap_or(0),
        // Pads, and which signal they carry: levels are not modelled so far.
        0x5A0 | 0x5A4 | 0x5B4..=0x5D0 => 0,
        // intr_matrix_set: the core, the source, the number.
        0x5F4 => {
            bus.matrix.write(4 * b, frame.arguments[2]);
            bus.deadline = 0;
            0
        }
        0x1954..=0x1960 => analog(frame, bus),
        _ => return Outcome::Unknown,
    };
    Outcome::Returns(result)
}

fn reset(bus: &mut Bus, scope: Scope, cause: u32) -> u32 {
    bus.reset.get_or_insert((scope, cause));
    0
}

/// Microseconds.
fn delay(frame: &Frame, bus: &mut Bus, time: u32) -> Outcome {
    let own = frame.call(bus);
    // An interrupt that waits within somebody else's wait: all of it at once.
    let Some(call) = own else {
        bus.now += u64::from(time) * 1_000_000;
        bus.deadline = 0;
        return Outcome::Returns(0);
    };
    let end = call.began + u64::from(time) * 1_000_000;
    if bus.now < end {
        return Outcome::Waits(end);
    }
    bus.rom.call = None;
    Outcome::Returns(0)
}

/// Waits for room, then sends a byte.
fn transmit(bus: &mut Bus, byte: u32) -> Outcome {
    bus.uart.run_until(bus.now);
    if !bus.uart.has_room()
        && let Some(next) = bus.uart.next_event()
    {
        return Outcome::Waits(next);
    }
    let sent = bus.uart.send(byte.to_le_bytes()[0], bus.now);
    bus.check(sent);
    bus.deadline = 0;
    Outcome::Returns(0)
}

/// A byte that was received, to an address; 1 if there is none.
fn receive(bus: &mut Bus, to: u32) -> u32 {
    bus.uart.run_until(bus.now);
    let waiting = bus.uart.read(0x1C) & 0x3FF;
    if waiting == 0 {
        return 1;
    }
    let byte = bus.uart.read(0);
    bus.deadline = 0;
    bus.store(to, Width::Byte, byte);
    0
}

fn flush(bus: &mut Bus) -> Outcome {
    bus.uart.run_until(bus.now);
    match bus.uart.next_event().filter(|_| !bus.uart.is_quiet()) {
        Some(next) => Outcome::Waits(next),
        None => Outcome::Returns(0),
    }
}

/// The protection of the boot is over, for both watchdogs that have it.
fn disable_watchdogs(bus: &mut Bus) -> u32 {
    const KEY: u32 = super::super::devices::watchdog::KEY;
    for (config, key, bit) in [
        (RTC_WATCHDOG, 0x6000_80A8, 12),
        (GROUP_WATCHDOG, 0x6001_F064, 14),
    ] {
        let mut store = |address, value| bus.store(address, Width::Word, value);
        store(key, KEY);
        let before = bus.load(config, Width::Word).unwrap_or(0);
        bus.store(config, Width::Word, before & !(1 << bit));
        bus.store(key, Width::Word, 0);
    }
    0
}

/// `rom_i2c_readReg(block, host, register)`, `_Mask(.., msb, lsb)`, and the same for writing.
fn analog(frame: &Frame, bus: &mut Bus) -> u32 {
    let [block, _, register, first, second, third, ..] = frame.arguments;
    let value = bus.rom.analog.entry((block, register)).or_default();
    // A mask from the lower to the upper of two bits.
    let mask = |upper: u32, lower: u32| {
        let width = upper.saturating_sub(lower).min(31) + 1;
        (u32::MAX >> (32 - width)).wrapping_shl(lower)
    };
    match frame.function {
        0x1954 => *value,
        0x1958 => (*value & mask(first, second)).wrapping_shr(second),
        0x195C => {
            *value = first;
            0
        }
        _ => {
            let mask = mask(first, second);
            *value = *value & !mask | third.wrapping_shl(second) & mask;
            0
        }
    }
}

//! A timer group: a timer of 54 bits, a watchdog, and the measurement of slow clocks.

use super::registers::Registers;
use super::watchdog::{Action, KEY, Layout, Watchdog};
use super::{RC_FAST, RC_SLOW, XTAL, cycles, time_of};
use crate::exit::Fault;

/// The watchdog after a reset, which only group 0 leaves on.
const LAYOUT: Layout = Layout {
    actions: [29, 27, 25, 23],
    action_mask: 3,
    flash_boot: 1 << 14,
    flash_boot_action: Action::ResetCore,
    config: 0x0004_C000,
    holds: [26_000_000, 0x07FF_FFFF, 0xF_FFFF, 0xF_FFFF],
};
/// The registers of the watchdog that need the key.
const PROTECTED: core::ops::Range<u32> = 0x48..0x64;
/// The configuration takes effect: the bit goes back by itself.
const UPDATE: u32 = 1 << 22;
const WATCHDOG_ON_XTAL: u32 = 1 << 21;

/// T0CONFIG.
const ENABLE: u32 = 1 << 31;
const UP: u32 = 1 << 30;
const RELOADS: u32 = 1 << 29;
const ALARM: u32 = 1 << 10;
const ON_XTAL: u32 = 1 << 9;
const MASK: u64 = (1 << 54) - 1;

/// RTCCALICFG.
const START: u32 = 1 << 31;
const READY: u32 = 1 << 15;

const TIMER: u32 = 1;
const WATCHDOG: u32 = 2;

#[derive(Debug, Clone)]
pub(crate) struct TimerGroup {
    config: u32,
    value: u64,
    at: u64,
    taken: u64,
    alarm: u64,
    to_load: u64,
    raised: u32,
    enabled: u32,
    prescaler: u32,
    key: u32,
    pub(crate) watchdog: Watchdog,
    calibration: u32,
    /// When the measurement is over.
    measured: u64,
    /// Hertz of the bus that it is on.
    apb: u64,
    others: Registers,
}

impl TimerGroup {
    /// Group 0 protects the chip's boot with its watchdog.
    pub(crate) fn new(number: usize, apb: u64, now: u64) -> Self {
        let mut watchdog = Watchdog::new(&LAYOUT, apb, 1, now);
        if number != 0 {
            watchdog.set_config(LAYOUT.config & !LAYOUT.flash_boot, now);
        }
        Self {
            config: UP | RELOADS | 1 << 13,
            value: 0,
            at: now,
            taken: 0,
            alarm: 0,
            to_load: 0,
            raised: 0,
            enabled: 0,
            prescaler: 1 << 16,
            key: KEY,
            watchdog,
            calibration: 0x0001_3000,
            measured: 0,
            apb,
            others: Registers::new(&[(0x80, 0xFFFF_FF98), (0xFC, 0x6000_0000)]),
        }
    }

    /// The bus runs at another speed from now on.
    pub(crate) fn set_apb(&mut self, apb: u64, now: u64) {
        self.settle(now);
        self.apb = apb;
        self.time_watchdog();
    }

    fn time_watchdog(&mut self) {
        let clock = if self.watchdog.config() & WATCHDOG_ON_XTAL != 0 {
            XTAL
        } else {
            self.apb
        };
        let prescaler = u64::from(self.prescaler >> 16).max(1);
        self.watchdog.set_hertz((clock / prescaler).max(1));
    }

    fn hertz(&self) -> u64 {
        let clock = if self.config & ON_XTAL != 0 {
            XTAL
        } else {
            self.apb
        };
        let divider = match u64::from(self.config >> 13 & 0xFFFF) {
            0 => 65_536,
            1 => 2,
            divider => divider,
        };
        clock / divider
    }

    fn count(&self, now: u64) -> u64 {
        if self.config & ENABLE == 0 {
            return self.value;
        }
        let passed = cycles(now - self.at, self.hertz());
        let count = if self.config & UP != 0 {
            self.value.wrapping_add(passed)
        } else {
            self.value.wrapping_sub(passed)
        };
        count & MASK
    }

    /// What it stands at becomes where it goes on from.
    fn settle(&mut self, now: u64) {
        self.value = self.count(now);
        self.at = now;
    }

    fn alarms_at(&self) -> Option<u64> {
        if self.config & (ENABLE | ALARM) != ENABLE | ALARM {
            return None;
        }
        let left = if self.config & UP != 0 {
            self.alarm.saturating_sub(self.value)
        } else {
            self.value.saturating_sub(self.alarm)
        };
        Some(self.at + time_of(left, self.hertz()))
    }

    pub(crate) fn next_event(&self) -> Option<u64> {
        let events = [self.alarms_at(), self.watchdog.next_event()];
        events.into_iter().flatten().min()
    }

    /// What the watchdog does by now, besides interrupting.
    pub(crate) fn run_until(&mut self, now: u64) -> Option<Action> {
        if let Some(at) = self.alarms_at().filter(|at| *at <= now) {
            self.raised |= TIMER;
            // An alarm is over once it was raised.
            self.config &= !ALARM;
            if self.config & RELOADS != 0 {
                (self.value, self.at) = (self.to_load, at);
            }
        }
        match self.watchdog.expire(now)? {
            Action::Interrupt => {
                self.raised |= WATCHDOG;
                None
            }
            action => Some(action),
        }
    }

    /// The interrupt lines of timer and watchdog.
    pub(crate) const fn lines(&self) -> u32 {
        self.raised & self.enabled
    }

    pub(crate) fn read(&self, offset: u32, now: u64) -> u32 {
        match offset {
            0x00 => self.config,
            0x04 => (self.taken & 0xFFFF_FFFF) as u32,
            0x08 => (self.taken >> 32) as u32,
            // Taken at once.
            0x0C => 0,
            0x10 => (self.alarm & 0xFFFF_FFFF) as u32,
            0x14 => (self.alarm >> 32) as u32,
            0x48 => self.watchdog.config(),
            0x4C => self.prescaler,
            0x50..=0x5C => self.watchdog.hold((offset as usize - 0x50) / 4),
            0x64 => self.key,
            0x68 if now >= self.measured => self.calibration | READY,
            0x68 => self.calibration & !READY,
            0x6C => self.measurement() << 7,
            0x70 => self.enabled,
            0x74 => self.raised,
            0x78 => self.lines(),
            _ => self.others.read(offset),
        }
    }

    /// Cycles of the crystal in so many of a slow clock.
    fn measurement(&self) -> u32 {
        let measured = u64::from(self.calibration >> 16 & 0x7FFF);
        u32::try_from(measured * XTAL / self.slow_clock()).unwrap_or(u32::MAX)
    }

    fn slow_clock(&self) -> u64 {
        match self.calibration >> 13 & 3 {
            0 => RC_SLOW,
            1 => RC_FAST / 256,
            // An external crystal, which no board here has.
            _ => 1,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) -> Result<(), Fault> {
        if PROTECTED.contains(&offset) && self.key != KEY {
            let what = "it is protected: its key was not written before";
            return Err(Fault::Misuse {
                register: offset,
                what,
            });
        }
        self.settle(now);
        match offset {
            0x00 => self.config = value,
            0x0C => self.taken = self.value,
            0x10 => self.alarm = self.alarm & !0xFFFF_FFFF | u64::from(value),
            0x14 => self.alarm = (self.alarm & 0xFFFF_FFFF | u64::from(value) << 32) & MASK,
            0x18 => self.to_load = self.to_load & !0xFFFF_FFFF | u64::from(value),
            0x1C => self.to_load = (self.to_load & 0xFFFF_FFFF | u64::from(value) << 32) & MASK,
            0x20 => self.value = self.to_load,
            0x48 => {
                self.watchdog.set_config(value & !UPDATE, now);
                self.time_watchdog();
            }
            0x4C => {
                self.prescaler = value;
                self.time_watchdog();
            }
            0x50..=0x5C => self.watchdog.set_hold((offset as usize - 0x50) / 4, value),
            0x60 => self.watchdog.feed(now),
            0x64 => self.key = value,
            0x68 => {
                let starts = value & START != 0 && self.calibration & START == 0;
                self.calibration = value & !READY;
                if starts {
                    let cycles = u64::from(value >> 16 & 0x7FFF);
                    self.measured = now + time_of(cycles, self.slow_clock());
                }
            }
            0x70 => self.enabled = value & (TIMER | WATCHDOG),
            0x7C => self.raised &= !value,
            _ => self.others.write(offset, value),
        }
        Ok(())
    }
}

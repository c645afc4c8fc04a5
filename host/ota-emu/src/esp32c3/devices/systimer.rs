//! SYSTIMER: two counters of 16 MHz, and three alarms.

use super::{cycles, registers::Registers, time_of};

const HERTZ: u64 = 16_000_000;
/// Counters and alarms have 52 bits.
const MASK: u64 = (1 << 52) - 1;

/// CONF, after a reset: counter 0 runs.
const CONF: u32 = 0x4600_0000;
const UNIT_RUNS: [u32; 2] = [1 << 30, 1 << 29];
const ALARM_ON: [u32; 3] = [1 << 24, 1 << 23, 1 << 22];
/// TARGET_CONF.
const PERIOD: u32 = (1 << 26) - 1;
const PERIODIC: u32 = 1 << 30;
/// UNIT_OP: take the value; it was taken.
const UPDATE: u32 = 1 << 30;
const VALID: u32 = 1 << 29;

/// A counter: what it stood at, at a time.
#[derive(Debug, Clone, Copy, Default)]
struct Unit {
    value: u64,
    at: u64,
    runs: bool,
    taken: u64,
    to_load: u64,
}

impl Unit {
    fn count(&self, now: u64) -> u64 {
        let passed = if self.runs {
            cycles(now, HERTZ) - cycles(self.at, HERTZ)
        } else {
            0
        };
        self.value.wrapping_add(passed) & MASK
    }

    fn set(&mut self, value: u64, now: u64) {
        (self.value, self.at) = (value & MASK, now);
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Alarm {
    target: u64,
    config: u32,
    /// What the counter has to reach, once it was loaded.
    due: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct SysTimer {
    conf: u32,
    units: [Unit; 2],
    alarms: [Alarm; 3],
    raised: u32,
    enabled: u32,
    others: Registers,
}

impl SysTimer {
    pub(crate) fn new(now: u64) -> Self {
        let mut timer = Self {
            conf: 0,
            units: [Unit::default(); 2],
            alarms: [Alarm::default(); 3],
            raised: 0,
            enabled: 0,
            others: Registers::default(),
        };
        timer.configure(CONF, now);
        timer
    }

    fn configure(&mut self, conf: u32, now: u64) {
        self.conf = conf;
        for (unit, runs) in self.units.iter_mut().zip(UNIT_RUNS) {
            unit.set(unit.count(now), now);
            unit.runs = conf & runs != 0;
        }
    }

    fn unit_of(&self, alarm: usize) -> &Unit {
        &self.units[(self.alarms[alarm].config >> 31) as usize]
    }

    fn is_on(&self, alarm: usize) -> bool {
        self.conf & ALARM_ON[alarm] != 0
    }

    /// When an alarm will have been reached.
    fn time(&self, alarm: usize) -> Option<u64> {
        let due = self.alarms[alarm].due.filter(|_| self.is_on(alarm))?;
        let unit = self.unit_of(alarm);
        if !unit.runs {
            return None;
        }
        let ticks = cycles(unit.at, HERTZ) + due.saturating_sub(unit.value);
        Some(time_of(ticks, HERTZ))
    }

    pub(crate) fn next_event(&self) -> Option<u64> {
        (0..3).filter_map(|alarm| self.time(alarm)).min()
    }

    pub(crate) fn run_until(&mut self, now: u64) {
        for alarm in 0..3 {
            if self.time(alarm).is_none_or(|time| time > now) {
                continue;
            }
            self.raised |= 1 << alarm;
            let count = self.unit_of(alarm).count(now);
            let this = &mut self.alarms[alarm];
            this.due = this.due.filter(|_| this.config & PERIODIC != 0).map(|due| {
                let period = u64::from(this.config & PERIOD).max(1);
                due + (count.saturating_sub(due) / period + 1) * period
            });
        }
    }

    /// The interrupt lines of the three alarms.
    pub(crate) const fn lines(&self) -> u32 {
        self.raised & self.enabled
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        let half = |value: u64| (value >> 32) as u32;
        match offset {
            0x00 => self.conf,
            0x04 | 0x08 => VALID,
            0x1C..=0x30 => {
                let target = self.alarms[(offset as usize - 0x1C) / 8].target;
                if offset & 4 != 0 {
                    half(target)
                } else {
                    low(target)
                }
            }
            0x34..=0x3C => self.alarms[(offset as usize - 0x34) / 4].config,
            0x40 | 0x48 => half(self.units[(offset as usize - 0x40) / 8].taken),
            0x44 | 0x4C => low(self.units[(offset as usize - 0x44) / 8].taken),
            0x64 => self.enabled,
            0x68 => self.raised,
            0x70 => self.lines(),
            _ => self.others.read(offset),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) {
        self.run_until(now);
        match offset {
            0x00 => self.configure(value, now),
            0x04 | 0x08 if value & UPDATE != 0 => {
                let unit = &mut self.units[(offset as usize - 4) / 4];
                unit.taken = unit.count(now);
            }
            0x0C..=0x18 => {
                let unit = &mut self.units[(offset as usize - 0x0C) / 8];
                // The upper half is first.
                put_half(&mut unit.to_load, offset & 4 != 0, value);
            }
            0x1C..=0x30 => {
                let alarm = &mut self.alarms[(offset as usize - 0x1C) / 8];
                put_half(&mut alarm.target, offset & 4 != 0, value);
            }
            0x34..=0x3C => self.alarms[(offset as usize - 0x34) / 4].config = value,
            0x50..=0x58 => self.load((offset as usize - 0x50) / 4, now),
            0x5C | 0x60 => {
                let unit = &mut self.units[(offset as usize - 0x5C) / 4];
                unit.set(unit.to_load, now);
            }
            0x64 => self.enabled = value & 7,
            0x6C => self.raised &= !value,
            _ => self.others.write(offset, value),
        }
    }

    /// An alarm takes what was set up for it.
    fn load(&mut self, alarm: usize, now: u64) {
        let count = self.unit_of(alarm).count(now);
        let alarm = &mut self.alarms[alarm];
        alarm.due = Some(if alarm.config & PERIODIC != 0 {
            count + u64::from(alarm.config & PERIOD)
        } else {
            alarm.target
        });
    }
}

const fn low(value: u64) -> u32 {
    (value & 0xFFFF_FFFF) as u32
}

fn put_half(whole: &mut u64, upper: bool, half: u32) {
    *whole = if upper {
        *whole & 0xFFFF_FFFF | u64::from(half) << 32
    } else {
        *whole & !0xFFFF_FFFF | u64::from(half)
    } & MASK;
}

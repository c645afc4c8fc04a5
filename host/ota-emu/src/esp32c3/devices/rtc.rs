//! The RTC: what survives the resets of the rest, why it was reset, time, and its two watchdogs.

use super::registers::Registers;
use super::watchdog::{Action, KEY, Layout, Watchdog};
use super::{RC_SLOW, SECOND, cycles};
use crate::exit::Fault;
use core::hash::{Hash as _, Hasher};

const LAYOUT: Layout = Layout {
    actions: [28, 25, 22, 19],
    action_mask: 7,
    flash_boot: 1 << 12,
    flash_boot_action: Action::ResetSystem,
    config: 0x0001_3214,
    holds: [200_000, 80_000, 0xFFF, 0xFFF],
};
/// Stage 0 is as long as it says times two to the power of one more than a fuse, which is 0.
const FIRST_STAGE: u64 = 2;
/// The registers of the watchdog, and what opens them.
const WATCHDOG: core::ops::Range<u32> = 0x90..0xA8;
const WATCHDOG_KEY: u32 = 0xA8;
/// The super watchdog, and what opens it.
const SUPER: u32 = 0xAC;
const SUPER_KEY: u32 = 0xB0;
const SUPER_OPENS: u32 = 0x8F1D_312A;
const SUPER_FEEDS_ITSELF: u32 = 1 << 31;
const SUPER_OFF: u32 = 1 << 30;
const SUPER_FEED: u32 = 1 << 29;
const SUPER_CLEAR_FLAG: u32 = 1 << 28;
const SUPER_FLAG: u32 = 1;

/// OPTIONS0.
const RESET_SYSTEM: u32 = 1 << 31;
const RESET_CPU: u32 = 1 << 5;
/// TIME_UPDATE: take the time; it was taken.
const UPDATE: u32 = 1 << 31;
const VALID: u32 = 1 << 30;
/// RESET_STATE: the vector is in the mask ROM.
const RESET_STATE: u32 = 0x3000;
/// STATE0.
const SLEEP: u32 = 1 << 31;
/// The interrupt of the watchdog.
const WATCHDOG_INTERRUPT: u32 = 1 << 3;

const AFTER_POWER_UP: &[(u32, u32)] = &[
    (0x00, 0x1C00_A000),
    (0x1C, 0x2814_0403),
    (0x20, 0x0100_0000),
    (0x24, 0x0A08_0A08),
    (0x28, 0x1020_0A08),
    (0x2C, 0x8000),
    (0x30, 0x0A08_0000),
    (0x34, 0x00C4_0000),
    (0x3C, 0x0006_0000),
    (0x60, 0x0006_6C80),
    (0x70, 0x1158_3218),
    (0x74, 0x0040_0000),
    (0x78, 0x0AB0_BE0A),
    (0x7C, 0x0001_0800),
    (0x80, 0xA000_0000),
    (0x88, 0x0055_5010),
    (0x8C, 0xAA80_5080),
    (SUPER, 0x04B0_0000),
    (0xD8, 0x43FF_0010),
    (0xE8, 0x0FF0_0000),
    (0xFC, 0xC800),
    (0x108, 0xA0D0_0000),
    (0x10C, 7),
];

#[derive(Debug, Clone)]
pub(crate) struct Rtc {
    registers: Registers,
    /// Why the chip was reset last, in the chip's numbers.
    cause: u32,
    started: u64,
    taken: u64,
    watchdog: Watchdog,
    /// When the super watchdog was fed last.
    fed: u64,
    raised: u32,
    enabled: u32,
}

/// What a store to the RTC, or its watchdogs, want of the rest of the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    ResetCpu,
    ResetCore,
    Watchdog(Action),
    SuperWatchdog,
}

impl Rtc {
    /// After a power-up, or a reset of the whole system.
    pub(crate) fn new(cause: u32, now: u64) -> Self {
        Self {
            registers: Registers::new(AFTER_POWER_UP),
            cause,
            started: now,
            taken: 0,
            watchdog: Watchdog::new(&LAYOUT, RC_SLOW, FIRST_STAGE, now),
            fed: now,
            raised: 0,
            enabled: 0,
        }
    }

    pub(crate) const fn cause(&self) -> u32 {
        self.cause
    }

    /// The rest of the chip was reset. Of its own it keeps all; the watchdog goes on, too.
    pub(crate) const fn note_reset(&mut self, cause: u32) {
        self.cause = cause;
    }

    /// What firmware may look at after a reset: why it came, and what was stored.
    pub(crate) fn hash(&self, hasher: &mut impl Hasher) {
        self.cause.hash(hasher);
        self.registers.hash(hasher);
    }

    /// The super watchdog has a period of about a second.
    fn super_fires(&self) -> Option<u64> {
        let off = self.registers.read(SUPER) & (SUPER_FEEDS_ITSELF | SUPER_OFF) != 0;
        (!off).then(|| self.fed + SECOND)
    }

    pub(crate) fn next_event(&self) -> Option<u64> {
        let events = [self.watchdog.next_event(), self.super_fires()];
        events.into_iter().flatten().min()
    }

    pub(crate) fn run_until(&mut self, now: u64) -> Option<Wish> {
        if self.super_fires().is_some_and(|at| at <= now) {
            let flagged = self.registers.read(SUPER) | SUPER_FLAG;
            self.registers.write(SUPER, flagged);
            self.fed = now;
            return Some(Wish::SuperWatchdog);
        }
        match self.watchdog.expire(now)? {
            Action::Interrupt => {
                self.raised |= WATCHDOG_INTERRUPT;
                None
            }
            action => Some(Wish::Watchdog(action)),
        }
    }

    pub(crate) const fn line(&self) -> bool {
        self.raised & self.enabled != 0
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x0C => VALID,
            0x10 => (self.taken & 0xFFFF_FFFF) as u32,
            0x14 => (self.taken >> 32) as u32,
            0x38 => RESET_STATE | self.cause,
            0x40 => self.enabled,
            0x44 => self.raised,
            0x48 => self.raised & self.enabled,
            0x90 => self.watchdog.config(),
            0x94..=0xA0 => self.watchdog.hold((offset as usize - 0x94) / 4),
            _ => self.registers.read(offset),
        }
    }

    pub(crate) fn write(
        &mut self,
        offset: u32,
        value: u32,
        now: u64,
    ) -> Result<Option<Wish>, Fault> {
        self.may_write(offset, value)?;
        match offset {
            0x00 if value & RESET_SYSTEM != 0 => return Ok(Some(Wish::ResetCore)),
            0x00 if value & RESET_CPU != 0 => return Ok(Some(Wish::ResetCpu)),
            0x0C if value & UPDATE != 0 => self.taken = cycles(now - self.started, RC_SLOW),
            0x40 => self.enabled = value,
            0x4C => self.raised &= !value,
            // W1TS and W1TC of the interrupt enables.
            0x100 => self.enabled |= value,
            0x104 => self.enabled &= !value,
            0x90 => self.watchdog.set_config(value, now),
            0x94..=0xA0 => self.watchdog.set_hold((offset as usize - 0x94) / 4, value),
            0xA4 => self.watchdog.feed(now),
            SUPER => self.configure_super(value, now),
            _ => self.registers.write(offset, value),
        }
        Ok(None)
    }

    /// What the chip would ignore without a word.
    fn may_write(&self, offset: u32, value: u32) -> Result<(), Fault> {
        let closed = WATCHDOG.contains(&offset) && self.registers.read(WATCHDOG_KEY) != KEY
            || offset == SUPER && self.registers.read(SUPER_KEY) != SUPER_OPENS;
        let what = if closed {
            "it is protected: its key was not written before"
        } else if offset == 0x18 && value & SLEEP != 0 {
            "deep sleep is not modelled"
        } else {
            return Ok(());
        };
        Err(Fault::Misuse {
            register: offset,
            what,
        })
    }

    fn configure_super(&mut self, value: u32, now: u64) {
        let before = self.registers.read(SUPER);
        let was_off = before & (SUPER_FEEDS_ITSELF | SUPER_OFF) != 0;
        if value & SUPER_FEED != 0 || was_off {
            self.fed = now;
        }
        let flag = if value & SUPER_CLEAR_FLAG == 0 {
            before & SUPER_FLAG
        } else {
            0
        };
        let kept = value & !(SUPER_FEED | SUPER_CLEAR_FLAG | SUPER_FLAG);
        self.registers.write(SUPER, kept | flag);
    }
}

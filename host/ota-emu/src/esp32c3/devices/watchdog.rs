//! What the watchdogs of RTC and timer groups have in common: four stages, one after the other.

use super::time_of;

/// What a stage does when its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Nothing,
    Interrupt,
    ResetCpu,
    ResetCore,
    ResetSystem,
}

/// Where a watchdog's configuration has its fields, and what it does until it is configured.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The lowest bit of each stage's action, and how many values it has.
    pub(crate) actions: [u32; 4],
    pub(crate) action_mask: u32,
    /// The bit of the protection while the firmware is loaded from flash, and what happens then.
    pub(crate) flash_boot: u32,
    pub(crate) flash_boot_action: Action,
    /// After a reset: configuration, and cycles of each stage.
    pub(crate) config: u32,
    pub(crate) holds: [u32; 4],
}

const ENABLED: u32 = 1 << 31;
/// What opens the registers of either.
pub(crate) const KEY: u32 = 0x50D8_3AA1;

#[derive(Debug, Clone)]
pub(crate) struct Watchdog {
    layout: &'static Layout,
    config: u32,
    holds: [u32; 4],
    /// Hertz of what it counts, and how often stage 0 is as long as it says.
    hertz: u64,
    first_factor: u64,
    /// The stage that it is in, since when.
    stage: usize,
    since: u64,
}

impl Watchdog {
    /// After a reset, counting from now.
    pub(crate) const fn new(
        layout: &'static Layout,
        hertz: u64,
        first_factor: u64,
        now: u64,
    ) -> Self {
        Self {
            layout,
            config: layout.config,
            holds: layout.holds,
            hertz,
            first_factor,
            stage: 0,
            since: now,
        }
    }

    pub(crate) const fn config(&self) -> u32 {
        self.config
    }

    pub(crate) const fn hold(&self, stage: usize) -> u32 {
        self.holds[stage & 3]
    }

    pub(crate) const fn set_config(&mut self, config: u32, now: u64) {
        let was_on = self.is_on();
        self.config = config;
        if !was_on && self.is_on() {
            self.feed(now);
        }
    }

    pub(crate) const fn set_hold(&mut self, stage: usize, cycles: u32) {
        self.holds[stage & 3] = cycles;
    }

    pub(crate) const fn set_hertz(&mut self, hertz: u64) {
        self.hertz = hertz;
    }

    pub(crate) const fn feed(&mut self, now: u64) {
        self.stage = 0;
        self.since = now;
    }

    const fn boots(&self) -> bool {
        self.config & self.layout.flash_boot != 0
    }

    const fn is_on(&self) -> bool {
        self.config & ENABLED != 0 || self.boots()
    }

    fn action(&self, stage: usize) -> Action {
        let configured = if self.config & ENABLED == 0 {
            0
        } else {
            self.config >> self.layout.actions[stage] & self.layout.action_mask
        };
        match configured {
            0 if stage == 0 && self.boots() => self.layout.flash_boot_action,
            0 => Action::Nothing,
            1 => Action::Interrupt,
            2 => Action::ResetCpu,
            3 => Action::ResetCore,
            _ => Action::ResetSystem,
        }
    }

    fn len(&self, stage: usize) -> u64 {
        let factor = if stage == 0 { self.first_factor } else { 1 };
        time_of(u64::from(self.holds[stage].max(1)) * factor, self.hertz)
    }

    /// When it next does something, and in which stage.
    fn next(&self) -> Option<(u64, usize)> {
        if !self.is_on() {
            return None;
        }
        let mut at = self.since;
        // Once around: from the stage that it is in to the same again.
        for number in 0..=4 {
            let stage = (self.stage + number) % 4;
            at = at.saturating_add(self.len(stage));
            if self.action(stage) != Action::Nothing {
                return Some((at, stage));
            }
        }
        None
    }

    pub(crate) fn next_event(&self) -> Option<u64> {
        self.next().map(|(at, _)| at)
    }

    /// What is due by now.
    pub(crate) fn expire(&mut self, now: u64) -> Option<Action> {
        let (at, stage) = self.next().filter(|(at, _)| *at <= now)?;
        self.since = at;
        self.stage = (stage + 1) % 4;
        Some(self.action(stage))
    }
}

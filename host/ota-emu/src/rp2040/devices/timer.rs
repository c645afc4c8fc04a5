//! The timer: microseconds, four alarms.

const NS_PER_TICK: u64 = 1000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Timer {
    /// When the counter was at zero, had it always run.
    zero: u64,
    /// The counter stands still at this value: there is no tick.
    stopped_at: Option<u64>,
    alarms: [u32; 4],
    /// What the counter will be when each alarm goes off.
    due: [u64; 4],
    armed: u32,
    raised: u32,
    forced: u32,
    enabled: u32,
    /// The upper half, latched by a read of the lower.
    latch: u32,
    upper_to_write: u32,
}

impl Timer {
    pub(crate) fn new(now: u64, ticking: bool) -> Self {
        Self {
            zero: now,
            stopped_at: (!ticking).then_some(0),
            ..Self::default()
        }
    }

    /// The tick generator (in the watchdog) was started or stopped.
    pub(crate) fn set_ticking(&mut self, ticking: bool, now: u64) {
        match (self.stopped_at, ticking) {
            (Some(ticks), true) => {
                self.zero = now.saturating_sub(ticks * NS_PER_TICK);
                self.stopped_at = None;
            }
            (None, false) => self.stopped_at = Some(self.ticks(now)),
            _ => {}
        }
    }

    fn ticks(&self, now: u64) -> u64 {
        self.stopped_at
            .unwrap_or((now - self.zero.min(now)) / NS_PER_TICK)
    }

    /// When the next armed alarm goes off.
    pub(crate) fn next_event(&self) -> Option<u64> {
        if self.stopped_at.is_some() {
            return None;
        }
        let armed = (0..4).filter(|&i| self.armed >> i & 1 != 0);
        armed.map(|i| self.zero + self.due[i] * NS_PER_TICK).min()
    }

    /// Raises every alarm that is due.
    pub(crate) fn run_until(&mut self, now: u64) {
        if self.armed == 0 {
            return;
        }
        let ticks = self.ticks(now);
        for (i, &due) in self.due.iter().enumerate() {
            if self.armed >> i & 1 != 0 && due <= ticks {
                self.armed &= !(1 << i);
                self.raised |= 1 << i;
            }
        }
    }

    /// Interrupt lines 0 to 3.
    pub(crate) const fn lines(&self) -> u32 {
        (self.raised | self.forced) & self.enabled
    }

    pub(crate) fn read(&mut self, offset: u32, now: u64) -> u32 {
        let ticks = self.ticks(now);
        match offset {
            0x08 => self.latch,
            0x0C => {
                self.latch = high(ticks);
                low(ticks)
            }
            0x10..=0x1C => self.alarms[(offset as usize - 0x10) / 4],
            0x20 => self.armed,
            0x24 => high(ticks),
            0x28 => low(ticks),
            0x34 => self.raised,
            0x38 => self.enabled,
            0x3C => self.forced,
            0x40 => self.lines(),
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) {
        match offset {
            0x00 => self.set(u64::from(value) << 32 | u64::from(self.upper_to_write), now),
            0x04 => self.upper_to_write = value,
            0x10..=0x1C => self.arm((offset as usize - 0x10) / 4, value, now),
            0x20 => self.armed &= !value,
            0x34 => self.raised &= !value,
            0x38 => self.enabled = value & 0xF,
            0x3C => self.forced = value & 0xF,
            _ => {}
        }
    }

    /// An alarm goes off when the lower half of the counter is equal to it: one set to a time
    /// that has passed waits for the counter to come around, 71 minutes later.
    fn arm(&mut self, alarm: usize, at: u32, now: u64) {
        let ticks = self.ticks(now);
        self.alarms[alarm] = at;
        self.due[alarm] = ticks + u64::from(at.wrapping_sub(low(ticks)));
        self.armed |= 1 << alarm;
    }

    fn set(&mut self, ticks: u64, now: u64) {
        match &mut self.stopped_at {
            Some(stopped) => *stopped = ticks,
            None => self.zero = now.saturating_sub(ticks * NS_PER_TICK),
        }
    }
}

fn low(ticks: u64) -> u32 {
    (ticks & 0xFFFF_FFFF) as u32
}

fn high(ticks: u64) -> u32 {
    (ticks >> 32) as u32
}

//! The watchdog: a countdown that resets the chip, scratch registers that survive it, and the
//! tick that drives both it and the timer.

const ENABLE: u32 = 1 << 30;
const TRIGGER: u32 = 1 << 31;
/// The countdown goes down by two in each microsecond (erratum RP2040-E1).
const NS_PER_COUNT: u64 = 500;

/// Which bits of REASON say what.
pub(crate) const REASON_TIMER: u32 = 1;
pub(crate) const REASON_FORCE: u32 = 2;

#[derive(Debug, Clone, Default)]
pub(crate) struct Watchdog {
    control: u32,
    /// Counts left, while it stands still.
    left: u32,
    /// When it fires, while it runs.
    fires: Option<u64>,
    reason: u32,
    scratch: [u32; 8],
    tick: u32,
}

impl Watchdog {
    /// What a reset by the watchdog leaves: the reason and the scratch registers.
    pub(crate) fn after_reset(&self, reason: u32) -> Self {
        Self {
            reason,
            scratch: self.scratch,
            ..Self::default()
        }
    }

    /// Whether the tick generator runs: enabled, and told how long a microsecond is.
    pub(crate) const fn ticking(&self) -> bool {
        self.tick & 1 << 9 != 0 && self.tick & 0x1FF != 0
    }

    pub(crate) const fn fires(&self) -> Option<u64> {
        self.fires
    }

    pub(crate) fn read(&self, offset: u32, now: u64) -> u32 {
        match offset {
            0x00 => self.control | self.count(now),
            0x08 => self.reason,
            0x0C..=0x28 => self.scratch[(offset as usize - 0x0C) / 4],
            0x2C => self.tick | u32::from(self.ticking()) << 10,
            _ => 0,
        }
    }

    /// Whether the firmware pulled the trigger.
    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) -> bool {
        let left = self.count(now);
        match offset {
            0x00 => self.control = value & (ENABLE | 7 << 24),
            0x0C..=0x28 => self.scratch[(offset as usize - 0x0C) / 4] = value,
            0x2C => self.tick = value & 0x3FF,
            _ => {}
        }
        self.left = if offset == 0x04 {
            value & 0xFF_FFFF
        } else {
            left
        };
        let runs = self.control & ENABLE != 0 && self.ticking();
        self.fires = runs.then(|| now + u64::from(self.left) * NS_PER_COUNT);
        offset == 0 && value & TRIGGER != 0
    }

    fn count(&self, now: u64) -> u32 {
        self.fires.map_or(self.left, |fires| {
            u32::try_from(fires.saturating_sub(now) / NS_PER_COUNT).unwrap_or(0)
        })
    }
}

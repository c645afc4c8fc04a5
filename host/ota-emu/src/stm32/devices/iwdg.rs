//! The independent watchdog: counts down in the 32 kHz of the LSI, and nothing stops it.

/// Picoseconds of a cycle of the LSI.
const LSI: u64 = 31_250_000;
const START: u32 = 0xCCCC;
const UNLOCK: u32 = 0x5555;
const FEED: u32 = 0xAAAA;
/// No window: it may be fed at any time.
const NO_WINDOW: u32 = 0xFFF;

#[derive(Debug, Clone)]
pub(crate) struct Iwdg {
    prescaler: u32,
    reload: u32,
    window: u32,
    unlocked: bool,
    /// When it fires, once it was started.
    fires: Option<u64>,
}

impl Default for Iwdg {
    fn default() -> Self {
        Self {
            prescaler: 0,
            reload: 0xFFF,
            window: NO_WINDOW,
            unlocked: false,
            fires: None,
        }
    }
}

impl Iwdg {
    pub(crate) const fn fires(&self) -> Option<u64> {
        self.fires
    }

    fn count(&self) -> u64 {
        LSI * (4 << self.prescaler.min(6))
    }

    fn restart(&mut self, now: u64) {
        self.fires = Some(now + (u64::from(self.reload) + 1) * self.count());
    }

    /// What the counter stands at.
    fn counter(&self, now: u64) -> u32 {
        let left = self.fires.map_or(0, |fires| fires.saturating_sub(now));
        u32::try_from(left.div_ceil(self.count()).saturating_sub(1)).unwrap_or(0)
    }

    pub(crate) const fn read(&self, offset: u32) -> u32 {
        match offset {
            0x04 => self.prescaler,
            0x08 => self.reload,
            0x10 => self.window,
            // KR reads 0; SR: values are taken at once.
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) {
        match offset {
            0x00 => self.key(value & 0xFFFF, now),
            0x04 if self.unlocked => self.prescaler = value & 7,
            0x08 if self.unlocked => self.reload = value & 0xFFF,
            0x10 if self.unlocked => {
                self.window = value & 0xFFF;
                // A store to the window feeds it.
                if self.fires.is_some() {
                    self.restart(now);
                }
            }
            _ => {}
        }
    }

    fn key(&mut self, key: u32, now: u64) {
        self.unlocked = key == UNLOCK;
        match key {
            START => self.restart(now),
            // Fed too early, it fires.
            FEED if self.fires.is_some() && self.counter(now) > self.window => {
                self.fires = Some(now);
            }
            FEED if self.fires.is_some() => self.restart(now),
            _ => {}
        }
    }
}

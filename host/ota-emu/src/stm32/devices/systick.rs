//! SysTick: counts down in the core's clock, or in an eighth of it.

const ENABLE: u32 = 1;
const INTERRUPT: u32 = 1 << 1;
const WHOLE_CLOCK: u32 = 1 << 2;

#[derive(Debug, Clone)]
pub(crate) struct SysTick {
    control: u32,
    reload: u32,
    /// Picoseconds of a cycle of the core.
    cycle: u64,
    /// When the counter is next zero, while it runs; otherwise what it stands at.
    zero_at: u64,
    stands_at: u32,
    fired: bool,
}

impl SysTick {
    pub(crate) const fn new(cycle: u64) -> Self {
        Self {
            control: 0,
            reload: 0,
            cycle,
            zero_at: 0,
            stands_at: 0,
            fired: false,
        }
    }

    pub(crate) const fn runs(&self) -> bool {
        self.control & ENABLE != 0 && self.reload != 0
    }

    pub(crate) const fn interrupts(&self) -> bool {
        self.control & INTERRUPT != 0
    }

    /// Whether it has reached zero since the last call.
    pub(crate) const fn take_fired(&mut self) -> bool {
        core::mem::replace(&mut self.fired, false)
    }

    const fn tick(&self) -> u64 {
        if self.control & WHOLE_CLOCK != 0 {
            self.cycle
        } else {
            8 * self.cycle
        }
    }

    /// A period: the reload value takes a tick of its own.
    fn period(&self) -> u64 {
        (u64::from(self.reload) + 1) * self.tick()
    }

    /// The counter: 0 from when it gets there until it is reloaded, a tick later.
    pub(crate) fn value(&self, now: u64) -> u32 {
        if !self.runs() {
            return self.stands_at;
        }
        let left = self.zero_at.saturating_sub(now).div_ceil(self.tick());
        u32::try_from(left)
            .ok()
            .filter(|left| *left <= self.reload)
            .unwrap_or(0)
    }

    pub(crate) fn next_event(&self) -> Option<u64> {
        self.runs().then_some(self.zero_at)
    }

    pub(crate) fn run_until(&mut self, now: u64) {
        while self.runs() && self.zero_at <= now {
            self.fired = true;
            self.zero_at += self.period();
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) {
        let stood = self.value(now);
        match offset {
            0x0 => self.control = value & 7,
            0x4 => self.reload = value & 0xFF_FFFF,
            _ => {}
        }
        // A store to the counter clears it, whatever was stored.
        self.restart(if offset == 0x8 { 0 } else { stood }, now);
    }

    pub(crate) fn set_cycle(&mut self, cycle: u64, now: u64) {
        let stood = self.value(now);
        self.cycle = cycle;
        self.restart(stood, now);
    }

    fn restart(&mut self, value: u32, now: u64) {
        self.stands_at = value;
        self.zero_at = now
            + match value {
                0 => self.period(),
                value => u64::from(value) * self.tick(),
            };
    }
}

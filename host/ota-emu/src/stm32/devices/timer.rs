//! The general-purpose timers, as counters that go up: prescaler, auto-reload, compares.

const ENABLE: u32 = 1;
/// CR1: only the counter raises the update flag, not the software.
const ONLY_COUNTER: u32 = 1 << 2;
const ONE_PULSE: u32 = 1 << 3;
/// DIER and SR: update, and the four compares.
const UPDATE: u32 = 1;
const FLAGS: u32 = 0x1F;

#[derive(Debug, Clone)]
pub(crate) struct Timer {
    /// Picoseconds of a cycle of the timer's clock.
    cycle: u64,
    /// 16 or 32 bits.
    mask: u32,
    /// How many compares there are.
    channels: usize,
    control: u32,
    interrupts: u32,
    flags: u32,
    prescaler: u32,
    /// What the prescaler becomes at the next update.
    next_prescaler: u32,
    reload: u32,
    compares: [u32; 4],
    /// The counter, and the time up to which it has counted.
    count: u32,
    counted: u64,
    /// Registers that only remember.
    others: [u32; 4],
}

impl Timer {
    pub(crate) const fn new(mask: u32, channels: usize, cycle: u64, now: u64) -> Self {
        Self {
            cycle,
            mask,
            channels,
            control: 0,
            interrupts: 0,
            flags: 0,
            prescaler: 0,
            next_prescaler: 0,
            reload: mask,
            compares: [0; 4],
            count: 0,
            counted: now,
            others: [0; 4],
        }
    }

    const fn runs(&self) -> bool {
        self.control & ENABLE != 0
    }

    fn tick(&self) -> u64 {
        self.cycle * (u64::from(self.prescaler) + 1)
    }

    /// Ticks until the counter next becomes `value`; none if it never does.
    fn ticks_until(&self, value: u32) -> Option<u64> {
        let (count, value) = (u64::from(self.count), u64::from(value));
        let period = u64::from(self.reload) + 1;
        if value >= period {
            None
        } else if value > count {
            Some(value - count)
        } else {
            Some(value + period - count.min(period - 1))
        }
    }

    /// Counts up to `now`.
    pub(crate) fn run_until(&mut self, now: u64) {
        if !self.runs() {
            self.counted = now;
            return;
        }
        while let ticks @ 1.. = now.saturating_sub(self.counted) / self.tick() {
            let to_update = self.ticks_until(0).unwrap_or(u64::MAX);
            let ticks = ticks.min(to_update);
            for (i, compare) in self.compares.iter().take(self.channels).enumerate() {
                if self
                    .ticks_until(*compare)
                    .is_some_and(|until| until <= ticks)
                {
                    self.flags |= 2 << i;
                }
            }
            self.counted += ticks * self.tick();
            if ticks < to_update {
                self.count += u32::try_from(ticks).unwrap_or(0);
                break;
            }
            self.update();
            self.flags |= UPDATE;
            if self.control & ONE_PULSE != 0 {
                self.control &= !ENABLE;
                self.counted = now;
                break;
            }
        }
    }

    fn update(&mut self) {
        self.count = 0;
        self.prescaler = self.next_prescaler;
    }

    /// When the next flag rises that interrupts.
    pub(crate) fn next_event(&self) -> Option<u64> {
        let enabled = self.interrupts & !self.flags & FLAGS;
        if !self.runs() || enabled == 0 {
            return None;
        }
        let update = (enabled & UPDATE != 0).then(|| self.ticks_until(0));
        let compares = (0..self.channels)
            .filter(|i| enabled >> (i + 1) & 1 != 0)
            .map(|i| self.ticks_until(self.compares[i]));
        let ticks = compares.chain(update).flatten().min()?;
        Some(self.counted + ticks * self.tick())
    }

    pub(crate) const fn line(&self) -> bool {
        self.flags & self.interrupts & FLAGS != 0
    }

    pub(crate) fn set_cycle(&mut self, cycle: u64, now: u64) {
        self.run_until(now);
        self.cycle = cycle;
        self.counted = now;
    }

    pub(crate) fn read(&mut self, offset: u32, now: u64) -> u32 {
        self.run_until(now);
        match offset {
            0x00 => self.control,
            0x0C => self.interrupts,
            0x10 => self.flags,
            0x24 => self.count,
            0x28 => self.next_prescaler,
            0x2C => self.reload,
            0x34..=0x40 => self.compares[(offset as usize - 0x34) / 4],
            _ => self.other(offset).map_or(0, |other| *other),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) {
        self.run_until(now);
        match offset {
            0x00 => self.control = value & 0x3FF,
            0x0C => self.interrupts = value,
            // Flags are cleared by zeros.
            0x10 => self.flags &= value,
            0x14 => self.generate(value, now),
            0x24 => self.count = value & self.mask,
            // Taken at the next update.
            0x28 => self.next_prescaler = value & 0xFFFF,
            0x2C => self.reload = value & self.mask,
            0x34..=0x40 => self.compares[(offset as usize - 0x34) / 4] = value & self.mask,
            _ => {
                if let Some(other) = self.other(offset) {
                    *other = value;
                }
            }
        }
    }

    /// EGR: events by software.
    fn generate(&mut self, events: u32, now: u64) {
        if events & UPDATE != 0 {
            self.update();
            self.counted = now;
        }
        let quiet = self.control & ONLY_COUNTER;
        self.flags |= events & FLAGS & !(quiet >> 2);
    }

    /// CR2, the modes and enables of the channels: outputs are not modelled.
    fn other(&mut self, offset: u32) -> Option<&mut u32> {
        let index = match offset {
            0x04 => 0,
            0x18 => 1,
            0x1C => 2,
            0x20 => 3,
            _ => return None,
        };
        self.others.get_mut(index)
    }
}

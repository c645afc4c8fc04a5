//! The interrupt matrix: which device interrupts the processor under which number.

/// Interrupts of devices.
const SOURCES: usize = 62;
const ENABLE: u32 = 0x104;
const TYPE: u32 = 0x108;
const PRIORITIES: u32 = 0x114;
const THRESHOLD: u32 = 0x194;

/// Numbers of the devices that interrupt here.
pub(crate) mod source {
    pub(crate) const UART0: u32 = 21;
    pub(crate) const USB: u32 = 26;
    pub(crate) const RTC: u32 = 27;
    /// Timer and watchdog of group 0, then of group 1.
    pub(crate) const TIMER_GROUPS: u32 = 32;
    pub(crate) const SYSTIMER: u32 = 37;
    pub(crate) const SHA: u32 = 49;
    pub(crate) const FROM_CPU: u32 = 50;
}

#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    maps: [u8; SOURCES],
    enabled: u32,
    priorities: [u8; 32],
    threshold: u32,
    /// The devices' lines, as of the last time that somebody looked.
    lines: u64,
}

impl Matrix {
    pub(crate) const fn new() -> Self {
        Self {
            maps: [0; SOURCES],
            enabled: 0,
            priorities: [0; 32],
            threshold: 0,
            lines: 0,
        }
    }

    pub(crate) const fn set_lines(&mut self, lines: u64) {
        self.lines = lines;
    }

    /// The interrupt that the processor is to take: that of the highest priority, and among equals
    /// the lowest number. Number 0 is none.
    pub(crate) fn pending(&self) -> Option<u32> {
        let mut best: Option<(u8, u8)> = None;
        let mut left = self.lines;
        while left != 0 {
            let source = left.trailing_zeros() as usize;
            left &= left - 1;
            let number = self.maps.get(source).copied().unwrap_or(0);
            let priority = self.priorities[usize::from(number)];
            let open = number != 0
                && self.enabled >> number & 1 != 0
                && priority > 0
                && u32::from(priority) >= self.threshold;
            if open
                && best.is_none_or(|(most, lowest)| {
                    priority > most || priority == most && number < lowest
                })
            {
                best = Some((priority, number));
            }
        }
        best.map(|(_, number)| u32::from(number))
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00..=0xF4 => self.maps[offset as usize / 4].into(),
            0xF8 => (self.lines & 0xFFFF_FFFF) as u32,
            0xFC => (self.lines >> 32) as u32,
            ENABLE => self.enabled,
            PRIORITIES..THRESHOLD => self.priorities[(offset - PRIORITIES) as usize / 4].into(),
            THRESHOLD => self.threshold,
            0x100 => 1,
            _ => 0,
        }
    }

    /// False if it is asked for what is not modelled: interrupts by edge.
    pub(crate) fn write(&mut self, offset: u32, value: u32) -> bool {
        match offset {
            0x00..=0xF4 => self.maps[offset as usize / 4] = value.to_le_bytes()[0] & 31,
            ENABLE => self.enabled = value,
            TYPE => return value == 0,
            PRIORITIES..THRESHOLD => {
                let number = (offset - PRIORITIES) as usize / 4;
                self.priorities[number] = value.to_le_bytes()[0] & 15;
            }
            THRESHOLD => self.threshold = value & 15,
            _ => {}
        }
        true
    }
}

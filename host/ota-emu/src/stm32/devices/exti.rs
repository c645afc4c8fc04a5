//! Interrupts from the pins: an edge on one of sixteen lines, each of a port that SYSCFG chooses.

const IMR: u32 = 0x00;
const EMR: u32 = 0x04;
const RTSR: u32 = 0x08;
const FTSR: u32 = 0x0C;
const SWIER: u32 = 0x10;
const PR: u32 = 0x14;
/// The lines that are pins.
const PINS: u32 = 0xFFFF;
/// The interrupts of lines 0 to 4, of 5 to 9 together, and of 10 to 15.
const INTERRUPTS: [(u32, u32); 7] = [
    (1, 6),
    (1 << 1, 7),
    (1 << 2, 8),
    (1 << 3, 9),
    (1 << 4, 10),
    (0x03E0, 23),
    (0xFC00, 40),
];

#[derive(Debug, Clone, Default)]
pub(crate) struct Exti {
    mask: u32,
    rising: u32,
    falling: u32,
    pending: u32,
    /// The lines as they were last.
    levels: u32,
}

impl Exti {
    /// Whether any edge matters.
    pub(crate) const fn listens(&self) -> bool {
        (self.rising | self.falling) & PINS != 0
    }

    /// The lines have these levels now.
    pub(crate) const fn see(&mut self, levels: u32) {
        let (up, down) = (levels & !self.levels, self.levels & !levels);
        self.pending |= (up & self.rising | down & self.falling) & PINS;
        self.levels = levels;
    }

    pub(crate) const fn read(&self, offset: u32) -> u32 {
        match offset {
            IMR => self.mask,
            RTSR => self.rising,
            FTSR => self.falling,
            PR => self.pending,
            _ => 0,
        }
    }

    /// A store; false if it asks for what is not modelled.
    pub(crate) const fn write(&mut self, offset: u32, value: u32) -> bool {
        match offset {
            IMR => self.mask = value,
            RTSR => self.rising = value,
            FTSR => self.falling = value,
            // Flags are cleared by writing ones.
            PR => self.pending &= !value,
            // Events, and edges by software.
            EMR | SWIER => return value & PINS == 0,
            _ => {}
        }
        true
    }

    /// The interrupts that are up.
    pub(crate) fn lines(&self) -> u64 {
        let raised = self.pending & self.mask;
        INTERRUPTS
            .iter()
            .filter(|(lines, _)| raised & lines != 0)
            .fold(0, |up, (_, interrupt)| up | 1 << interrupt)
    }
}

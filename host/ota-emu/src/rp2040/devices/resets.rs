//! Which devices are held in reset (RESETS), what the watchdog resets (PSM), and what the chip
//! remembers of its last power-up (VREG_AND_CHIP_RESET).

/// Every bit of RESETS.RESET.
const ALL: u32 = 0x01FF_FFFF;
/// What the boot ROM leaves running: the pins of the flash.
const FLASH_PINS: u32 = 1 << 6 | 1 << 9;
/// The core in PSM.WDSEL.
const CORE: u32 = 1 << 15;

/// Bits of RESETS.RESET, for those devices that are modelled.
pub(crate) mod bit {
    pub(crate) const ADC: u32 = 0;
    pub(crate) const DMA: u32 = 2;
    pub(crate) const IO_BANK0: u32 = 5;
    pub(crate) const PADS_BANK0: u32 = 8;
    pub(crate) const SPI0: u32 = 16;
    pub(crate) const TIMER: u32 = 21;
    pub(crate) const UART0: u32 = 22;
}

#[derive(Debug, Clone)]
pub(crate) struct Resets {
    held: u32,
    watchdog_select: u32,
}

impl Resets {
    pub(crate) const fn new() -> Self {
        Self {
            held: ALL & !FLASH_PINS,
            watchdog_select: 0,
        }
    }

    pub(crate) const fn is_held(&self, bit: u32) -> bool {
        self.held >> bit & 1 != 0
    }

    pub(crate) const fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 => self.held,
            0x04 => self.watchdog_select,
            0x08 => !self.held & ALL,
            _ => 0,
        }
    }

    /// Which devices went into reset just now.
    pub(crate) const fn write(&mut self, offset: u32, value: u32) -> u32 {
        match offset {
            0x00 => {
                let new = value & ALL & !self.held;
                self.held = value & ALL;
                new
            }
            0x04 => {
                self.watchdog_select = value & ALL;
                0
            }
            _ => 0,
        }
    }
}

/// PSM: which parts of the chip the watchdog resets.
#[derive(Debug, Clone, Default)]
pub(crate) struct PowerSequence {
    forced_on: u32,
    forced_off: u32,
    watchdog_select: u32,
}

impl PowerSequence {
    /// Whether the watchdog resets the core.
    pub(crate) const fn watchdog_resets_core(&self) -> bool {
        self.watchdog_select & CORE != 0
    }

    pub(crate) const fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 => self.forced_on,
            0x04 => self.forced_off,
            0x08 => self.watchdog_select,
            0x0C => 0x1_FFFF & !self.forced_off,
            _ => 0,
        }
    }

    pub(crate) const fn write(&mut self, offset: u32, value: u32) {
        match offset {
            0x00 => self.forced_on = value,
            0x04 => self.forced_off = value,
            0x08 => self.watchdog_select = value & 0x1_FFFF,
            _ => {}
        }
    }
}

/// What VREG_AND_CHIP_RESET says of the last reset of the whole chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChipReset {
    /// The power came on, or was too low for a moment.
    Power,
    /// The RUN pin.
    RunPin,
}

impl ChipReset {
    pub(crate) const fn read(self, offset: u32) -> u32 {
        match (offset, self) {
            // VREG: regulated. BOD: its reset value.
            (0x00, _) => 1 << 12 | 0xB1,
            (0x04, _) => 0x91,
            (0x08, Self::Power) => 1 << 8,
            (0x08, Self::RunPin) => 1 << 16,
            _ => 0,
        }
    }
}

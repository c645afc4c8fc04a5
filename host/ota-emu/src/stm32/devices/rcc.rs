//! Reset and clock control: oscillators that are ready at once, the clocks they make, why the
//! chip was reset, and which device has a clock.

use std::collections::BTreeMap;

const CR: u32 = 0x00;
const CFGR: u32 = 0x08;
const PLLCFGR: u32 = 0x0C;
const CCIPR: u32 = 0x88;
const BDCR: u32 = 0x90;
const CSR: u32 = 0x94;
/// BDCR: resets the registers of the RTC's domain.
const BDRST: u32 = 1 << 16;
/// CSR: clears the reset flags, and the flags.
const RMVF: u32 = 1 << 23;
const RESET_FLAGS: u32 = 0xFF << 24;
/// CR after a reset: MSI on, at 4 MHz.
const CR_RESET: u32 = 0x60 | 1;
const CR_MSIRGSEL: u32 = 1 << 3;
/// CR: each "ready", a bit above its "on" (HSI's two), is not for programs to write.
const CR_READY: u32 = 0x1501_0001 << 1 | 0x100 << 2;

/// Flags of CSR.
pub(crate) mod cause {
    pub(crate) const OPTION_BYTES: u32 = 1 << 25;
    pub(crate) const PIN: u32 = 1 << 26;
    pub(crate) const POWER: u32 = 1 << 27;
    pub(crate) const SOFTWARE: u32 = 1 << 28;
    pub(crate) const WATCHDOG: u32 = 1 << 29;
}

/// Clocks in hertz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) core: u64,
    /// The buses with the peripherals, and the timers on them.
    pub(crate) apb: [u64; 2],
    pub(crate) timers: [u64; 2],
    pub(crate) usart2: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Rcc {
    registers: BTreeMap<u32, u32>,
    /// Why the chip was reset, since the flags were cleared.
    causes: u32,
}

impl Rcc {
    /// After the power came.
    pub(crate) fn new() -> Self {
        let mut rcc = Self {
            registers: BTreeMap::new(),
            causes: 0,
        };
        rcc.reset(cause::POWER | cause::PIN);
        rcc
    }

    /// A reset of the chip, which the RTC's domain survives.
    pub(crate) fn reset(&mut self, cause: u32) {
        self.registers.retain(|register, _| *register == BDCR);
        self.registers.insert(CR, CR_RESET);
        // Calibration of MSI and HSI, as the factory might have left it; the PLLs' dividers.
        self.registers.insert(0x04, 0x1080_0080);
        for pll in [PLLCFGR, 0x10, 0x14] {
            self.registers.insert(pll, 0x1000);
        }
        // The flash keeps its clock.
        self.registers.insert(0x48, 1 << 8);
        self.causes |= cause;
    }

    fn get(&self, offset: u32) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        let value = self.get(offset);
        match offset {
            // Each "ready" follows its "on": MSI, HSI, HSE and the PLLs.
            CR => value | (value & 0x1501_0001) << 1 | (value & 0x100) << 2,
            // The multiplexer has switched.
            CFGR => value & !0xC | (value & 3) << 2,
            BDCR => value | (value & 1) << 1,
            CSR => value | (value & 1) << 1 | self.causes,
            // HSI48 is ready.
            0x98 => value | (value & 1) << 1,
            _ => value,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            CSR => {
                if value & RMVF != 0 {
                    self.causes = 0;
                }
                self.registers.insert(CSR, value & !(RESET_FLAGS | RMVF));
            }
            BDCR if value & BDRST != 0 => {
                self.registers.insert(BDCR, BDRST);
            }
            CR => {
                self.registers.insert(CR, value & !CR_READY);
            }
            _ => {
                self.registers.insert(offset, value);
            }
        }
    }

    /// Whether a device has its clock: a bit of one of the enable registers.
    pub(crate) fn enabled(&self, register: u32, bit: u32) -> bool {
        self.get(register) >> bit & 1 != 0
    }

    /// What the registers make of the oscillators.
    pub(crate) fn clocks(&self) -> Clocks {
        let system = self.source(self.get(CFGR) & 3);
        let config = self.get(CFGR);
        let core = system / divider(config >> 4 & 0xF, 8, &[2, 4, 8, 16, 64, 128, 256, 512]);
        let apb = [config >> 8, config >> 11].map(|bits| divider(bits & 7, 4, &[2, 4, 8, 16]));
        let usart2 = match self.get(CCIPR) >> 2 & 3 {
            0 => core / apb[0],
            1 => system,
            2 => HSI,
            _ => 32_768,
        };
        Clocks {
            core,
            apb: apb.map(|divider| core / divider),
            // A divided bus has timers of twice its clock.
            timers: apb.map(|divider| core / divider * if divider == 1 { 1 } else { 2 }),
            usart2,
        }
    }

    fn source(&self, select: u32) -> u64 {
        match select {
            0 => self.msi(),
            1 => HSI,
            2 => HSE,
            _ => self.pll(),
        }
    }

    fn msi(&self) -> u64 {
        let control = self.get(CR);
        let range = if control & CR_MSIRGSEL != 0 {
            control >> 4 & 0xF
        } else {
            6
        };
        MSI_KHZ.get(range as usize).copied().unwrap_or(4000) * 1000
    }

    fn pll(&self) -> u64 {
        let config = self.get(PLLCFGR);
        let input = match config & 3 {
            1 => self.msi(),
            2 => HSI,
            3 => HSE,
            _ => 0,
        };
        let (m, n, r) = (config >> 4 & 7, config >> 8 & 0x7F, config >> 25 & 3);
        input / u64::from(m + 1) * u64::from(n) / u64::from(2 * r + 2)
    }
}

const HSI: u64 = 16_000_000;
/// From the debugger of the NUCLEO.
const HSE: u64 = 8_000_000;
const MSI_KHZ: [u64; 12] = [
    100, 200, 400, 800, 1000, 2000, 4000, 8000, 16_000, 24_000, 32_000, 48_000,
];

/// A prescaler: 1 below `first`, and what the table says from there on.
fn divider(bits: u32, first: u32, table: &[u64]) -> u64 {
    bits.checked_sub(first)
        .and_then(|index| table.get(index as usize))
        .copied()
        .unwrap_or(1)
}

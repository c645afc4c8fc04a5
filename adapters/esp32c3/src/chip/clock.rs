//! The processor's clock: the mask ROM leaves it at the crystal's, or half of it.

use super::{Register, rom};

/// `RTC_CNTL_OPTIONS0`: bits 6, 8 and 10 power the PLL and what sets it up down.
const OPTIONS0: Register = Register(0x6000_8000);
const PLL_DOWN: u32 = 1 << 6 | 1 << 8 | 1 << 10;
/// `SYSTEM_CPU_PER_CONF`: bit 2, the PLL runs at 480 MHz; bits 0 and 1, the processor at 160.
const CPU_PER_CONF: Register = Register(0x600C_0008);
const PLL_480: u32 = 1 << 2;
const CPU_160: u32 = 1;
/// `SYSTEM_SYSCLK_CONF`: bits 10 and 11, from the PLL; bits 0 to 9, undivided.
const SYSCLK_CONF: Register = Register(0x600C_0058);
const SOURCE: u32 = 3 << 10;
const FROM_PLL: u32 = 1 << 10;
const DIVISION: u32 = 0x3FF;
/// `ANA_CONFIG`: bit 17 powers the PLL down, too.
const ANALOG: Register = Register(0x6000_E044);
const ANALOG_PLL_DOWN: u32 = 1 << 17;
/// `ANA_CONF0`: calibration of the PLL. Bit 24: done; bits 2 and 3: stopped, or not.
const CALIBRATION: Register = Register(0x6000_E040);
const DONE: u32 = 1 << 24;
const STOPPED: u32 = 1 << 2;
const NOT_STOPPED: u32 = 1 << 3;

/// The PLL's own registers, for 480 MHz from a crystal of 40: what ESP-IDF's `rtc_clk` writes.
const PLL: u8 = 0x66;
const PLL_SETTINGS: [(u8, u8); 4] = [(4, 0x6B), (2, 5 << 4), (3, 8), (6, 2 << 6 | 1 << 4 | 3)];
/// Register, bits from and to, value.
const PLL_FIELDS: [(u8, u8, u8, u8); 5] = [
    (5, 2, 0, 0),
    (5, 6, 4, 0),
    (9, 1, 0, 2),
    (6, 5, 4, 2),
    (6, 7, 6, 1),
];

/// The processor's, raised.
const MEGAHERTZ: u32 = 160;

/// To 160 MHz, from the PLL. Applications set their clocks themselves, whatever they were. The mask ROM's
/// UART does not notice: it counts by the crystal.
///
/// # Safety
/// Nothing that runs may count by the processor's clock or the bus's.
pub unsafe fn raise() {
    // SAFETY: the order of ESP-IDF: power, settings, calibration; the processor changes over when it
    // is done.
    unsafe {
        ANALOG.change(ANALOG_PLL_DOWN, 0);
        OPTIONS0.change(PLL_DOWN, 0);
        CPU_PER_CONF.change(0, PLL_480);
        CALIBRATION.change(STOPPED, NOT_STOPPED);
        for (register, value) in PLL_SETTINGS {
            rom::regi2c_write(PLL, 0, register, value);
        }
        for (register, high, low, value) in PLL_FIELDS {
            rom::regi2c_write_bits(PLL, 0, register, high, low, value);
        }
        while CALIBRATION.read() & DONE == 0 {}
        CALIBRATION.change(NOT_STOPPED, STOPPED);
        CPU_PER_CONF.change(3, CPU_160);
        SYSCLK_CONF.change(SOURCE | DIVISION, FROM_PLL);
        rom::update_cpu_frequency(MEGAHERTZ);
    }
}

/// Waits.
pub fn delay_us(microseconds: u32) {
    // SAFETY: counts cycles of the processor.
    unsafe { rom::delay_us(microseconds) };
}

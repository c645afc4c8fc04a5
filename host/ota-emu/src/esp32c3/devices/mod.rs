//! The devices of the chip, one file each.
//!
//! A device knows its registers by their offset within its block; the bus knows where the blocks
//! are. Time is a parameter: picoseconds since the board was made. Addresses, bits and values
//! after a reset are those of the chip's technical reference manual and of the `esp32c3` crate,
//! which is made of the vendor's own description.

pub(crate) mod cache;
pub(crate) mod clocks;
pub(crate) mod efuse;
pub(crate) mod gpio;
pub(crate) mod interrupts;
pub(crate) mod registers;
pub(crate) mod rtc;
pub(crate) mod sha;
pub(crate) mod spi;
pub(crate) mod systimer;
pub(crate) mod timg;
pub(crate) mod uart;
pub(crate) mod usb;
pub(crate) mod watchdog;

/// Picoseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000_000_000;
/// The crystal, in hertz.
pub(crate) const XTAL: u64 = 40_000_000;
/// The slow oscillator of the RTC, in hertz; on silicon it is some percent off.
pub(crate) const RC_SLOW: u64 = 136_000;
/// The fast one.
pub(crate) const RC_FAST: u64 = 17_500_000;

/// How many cycles of a clock go into a time.
pub(crate) fn cycles(time: u64, hertz: u64) -> u64 {
    let cycles = u128::from(time) * u128::from(hertz) / u128::from(SECOND);
    u64::try_from(cycles).unwrap_or(MOST)
}

/// How long so many cycles of a clock take; rounded up, so that they are over by then.
pub(crate) fn time_of(cycles: u64, hertz: u64) -> u64 {
    let time = (u128::from(cycles) * u128::from(SECOND)).div_ceil(u128::from(hertz));
    u64::try_from(time).map_or(MOST, |time| time.min(MOST))
}

/// Longer than any run: half of what a time can be, so that two can be added.
const MOST: u64 = u64::MAX / 2;

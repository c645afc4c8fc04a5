//! The watchdogs. The RTC's is used: it survives the hand-over, and all resets but its own.

use super::Register;

/// Of the RTC's watchdog: what its stages do, how long the first is, feeding, the key.
const CONFIG: Register = Register(0x6000_8090);
const STAGE_0: Register = Register(0x6000_8094);
const FEED: Register = Register(0x6000_80A4);
const PROTECT: Register = Register(0x6000_80A8);
/// Of the super watchdog.
const SUPER: Register = Register(0x6000_80AC);
const SUPER_PROTECT: Register = Register(0x6000_80B0);
/// Of the watchdog in timer group 0.
const GROUP_0: Register = Register(0x6001_F048);
const GROUP_0_PROTECT: Register = Register(0x6001_F064);
/// Fuses: bits 16 and 17 stretch the first stage.
const FUSES: Register = Register(0x6000_8834);

const KEY: u32 = 0x50D8_3AA1;
const SUPER_KEY: u32 = 0x8F1D_312A;

const ENABLE: u32 = 1 << 31;
/// Stage 0 resets the system and the RTC: nothing of what hung is left.
const RESET_ALL: u32 = 4 << 28;
/// Lengths of the reset signals: the longest.
const SIGNALS: u32 = 7 << 16 | 7 << 13;
const PAUSE_IN_SLEEP: u32 = 1 << 9;
/// Super watchdog: feeds itself.
const FEED_ITSELF: u32 = 1 << 31;
/// Timer group: started by the mask ROM for as long as it boots from flash.
const GROUP_0_FLASH_BOOT: u32 = 1 << 14;
/// Timer group: settings take effect when this is written.
const GROUP_0_UPDATE: u32 = 1 << 22;

/// Kilohertz of the oscillator that it counts by, nominally.
const SLOW_CLOCK_KHZ: u32 = 136;

/// Starts the RTC's watchdog, and stops those that the mask ROM has started. It has to be fed after so
/// many milliseconds; its oscillator may be off by a third.
pub fn start(milliseconds: u32) {
    let stretch = 1 + (FUSES.read() >> 16 & 3);
    let ticks = milliseconds.saturating_mul(SLOW_CLOCK_KHZ) >> stretch;
    // SAFETY: affects the watchdogs alone.
    unsafe {
        PROTECT.write(KEY);
        // Ends the mode that the mask ROM has started for booting from flash.
        CONFIG.write(0);
        STAGE_0.write(ticks);
        CONFIG.write(ENABLE | RESET_ALL | SIGNALS | PAUSE_IN_SLEEP);
        FEED.write(1 << 31);
        PROTECT.write(0);

        SUPER_PROTECT.write(SUPER_KEY);
        SUPER.change(0, FEED_ITSELF);
        SUPER_PROTECT.write(0);

        GROUP_0_PROTECT.write(KEY);
        GROUP_0.change(ENABLE | GROUP_0_FLASH_BOOT, 0);
        GROUP_0.change(0, GROUP_0_UPDATE);
        GROUP_0_PROTECT.write(0);
    }
}

/// From here it has its full time again.
pub fn feed() {
    // SAFETY: affects the watchdog alone.
    unsafe {
        PROTECT.write(KEY);
        FEED.write(1 << 31);
        PROTECT.write(0);
    }
}

//! How this start came about, and how the next one does.

use ota_bootloader::ResetCause;

use super::Register;

/// `RTC_CNTL_RESET_STATE`: bits 0 to 5 say why the processor came out of reset.
const RESET_STATE: Register = Register(0x6000_8038);
const CAUSE: u32 = 0x3F;
/// `RTC_CNTL_OPTIONS0`: bit 31 resets the chip, all but the RTC.
const OPTIONS0: Register = Register(0x6000_8000);
const SOFTWARE_RESET: u32 = 1 << 31;
const DEEP_SLEEP: u32 = 0x05;

/// Why the processor came out of reset.
///
/// A watchdog of any kind is [`ResetCause::Watchdog`]; [`reset`], a panic handler or USB
/// [`ResetCause::Software`]; power-on, brown-out and what looks like them [`ResetCause::Power`]. Waking
/// from deep sleep, and what else there is, is [`ResetCause::Unknown`].
#[must_use]
pub fn reset_cause() -> ResetCause {
    // Table "Reset Source" of the manual, chapter "Reset and Clock".
    match RESET_STATE.read() & CAUSE {
        // Power-on, brown-out, glitches of power.
        0x01 | 0x0F | 0x17 => ResetCause::Power,
        // Timer groups, RTC, super watchdog; of the core, the processor, the system.
        0x07 | 0x08 | 0x09 | 0x0B | 0x0D | 0x10 | 0x11 | 0x12 => ResetCause::Watchdog,
        // By register, of the core or the processor; from USB, by serial port or debugger.
        0x03 | 0x0C | 0x15 | 0x16 => ResetCause::Software,
        _ => ResetCause::Unknown,
    }
}

/// Whether RTC memory holds what the application left there before it went to deep sleep.
#[must_use]
pub fn woke_from_deep_sleep() -> bool {
    RESET_STATE.read() & CAUSE == DEEP_SLEEP
}

/// Resets the chip, now, from anywhere; panic handlers too.
pub fn reset() -> ! {
    // SAFETY: nothing runs after it.
    unsafe { OPTIONS0.change(0, SOFTWARE_RESET) };
    // It takes some cycles.
    loop {
        core::hint::spin_loop();
    }
}

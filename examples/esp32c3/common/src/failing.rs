//! What becomes of it when it fails: and, for tests, failing on purpose.

use core::panic::PanicInfo;

use crate::settings::{BEHAVIOUR, Behaviour};

/// Fails, if this build is one that does.
pub(crate) fn at_start() {
    match BEHAVIOUR {
        Behaviour::Healthy | Behaviour::Offline => {}
        Behaviour::Crash => panic!("built to crash"),
        Behaviour::Hang => {
            defmt::warn!("built to hang");
            wait_for_nothing()
        }
    }
}

/// Waits for an interrupt that cannot come. The watchdog runs.
fn wait_for_nothing() -> ! {
    // SAFETY: nothing goes on after it.
    unsafe { core::arch::asm!("csrci mstatus, 8", "0: wfi", "j 0b", options(noreturn)) }
}

/// Says why, and resets; exceptions of the processor come here, too. The bootloader counts the start, if
/// this is a trial.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) = info
        .location()
        .map_or(("?", 0), |place| (place.file(), place.line()));
    let message = info.message();
    defmt::error!(
        "panic in {=str}:{=u32}: {}",
        file,
        line,
        defmt::Display2Format(&message)
    );
    ota_esp32c3::reset()
}

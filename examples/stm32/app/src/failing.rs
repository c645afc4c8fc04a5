//! What becomes of it when it fails: and, for tests, failing on purpose.

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};

use crate::settings::{BEHAVIOUR, Behaviour};

/// Fails, if this build is one that does.
pub(crate) fn at_start() {
    match BEHAVIOUR {
        Behaviour::Healthy | Behaviour::Offline => {}
        Behaviour::Crash => panic!("built to crash"),
        Behaviour::Hang => {
            defmt::warn!("built to hang");
            // The bootloader has started the watchdog.
            loop {
                core::hint::spin_loop();
            }
        }
    }
}

/// Says why, and resets. The bootloader counts the start, if this is a trial.
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
    ota_stm32::reset()
}

/// As a panic; where it happened is all that is known.
#[exception]
// SAFETY: only reads the frame, and resets.
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    defmt::error!("hard fault at {=u32:#x}", frame.pc());
    ota_stm32::reset()
}

/// A torn word was read: the flash driver tells whoever read it.
#[exception]
// SAFETY: touches the flag of the flash interface alone, or resets.
unsafe fn NonMaskableInt() {
    if !ota_stm32::on_nmi() {
        ota_stm32::reset()
    }
}

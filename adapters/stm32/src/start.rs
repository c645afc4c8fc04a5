//! How this start came about, and how the next one does.

use cortex_m::peripheral::{Peripherals, SCB};
use embassy_stm32::pac::RCC;
use ota_bootloader::ResetCause;

/// Why the processor came out of reset. For the bootloader, once, at its start: it clears the flags,
/// which would otherwise still stand at the next reset.
///
/// A watchdog that ran out is [`ResetCause::Watchdog`]; [`reset`], a panic handler or a debugger
/// [`ResetCause::Software`]; power-on and brown-out [`ResetCause::Power`]. The reset pin alone,
/// option bytes, and low-power mistakes are [`ResetCause::Unknown`].
pub fn reset_cause() -> ResetCause {
    #[cfg(any(feature = "h5", feature = "h7"))]
    let register = RCC.rsr();
    #[cfg(not(any(feature = "h5", feature = "h7")))]
    let register = RCC.csr();
    let flags = register.read();
    register.modify(|w| w.set_rmvf(true));
    // Older families keep it set until it is cleared.
    register.modify(|w| w.set_rmvf(false));

    #[cfg(feature = "h7")]
    let (watchdog, power) = (
        flags.iwdg1rstf() || flags.wwdg1rstf(),
        flags.borrstf() || flags.porrstf(),
    );
    #[cfg(feature = "g0")]
    let (watchdog, power) = (flags.iwdgrstf() || flags.wwdgrstf(), flags.pwrrstf());
    #[cfg(feature = "f4")]
    let (watchdog, power) = (
        flags.wdgrstf() || flags.wwdgrstf(),
        flags.borrstf() || flags.porrstf(),
    );
    #[cfg(not(any(feature = "h7", feature = "g0", feature = "f4")))]
    let (watchdog, power) = (flags.iwdgrstf() || flags.wwdgrstf(), flags.borrstf());

    // Every reset sets the pin's flag as well; power-on sets all that it can.
    if power {
        ResetCause::Power
    } else if watchdog {
        ResetCause::Watchdog
    } else if flags.sftrstf() {
        ResetCause::Software
    } else {
        ResetCause::Unknown
    }
}

/// Resets the chip, now, from anywhere; panic handlers too.
pub fn reset() -> ! {
    SCB::sys_reset()
}

/// Leaves for the application whose vector table is at this address.
///
/// The processor is as an application expects it: no interrupt enabled or pending, interrupts not
/// masked, the vector table in place, the main stack at the application's top. Clocks stay as they
/// are; `embassy_stm32::init` copes with that. A watchdog that was started keeps running.
///
/// # Safety
/// There must be a vector table at `vector_table`, with a valid stack pointer and reset vector: one
/// of an image that was verified, and is linked for this address. Nothing of the caller may go on:
/// no DMA, no second core.
pub unsafe fn jump(vector_table: u32) -> ! {
    quiet(vector_table);
    // SAFETY: no interrupt is enabled or pending. An application starts unmasked, as after a reset;
    // the stack pointer and reset vector at this address are valid (the caller's promise).
    unsafe {
        cortex_m::interrupt::enable();
        cortex_m::asm::bootload(vector_table as *const u32)
    }
}

/// Nothing interrupts any more; what will, finds its handlers in this vector table.
#[inline(always)]
pub(crate) fn quiet(vector_table: u32) {
    cortex_m::interrupt::disable();
    // SAFETY: nobody else runs any more, with interrupts masked and on the way out.
    let mut core = unsafe { Peripherals::steal() };
    core.SYST.disable_counter();
    core.SYST.disable_interrupt();
    SCB::clear_pendst();
    // SAFETY: disables all interrupts and makes none pending; no code relies on them any more.
    // VTOR gets the address of a vector table (the promise of whoever jumps).
    unsafe {
        for register in &core.NVIC.icer {
            register.write(u32::MAX);
        }
        for register in &core.NVIC.icpr {
            register.write(u32::MAX);
        }
        core.SCB.vtor.write(vector_table);
    }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

//! How this start came about, and how the next one does.

use cortex_m::peripheral::{Peripherals, SCB};
use embassy_rp::pac;
use embassy_rp::peripherals::WATCHDOG;
use embassy_rp::watchdog::{ResetReason, Watchdog};
use ota_bootloader::ResetCause;

/// The watchdog's scratch register that [`reset_cause`] owns. Those from 4 on are the boot ROM's.
const MARK_REGISTER: usize = 3;
/// Stands there from the first start after power-on to the next loss of power.
const MARK: u32 = 0x6F74_6131;

/// Why the processor came out of reset. For the bootloader, once, at its start.
///
/// A reset by the watchdog's timer is [`ResetCause::Watchdog`]; one by its trigger, as [`reset`]
/// does it, is [`ResetCause::Software`]. What remains is power-on, brown-out and the RUN pin,
/// which clear the scratch registers and so are [`ResetCause::Power`], and `SYSRESETREQ`, as panic
/// handlers and debuggers use it, which does not.
pub fn reset_cause(watchdog: &mut Watchdog) -> ResetCause {
    let marked = watchdog.get_scratch(MARK_REGISTER) == MARK;
    watchdog.set_scratch(MARK_REGISTER, MARK);
    match watchdog.reset_reason() {
        Some(ResetReason::TimedOut) => ResetCause::Watchdog,
        Some(ResetReason::Forced) => ResetCause::Software,
        None if marked => ResetCause::Software,
        None => ResetCause::Power,
    }
}

/// Sends the second core back to sleep in the boot ROM. For the bootloader, before it changes flash:
/// after a `SYSRESETREQ` the second core might still execute the application from there.
pub fn stop_core_1() {
    let off = pac::PSM.frce_off();
    off.write(|domains| domains.set_proc1(true));
    while !off.read().proc1() {}
    off.write(|domains| domains.set_proc1(false));
}

/// Resets the whole chip, now, from anywhere; panic handlers too.
///
/// Better than `SYSRESETREQ`, which on this chip resets the processors and nothing else: DMA would
/// go on, and write into the memory of the bootloader.
pub fn reset() -> ! {
    // SAFETY: whoever else owns the watchdog does not get to run again.
    let mut watchdog = Watchdog::new(unsafe { WATCHDOG::steal() });
    watchdog.trigger_reset();
    loop {
        core::hint::spin_loop();
    }
}

/// Leaves for the application whose vector table is at this address.
///
/// The processor is as an application expects it: no interrupt enabled or pending, interrupts not
/// masked, the vector table in place, the main stack at the application's top. Clocks stay as they
/// are; `embassy_rp::init` copes with that.
///
/// # Safety
/// There must be a vector table at `vector_table`, with a valid stack pointer and reset vector: one
/// of an image that was verified, and is linked for this address. Nothing of the caller may go on:
/// no DMA, no second core.
pub unsafe fn jump(vector_table: u32) -> ! {
    cortex_m::interrupt::disable();
    // SAFETY: nobody else runs any more, with interrupts masked and on the way out.
    let mut core = unsafe { Peripherals::steal() };
    core.SYST.disable_counter();
    core.SYST.disable_interrupt();
    SCB::clear_pendst();
    // SAFETY: disables all interrupts and makes none pending; no code relies on them any more.
    // VTOR gets the address of a vector table (the caller's promise).
    unsafe {
        core.NVIC.icer[0].write(u32::MAX);
        core.NVIC.icpr[0].write(u32::MAX);
        core.SCB.vtor.write(vector_table);
    }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
    // SAFETY: no interrupt is enabled or pending. An application starts unmasked, as after a reset;
    // the stack pointer and reset vector at this address are valid (the caller's promise).
    unsafe {
        cortex_m::interrupt::enable();
        cortex_m::asm::bootload(vector_table as *const u32)
    }
}

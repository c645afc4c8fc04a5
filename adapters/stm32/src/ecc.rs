//! Words that cannot be read: torn by a power cut, or rotten. The chip says so by a fault, which
//! is turned into a value here.

#[cfg(not(any(feature = "h7", feature = "f4")))]
use core::sync::atomic::{AtomicBool, Ordering};

#[cfg(not(feature = "f4"))]
use embassy_stm32::pac::FLASH;

/// Set by the handler, taken by the read that caused it.
#[cfg(not(any(feature = "h7", feature = "f4")))]
static FAULT: AtomicBool = AtomicBool::new(false);

/// For the handler of the NMI, which has to call it: notes an ECC fault of the flash, and clears
/// it. `false` if this interrupt has another reason, such as a clock that failed.
///
/// The handler that is there by default does nothing for ever, at the first word that a power cut
/// tore.
#[cfg(not(any(feature = "h7", feature = "f4")))]
pub fn on_nmi() -> bool {
    let found = clear();
    if found {
        FAULT.store(true, Ordering::SeqCst);
    }
    found
}

/// On this family ECC faults come as bus errors, which reads of this crate hold back by
/// themselves: no NMI is one of them.
#[cfg(feature = "h7")]
pub fn on_nmi() -> bool {
    false
}

/// This family's flash has no ECC: a torn word reads as something, and no NMI is about it.
#[cfg(feature = "f4")]
pub fn on_nmi() -> bool {
    false
}

/// Every word can be read.
#[cfg(feature = "f4")]
pub(crate) fn watched(read: impl FnOnce()) -> bool {
    read();
    false
}

/// Runs something that reads flash, and says whether a word of it could not be read.
#[cfg(not(any(feature = "h7", feature = "f4")))]
pub(crate) fn watched(read: impl FnOnce()) -> bool {
    clear();
    FAULT.store(false, Ordering::SeqCst);
    read();
    // The interrupt follows a few cycles behind the read.
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
    let late = clear();
    FAULT.load(Ordering::SeqCst) || late
}

/// As above: with FAULTMASK set and BFHFNMIGN, a bus error of a load is ignored (Armv7-M, B1.5.14).
#[cfg(feature = "h7")]
pub(crate) fn watched(read: impl FnOnce()) -> bool {
    const BFHFNMIGN: u32 = 1 << 8;
    clear();
    // SAFETY: the Configuration and Control Register is nobody else's while faults are masked, and
    // gets its former value back.
    unsafe {
        let core = cortex_m::Peripherals::steal();
        let before = core.SCB.ccr.read();
        core::arch::asm!("cpsid f", options(nomem, nostack));
        core.SCB.ccr.write(before | BFHFNMIGN);
        cortex_m::asm::dsb();
        read();
        cortex_m::asm::dsb();
        core.SCB.ccr.write(before);
        core::arch::asm!("cpsie f", options(nomem, nostack));
    }
    clear()
}

/// Whether the controller has seen a word with two wrong bits since it was last asked.
#[cfg(any(
    feature = "l4",
    feature = "g0",
    feature = "g4",
    feature = "wb",
    feature = "u5"
))]
fn clear() -> bool {
    let seen = FLASH.eccr().read();
    #[cfg(feature = "g4")]
    let found = seen.eccd() || seen.eccd2();
    #[cfg(not(feature = "g4"))]
    let found = seen.eccd();
    if found {
        // Flags are cleared by writing ones.
        FLASH.eccr().write_value(seen);
    }
    found
}

#[cfg(feature = "h5")]
fn clear() -> bool {
    let seen = FLASH.eccdetr().read();
    if seen.eccd() {
        FLASH.eccdetr().write_value(seen);
    }
    seen.eccd()
}

#[cfg(feature = "h7")]
fn clear() -> bool {
    let mut found = false;
    for bank in 0..2 {
        let bank = FLASH.bank(bank);
        if bank.sr().read().dbeccerr() {
            bank.ccr().write(|clear| clear.set_clr_dbeccerr(true));
            found = true;
        }
    }
    found
}

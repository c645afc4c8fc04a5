//! Caches between the flash and whoever reads it. The HAL's flash driver leaves them alone; what
//! is read back would be what was there before.

#[cfg(not(feature = "h7"))]
use embassy_stm32::pac;

/// Forgets what the caches know of the flash.
#[cfg(any(feature = "l4", feature = "g4", feature = "wb", feature = "f4"))]
pub(crate) fn forget() {
    let acr = pac::FLASH.acr();
    let (data, code) = (acr.read().dcen(), acr.read().icen());
    // They can only be reset while they are off (RM0351, section 3.3.4; RM0090, section 3.9.1).
    acr.modify(|w| {
        w.set_dcen(false);
        w.set_icen(false);
    });
    acr.modify(|w| {
        w.set_dcrst(true);
        w.set_icrst(true);
    });
    acr.modify(|w| {
        w.set_dcrst(false);
        w.set_icrst(false);
        w.set_dcen(data);
        w.set_icen(code);
    });
}

/// Forgets what the cache knows of the flash.
#[cfg(feature = "g0")]
pub(crate) fn forget() {
    let acr = pac::FLASH.acr();
    let code = acr.read().icen();
    acr.modify(|w| w.set_icen(false));
    acr.modify(|w| w.set_icrst(true));
    acr.modify(|w| {
        w.set_icrst(false);
        w.set_icen(code);
    });
}

/// Forgets what the cache knows of the flash: on these chips it lies before data, too.
#[cfg(any(feature = "u5", feature = "h5"))]
pub(crate) fn forget() {
    let control = pac::ICACHE.cr();
    if control.read().en() {
        control.modify(|w| w.set_cacheinv(true));
        while control.read().cacheinv() {}
    }
}

/// Forgets what the processor's caches know.
#[cfg(feature = "h7")]
pub(crate) fn forget() {
    use cortex_m::peripheral::SCB;
    if SCB::dcache_enabled() {
        // SAFETY: cleaning and invalidating loses nothing; the registers are used for it alone.
        let mut core = unsafe { cortex_m::Peripherals::steal() };
        core.SCB.clean_invalidate_dcache(&mut core.CPUID);
    }
}

//! The processor's clock: at the 4 MHz of a reset, a signature would take ten seconds.

use embassy_stm32::pac::rcc::regs::Pllcfgr;
use embassy_stm32::pac::rcc::vals::{Plln, Pllr, Pllsrc, Sw};
use embassy_stm32::pac::{FLASH, RCC};

/// Cycles that flash waits, from 64 to 80 MHz (RM0351, section 3.3.3).
const WAIT_STATES: u8 = 4;

/// In hertz.
pub(crate) const RAISED: u32 = 80_000_000;

/// From the oscillator that runs after a reset: 4 MHz * 40 / 2.
pub(crate) fn raise() {
    let mut pll = Pllcfgr(0);
    pll.set_pllsrc(Pllsrc::MSI);
    pll.set_plln(Plln::MUL40);
    pll.set_pllr(Pllr::DIV2);
    pll.set_pllren(true);
    RCC.pllcfgr().write_value(pll);
    RCC.cr().modify(|w| w.set_pllon(true));
    while !RCC.cr().read().pllrdy() {}
    set_wait_states(WAIT_STATES);
    switch(Sw::PLL1_R);
}

/// As after a reset, which is what an application expects.
pub(crate) fn lower() {
    switch(Sw::MSI);
    set_wait_states(0);
    RCC.cr().modify(|w| w.set_pllon(false));
}

fn set_wait_states(count: u8) {
    FLASH.acr().modify(|w| w.set_latency(count));
    while FLASH.acr().read().latency() != count {}
}

fn switch(source: Sw) {
    RCC.cfgr().modify(|w| w.set_sw(source));
    while RCC.cfgr().read().sws() != source {}
}

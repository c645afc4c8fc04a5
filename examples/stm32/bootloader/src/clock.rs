//! The processor's clock: at that of a reset, a signature would take seconds.

use embassy_stm32::pac::rcc::regs::Pllcfgr;
use embassy_stm32::pac::rcc::vals::{Pllm, Plln, Pllr, Pllsrc, Sw};
use embassy_stm32::pac::{FLASH, RCC};

/// In hertz.
pub(crate) const RAISED: u32 = 80_000_000;

/// What differs between the chips.
#[cfg(feature = "nucleo-l476rg")]
mod chip {
    use super::{Pllm, Plln, Pllsrc, Sw};

    /// What runs after a reset.
    pub(super) const RESET: Sw = Sw::MSI;
    pub(super) const SOURCE: Pllsrc = Pllsrc::MSI;
    /// 4 MHz * 40 / 2.
    pub(super) const DIVIDE: Pllm = Pllm::DIV1;
    pub(super) const MULTIPLY: Plln = Plln::MUL40;
    /// Cycles that flash waits, from 64 to 80 MHz (RM0351, section 3.3.3).
    pub(super) const WAIT_STATES: u8 = 4;
    pub(super) const NO_WAIT_STATES: u8 = 0;
}

/// What differs between the chips.
#[cfg(feature = "nucleo-g474re")]
mod chip {
    use super::{Pllm, Plln, Pllsrc, Sw};
    use embassy_stm32::pac::flash::vals::Latency;

    /// What runs after a reset.
    pub(super) const RESET: Sw = Sw::HSI;
    pub(super) const SOURCE: Pllsrc = Pllsrc::HSI;
    /// 16 MHz / 2 * 20 / 2.
    pub(super) const DIVIDE: Pllm = Pllm::DIV2;
    pub(super) const MULTIPLY: Plln = Plln::MUL20;
    /// Cycles that flash waits, from 60 to 90 MHz (RM0440, section 3.3.3).
    pub(super) const WAIT_STATES: Latency = Latency::WS2;
    pub(super) const NO_WAIT_STATES: Latency = Latency::WS0;
}

/// From the oscillator that runs after a reset.
pub(crate) fn raise() {
    let mut pll = Pllcfgr(0);
    pll.set_pllsrc(chip::SOURCE);
    pll.set_pllm(chip::DIVIDE);
    pll.set_plln(chip::MULTIPLY);
    pll.set_pllr(Pllr::DIV2);
    pll.set_pllren(true);
    RCC.pllcfgr().write_value(pll);
    RCC.cr().modify(|w| w.set_pllon(true));
    while !RCC.cr().read().pllrdy() {}
    FLASH.acr().modify(|w| w.set_latency(chip::WAIT_STATES));
    while FLASH.acr().read().latency() != chip::WAIT_STATES {}
    switch(Sw::PLL1_R);
}

/// As after a reset, which is what an application expects.
pub(crate) fn lower() {
    switch(chip::RESET);
    FLASH.acr().modify(|w| w.set_latency(chip::NO_WAIT_STATES));
    while FLASH.acr().read().latency() != chip::NO_WAIT_STATES {}
    RCC.cr().modify(|w| w.set_pllon(false));
}

fn switch(source: Sw) {
    RCC.cfgr().modify(|w| w.set_sw(source));
    while RCC.cfgr().read().sws() != source {}
}

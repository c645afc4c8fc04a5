//! Write protection of the bootloader, by the option bytes.

use embassy_stm32::flash::BANK1_REGION;
use embassy_stm32::pac::FLASH;

/// Unlock the controller, then its option bytes (RM0351, sections 3.3.5 and 3.4.2).
const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
const OPTION_KEYS: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];

/// The last page of the first `length` bytes of flash.
fn last_page(length: u32) -> u8 {
    let pages = length.div_ceil(BANK1_REGION.erase_size);
    u8::try_from(pages.saturating_sub(1)).unwrap_or(u8::MAX)
}

/// Whether the first `length` bytes of flash are write-protected (area A of bank 1).
#[must_use]
pub fn is_protected(length: u32) -> bool {
    let area = FLASH.wrp1ar().read();
    area.wrp1a_strt() == 0 && area.wrp1a_end() >= last_page(length)
}

/// Write-protects the first `length` bytes of flash, whole pages, and resets: for provisioning, once,
/// on purpose. Comes back only if they are protected already.
///
/// Protection of this kind can be taken back, by the same option bytes, with a debugger or by
/// firmware that means to; together with read-out protection of level 2 it cannot.
pub fn protect(length: u32) {
    if is_protected(length) {
        return;
    }
    while FLASH.sr().read().bsy() {}
    for key in KEYS {
        FLASH.keyr().write_value(key);
    }
    for key in OPTION_KEYS {
        FLASH.optkeyr().write_value(key);
    }
    FLASH.wrp1ar().modify(|w| {
        w.set_wrp1a_strt(0);
        w.set_wrp1a_end(last_page(length));
    });
    FLASH.cr().modify(|w| w.set_optstrt(true));
    while FLASH.sr().read().bsy() {}
    // The chip loads its option bytes anew, which resets it.
    FLASH.cr().modify(|w| w.set_obl_launch(true));
    crate::reset()
}

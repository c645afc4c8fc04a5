//! The banks' addresses change places: `SYSCFG_MEMRMP.FB_MODE` (RM0351, section 9.2.1). Nothing is written for it, and every reset takes it back.

use core::arch::asm;

use embassy_stm32::flash::{BANK1_REGION, Error};
use embassy_stm32::pac::{FLASH, RCC, SYSCFG};
use ota_bootloader::Index;

use crate::banks::TwoBanks;
use crate::flash::{CHIP, FlashError, Stm32Flash};

/// Unlock the controller (RM0351, section 3.3.5).
const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];

impl TwoBanks for Stm32Flash<'_> {
    const BANK_SIZE: u32 = BANK1_REGION.size;

    fn swapped(&self) -> bool {
        swapped()
    }

    /// By the numbers of bank and page, which are those of the chip, and not by addresses, which the
    /// HAL's driver may take to be either.
    fn erase_pages(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let unit = CHIP.erase_size;
        if !from.is_multiple_of(unit) || !to.is_multiple_of(unit) {
            return Err(FlashError::Controller(Error::Unaligned));
        }
        if from > to || to > CHIP.size {
            return Err(FlashError::Controller(Error::Size));
        }
        while FLASH.sr().read().bsy() {}
        // Errors of former operations are cleared by writing ones.
        FLASH.sr().modify(|_| {});
        if FLASH.cr().read().lock() {
            for key in KEYS {
                FLASH.keyr().write_value(key);
            }
        }
        let mut result = Ok(());
        let mut at = from;
        while at < to && result.is_ok() {
            result = erase_page(at);
            at += unit;
        }
        FLASH.cr().modify(|w| w.set_lock(true));
        crate::cache::forget();
        result.map_err(FlashError::Controller)
    }
}

/// Erases the page that begins at this offset of the chip.
fn erase_page(offset: u32) -> Result<(), Error> {
    let bank = <Stm32Flash<'_> as TwoBanks>::BANK_SIZE;
    // 256 pages in a bank at most.
    let page = (offset % bank / CHIP.erase_size).to_le_bytes()[0];
    FLASH.cr().modify(|w| {
        w.set_pg(false);
        w.set_per(true);
        w.set_pnb(page);
        w.set_bker(offset >= bank);
        w.set_start(true);
    });
    while FLASH.sr().read().bsy() {}
    FLASH.cr().modify(|w| w.set_per(false));
    let status = FLASH.sr().read();
    if status.wrperr() {
        Err(Error::Protected)
    } else if status.pgserr() || status.progerr() {
        Err(Error::Seq)
    } else {
        Ok(())
    }
}

/// Whether the second bank is in front: the processor sees it where the flash begins.
#[must_use]
pub fn swapped() -> bool {
    SYSCFG.memrmp().read().fb_mode()
}

/// Leaves for the application whose vector table is at this address, with the bank of this slot in
/// front. For the bootloader, which lies in bank 1, as slot 0 does; the rest is as with
/// [`jump`](crate::jump).
///
/// # Safety
/// As for `jump`; the address is that at which the processor sees the vector table then.
pub unsafe fn start_in_bank(slot: Index, vector_table: u32) -> ! {
    if slot == Index::Zero {
        // SAFETY: the caller's promise.
        unsafe { crate::jump(vector_table) }
    }
    crate::start::quiet(vector_table);
    RCC.apb2enr().modify(|w| w.set_syscfgen(true));
    // What the caches know is about the other bank. They are emptied while they are off.
    let before = FLASH.acr().read();
    FLASH.acr().modify(|w| {
        w.set_dcen(false);
        w.set_icen(false);
        w.set_prften(false);
    });
    FLASH.acr().modify(|w| {
        w.set_dcrst(true);
        w.set_icrst(true);
    });
    FLASH.acr().modify(|w| {
        w.set_dcrst(false);
        w.set_icrst(false);
    });
    let mut remap = SYSCFG.memrmp().read();
    remap.set_fb_mode(true);
    // SAFETY: interrupts are masked, and the addresses are those of the two registers. An image
    // with a valid vector table is seen there after the exchange (the caller's promise).
    unsafe {
        exchange_and_start(
            SYSCFG.memrmp().as_ptr().cast(),
            remap.0,
            FLASH.acr().as_ptr().cast(),
            before.0,
            vector_table as *const u32,
        )
    }
}

/// In RAM, as the flash under the caller's feet is another one from the first store on.
///
/// # Safety
/// The registers have to be those that are meant, and interrupts masked.
#[unsafe(link_section = ".data.ota_stm32_exchange")]
#[inline(never)]
unsafe extern "C" fn exchange_and_start(
    remap: *mut u32,
    exchanged: u32,
    access: *mut u32,
    caches: u32,
    vector_table: *const u32,
) -> ! {
    // SAFETY: nothing but these instructions runs from here on. They touch the two registers, read
    // the vector table, and leave the stack, which nobody comes back to.
    unsafe {
        asm!(
            "str {value}, [{remap}]",
            "dsb",
            // Read back, it has taken effect.
            "ldr {value}, [{remap}]",
            "str {caches}, [{access}]",
            "ldr {caches}, [{access}]",
            "dsb",
            "isb",
            "ldr {value}, [{table}]",
            "msr msp, {value}",
            "ldr {value}, [{table}, #4]",
            "cpsie i",
            "bx {value}",
            remap = in(reg) remap,
            value = in(reg) exchanged,
            access = in(reg) access,
            caches = in(reg) caches,
            table = in(reg) vector_table,
            options(noreturn),
        )
    }
}

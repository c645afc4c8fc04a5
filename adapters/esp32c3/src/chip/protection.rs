//! The write protection of the flash chip, which stands in its status register and outlasts the power.

use super::{FlashError, rom};

/// Status register: `BP0` and the bits above it say which cells are protected. No chip has fewer than three
/// of them, some have four.
const PROTECTED: u32 = 0b1111 << 2;
/// Second status register, in its place above the first: `CMP`, it is the other cells that are.
const OTHERS: u32 = 1 << 14;
/// Who makes chips without a second status register, and with another meaning of the command that reads
/// it: ISSI and Macronix.
const WITHOUT_SECOND: [u32; 2] = [0x9D, 0xC2];

/// Takes the write protection of the flash away, if there is any: what to do before it is first changed.
///
/// In place of the mask ROM's function, which writes the status register each time it is called. That
/// wears the register out, takes some milliseconds, and may leave any protection in it if the power goes.
///
/// # Errors
/// [`FlashError::Rom`].
///
/// # Safety
/// Nobody else may use the flash meanwhile: this runs alone, or in a critical section.
pub unsafe fn unlock() -> Result<(), FlashError> {
    // SAFETY: the caller's promise. What the ROM knows of the flash is there from the boot on.
    unsafe {
        if is_protected(rom::FLASH_CHIP.read())? {
            answer(rom::spiflash_unlock())?;
        }
    }
    Ok(())
}

/// # Safety
/// As for [`unlock`]; `flash` is what the ROM knows of it: its identification first.
unsafe fn is_protected(flash: *const u32) -> Result<bool, FlashError> {
    let mut status = 0;
    // SAFETY: reads registers of the chip; `status` is ours.
    answer(unsafe { rom::spiflash_read_status(flash, &raw mut status) })?;
    if status & PROTECTED != 0 {
        return Ok(true);
    }
    // SAFETY: the caller's promise.
    let maker = unsafe { flash.read() } >> 16 & 0xFF;
    if WITHOUT_SECOND.contains(&maker) {
        return Ok(false);
    }
    // SAFETY: as above; this chip has the register.
    answer(unsafe { rom::spiflash_read_status_high(flash, &raw mut status) })?;
    Ok(status & OTHERS != 0)
}

/// What a function of the ROM has answered.
pub(super) fn answer(code: i32) -> Result<(), FlashError> {
    match code {
        0 => Ok(()),
        code => Err(FlashError::Rom(code)),
    }
}

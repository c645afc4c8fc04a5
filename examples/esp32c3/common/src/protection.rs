//! The write protection of the flash chip.

use ota_esp32c3::FlashError;

/// What `esp-storage` calls before it first changes the flash, in place of the mask ROM's function of this
/// name, which writes the status register of the chip needed or not.
///
/// The linker takes it for the ROM's, of which it knows no more than an address.
// SAFETY: the name is meant to be this one, with the type that `esp-rom-sys` gives it.
#[unsafe(no_mangle)]
extern "C" fn esp_rom_spiflash_unlock() -> i32 {
    // SAFETY: `esp-storage` calls it in a critical section.
    match unsafe { ota_esp32c3::unlock() } {
        Ok(()) => 0,
        Err(FlashError::Rom(code)) => code,
        Err(_) => 1,
    }
}

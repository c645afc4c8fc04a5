//! Functions of the mask ROM, at their fixed addresses: `esp32c3.rom.ld` of ESP-IDF.

/// Makes functions of addresses. They are unsafe to call; what is asked for stands with each.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $address:literal ($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $($(#[$doc])*
        pub(super) unsafe fn $name($($argument: $type),*) $(-> $result)? {
            type Function = unsafe extern "C" fn($($type),*) $(-> $result)?;
            // SAFETY: the mask ROM has a function of this type at this address.
            let function = unsafe { core::mem::transmute::<*const (), Function>($address as *const ()) };
            // SAFETY: the caller's promise.
            unsafe { function($($argument),*) }
        })*
    };
}

functions! {
    /// Waits.
    delay_us = 0x4000_0050 (microseconds: u32);
    /// Prints a character, where the ROM prints: UART 0.
    uart_tx_one_char = 0x4000_0068 (character: u8) -> i32;
    /// Erases a sector of 4 KiB. Nobody may use the flash meanwhile, the cache included.
    spiflash_erase_sector = 0x4000_0128 (sector: u32) -> i32;
    /// Programs whole words. As for erasing; `from` is aligned and has `len` bytes.
    spiflash_write = 0x4000_012C (to: u32, from: *const u32, len: u32) -> i32;
    /// Says how large the flash is: identification, bytes, then sizes of block, sector and page, and
    /// the bits of its status that count.
    spiflash_config_param = 0x4000_0134 (id: u32, size: u32, block: u32, sector: u32, page: u32, status: u32) -> i32;
    /// Takes the flash's own write protection away: writes its status register, needed or not.
    spiflash_unlock = 0x4000_0140 () -> i32;
    /// Reads the status register, when the flash is no longer busy: `flash` is what the ROM knows of it.
    spiflash_read_status = 0x4000_0158 (flash: *const u32, status: *mut u32) -> i32;
    /// The second one, if there is one, in bits 8 to 15.
    spiflash_read_status_high = 0x4000_015C (flash: *const u32, status: *mut u32) -> i32;
    /// Forgets what the cache knows of some addresses.
    cache_invalidate_addr = 0x4000_04D4 (address: u32, len: u32) -> i32;
    /// Forgets all that the cache knows.
    cache_invalidate_all = 0x4000_04D8 ();
    /// Switches the cache off; mapped flash cannot be seen until it is on again. Answers what
    /// switching it on takes.
    cache_disable = 0x4000_051C () -> u32;
    /// Switches the cache on.
    cache_enable = 0x4000_0520 (autoload: u32);
    /// Says how fast the processor is, for [`delay_us`].
    update_cpu_frequency = 0x4000_0588 (megahertz: u32);
    /// Writes a register of the analog part: block, host, register, value.
    regi2c_write = 0x4000_195C (block: u8, host: u8, register: u8, value: u8);
    /// Writes bits `high` to `low` of a register of the analog part.
    regi2c_write_bits = 0x4000_1960 (block: u8, host: u8, register: u8, high: u8, low: u8, value: u8);
}

/// Where the ROM says what flash it has found: first its identification.
pub(super) const FLASH_CHIP: *const *const u32 = 0x3FCD_FFF0 as *const *const u32;

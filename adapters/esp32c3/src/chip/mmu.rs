//! The MMU, which shows flash in two windows, and the cache before it.

use super::{Register, rom};
use crate::memory::MMU_ENTRIES;

/// One entry for each page of a window; data and code have the same.
const TABLE: u32 = 0x600C_5000;
/// In an entry: shows nothing.
const INVALID: u32 = 1 << 8;
/// `EXTMEM_ICACHE_CTRL1`: bits 0 and 1 shut the buses for code and data out.
const CACHE_BUSES: Register = Register(0x600C_4004);
const SHUT: u32 = 0b11;

/// Shows other pages of the flash; `None` for what is to be invalid. The cache knows nothing of
/// what was there before.
///
/// # Safety
/// Nothing that runs, and no reference that lives, may lie in the windows.
pub(super) unsafe fn show(pages: impl Iterator<Item = Option<u8>>) {
    // SAFETY: nothing needs the windows while the cache is off (the caller's promise), and it is
    // switched on again as it was. Entries are inside the table.
    unsafe {
        let autoload = rom::cache_disable();
        let all = pages.chain(core::iter::repeat(None));
        for (entry, page) in (TABLE..).step_by(4).zip(all.take(MMU_ENTRIES)) {
            Register(entry).write(page.map_or(INVALID, u32::from));
        }
        CACHE_BUSES.change(SHUT, 0);
        rom::cache_invalidate_all();
        rom::cache_enable(autoload);
    }
}

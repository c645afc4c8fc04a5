//! A UF2 file, copied to the drive that a board is with BOOTSEL held down.

use anyhow::{Result, ensure};
use ota_sim::Flash;

const BLOCK: usize = 512;
const MAGIC_START: [u32; 2] = [0x0A32_4655, 0x9E5D_5157];
const MAGIC_END: u32 = 0x0AB1_6F30;
const RP2040: u32 = 0xE48B_FF56;
const PAGE: u32 = 256;
/// Pages of an erase unit.
const PAGES: u32 = 16;

/// Writes the file to the flash at `base` as the boot ROM does: every 16th block, by its number,
/// erases its sector first.
///
/// # Errors
/// If a block is none, or not for this chip.
pub(crate) fn copy(file: &[u8], base: u32, flash: &mut Flash) -> Result<()> {
    for block in file.chunks(BLOCK) {
        ensure!(block.len() == BLOCK, "the UF2 file is cut short");
        let word = |at: usize| {
            let bytes = [block[at], block[at + 1], block[at + 2], block[at + 3]];
            u32::from_le_bytes(bytes)
        };
        let [address, length, number, family] = [12, 16, 20, 28].map(word);
        ensure!(
            [word(0), word(4)] == MAGIC_START && word(508) == MAGIC_END && length == PAGE,
            "block {number} is none of a UF2 file"
        );
        ensure!(family == RP2040, "block {number} is for another chip");
        let at = address - base;
        if number.is_multiple_of(PAGES) {
            let sector = at - at % (PAGES * PAGE);
            flash.load(sector, &[0xFF; (PAGES * PAGE) as usize]);
        }
        flash.load(at, &block[32..32 + PAGE as usize]);
    }
    Ok(())
}

//! UF2, as specified at <https://github.com/microsoft/uf2>: blocks of 512 bytes, each with its own
//! address, so that a chip's USB loader can take them in any order.

use anyhow::{Context as _, Result, ensure};

use crate::flash::FlashImage;

const MAGIC_START: [u32; 2] = [0x0A32_4655, 0x9E5D_5157];
const MAGIC_END: u32 = 0x0AB1_6F30;
const FLAG_FAMILY: u32 = 0x2000;

const BLOCK: usize = 512;
/// Payload of a block: the page of the flashes in question, and all that loaders must accept.
const PAYLOAD: u32 = 256;
/// Where the payload begins.
const HEADER: usize = 32;

/// Writes whole erase units, also where only a part of one holds data: the loader in RP2040's ROM
/// erases a sector at every 16th block *number*, so that a file with parts of sectors would lose
/// what it has just programmed (see `_write_uf2_page` in its source, `virtual_disk.c`).
pub(super) fn encode(image: &FlashImage, family: u32) -> Result<Vec<u8>> {
    let flash = image.map().flash;
    ensure!(
        flash.erase_size.is_multiple_of(PAYLOAD),
        "UF2 has blocks of {PAYLOAD} bytes, larger than this flash's erase units: write a .hex"
    );
    let pages: Vec<(u32, &[u8])> = image
        .units()
        .flat_map(|(at, unit)| pages(flash.base + at, unit))
        .collect();
    let total = u32::try_from(pages.len()).context("more blocks than UF2 can count")?;
    let mut file = Vec::with_capacity(pages.len() * BLOCK);
    for (number, (address, data)) in (0..).zip(pages) {
        file.extend(block(address, data, number, total, family, flash.erased));
    }
    Ok(file)
}

fn pages(address: u32, unit: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (0_u32..)
        .zip(unit.chunks(PAYLOAD as usize))
        .map(move |(i, page)| (address + i * PAYLOAD, page))
}

fn block(address: u32, data: &[u8], number: u32, total: u32, family: u32, erased: u8) -> Vec<u8> {
    let [first, second] = MAGIC_START;
    let header = [
        first,
        second,
        FLAG_FAMILY,
        address,
        PAYLOAD,
        number,
        total,
        family,
    ];
    let mut block: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    block.extend_from_slice(data);
    block.resize(HEADER + PAYLOAD as usize, erased);
    block.resize(BLOCK - 4, 0);
    block.extend_from_slice(&MAGIC_END.to_le_bytes());
    block
}

//! Intel HEX.

use anyhow::{Context as _, Result};
use ihex::Record;

use crate::flash::FlashImage;

/// Bytes of a record: what every reader takes.
const LINE: u32 = 16;

/// Writes only what holds data: a programmer erases what it programs, and on a flash with ECC even
/// a blank word must not be programmed.
pub(super) fn encode(image: &FlashImage) -> Result<Vec<u8>> {
    let base = image.map().flash.base;
    let mut records = Vec::new();
    let mut upper = None;
    for (offset, bytes) in image.written() {
        let mut address = base + offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            if upper != Some(address >> 16) {
                upper = Some(address >> 16);
                records.push(Record::ExtendedLinearAddress(half(address >> 16)));
            }
            // A record ends at a multiple of its length, so none crosses 64 KiB.
            let (line, after) = rest.split_at(rest.len().min((LINE - address % LINE) as usize));
            records.push(Record::Data {
                offset: half(address & 0xFFFF),
                value: line.to_vec(),
            });
            address = address.wrapping_add(u32::try_from(line.len())?);
            rest = after;
        }
    }
    records.push(Record::EndOfFile);
    let text = ihex::create_object_file_representation(&records).context("not writable as HEX")?;
    Ok((text + "\n").into_bytes())
}

/// The lower half of a word.
fn half(word: u32) -> u16 {
    let [a, b, ..] = word.to_le_bytes();
    u16::from_le_bytes([a, b])
}

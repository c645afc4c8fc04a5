//! RTT: the ring buffers in RAM through which firmware logs without a wire.

use crate::memory::Memory;

/// How a control block begins.
const ID: &[u8] = b"SEGGER RTT\0\0\0\0\0\0";
/// The first up channel within it: name, buffer, size, write, read, flags.
const CHANNEL: u32 = 24;
/// The firmware waits while the buffer is full, as with a probe attached.
const BLOCK_IF_FULL: u32 = 2;

/// Where every control block in RAM is.
pub(crate) fn find(memory: &Memory) -> Vec<u32> {
    let words = memory.all().chunks_exact(4).enumerate();
    words
        .filter(|(_, word)| *word == &ID[..4])
        .filter_map(|(index, _)| Some(memory.start() + u32::try_from(index * 4).ok()?))
        .filter(|&block| is_block(memory, block))
        .collect()
}

fn is_block(memory: &Memory, block: u32) -> bool {
    memory.slice(block, ID.len()) == Some(ID)
}

/// Makes the firmware wait while the buffer is full, as a probe does: nothing gets lost. Whether that
/// is new.
///
/// Only where a control block is known to be: what merely looks like one may be a copy of it
/// inside of an image, which must not be changed.
pub(crate) fn wait_for_room(memory: &mut Memory, block: u32) -> bool {
    if !is_block(memory, block) {
        return false;
    }
    let at = block + CHANNEL + 5 * 4;
    if let Some(flags) = memory.read(at).map(u32::from_le_bytes)
        && flags & 3 != BLOCK_IF_FULL
    {
        return memory.write(at, (flags & !3 | BLOCK_IF_FULL).to_le_bytes());
    }
    false
}

/// Takes what the firmware has put into the first channel since the last time.
pub(crate) fn drain(memory: &mut Memory, block: u32) -> Vec<u8> {
    take(memory, block).unwrap_or_default()
}

fn take(memory: &mut Memory, block: u32) -> Option<Vec<u8>> {
    if !is_block(memory, block) {
        return None;
    }
    let word = |index: u32| {
        let bytes = memory.read(block + CHANNEL + index * 4)?;
        Some(u32::from_le_bytes(bytes))
    };
    let (buffer, size, write, read) = (word(1)?, word(2)?, word(3)?, word(4)?);
    if write >= size || read >= size || write == read {
        return None;
    }
    let ring = memory.slice(buffer, size as usize)?;
    let (write, read) = (write as usize, read as usize);
    let bytes = if read < write {
        ring[read..write].to_vec()
    } else {
        [&ring[read..], &ring[..write]].concat()
    };
    let write = u32::try_from(write).ok()?;
    memory.write(block + CHANNEL + 16, write.to_le_bytes());
    Some(bytes)
}

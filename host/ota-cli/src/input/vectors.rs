//! The vector table that a Cortex-M begins with.

use crate::map::Memory;

/// Looks at the first two words of an image: the stack pointer and the address of the first
/// instruction.
///
/// # Errors
/// Why the processor could not begin there.
pub(super) fn check(image: &[u8], address: u32, ram: &[Memory]) -> Result<(), String> {
    let word = |at: usize| Some(u32::from_le_bytes(*image.get(at..)?.first_chunk()?));
    let (Some(stack), Some(reset)) = (word(0), word(4)) else {
        return Err("it is too short for a vector table".into());
    };
    if !stack.is_multiple_of(4) || !ram.iter().any(|ram| ram.is_stack(stack)) {
        return Err(format!("its first word, {stack:#010x}, is no stack in RAM"));
    }
    if reset & 1 == 0 {
        return Err(format!(
            "its second word, the reset vector, is {reset:#010x}, without the Thumb bit"
        ));
    }
    let first = u64::from(address);
    let image = first..first + image.len() as u64;
    if image.contains(&u64::from(reset & !1)) {
        return Ok(());
    }
    Err(format!(
        "its second word, the reset vector {reset:#010x}, is not in the image at {:#010x}..{:#010x}",
        image.start, image.end
    ))
}

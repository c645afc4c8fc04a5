//! Loading an application, and leaving for it.

use core::convert::Infallible;

use ota_bootloader::Area;

use super::{MaskRomFlash, mmu, woke_from_deep_sleep};
use crate::image::{Image, ImageError, Segment};
use crate::memory::{Loader, Memory, PAGE, SRAM_DATA};

/// Loads the image of `len` bytes at the beginning of a slot, and jumps to it. Comes back only if
/// it is not one that may be loaded; then nothing was.
///
/// What goes to RAM is copied, through the bus for data; what runs from flash is mapped; all other
/// entries of the MMU are invalid. Interrupts stay as the mask ROM leaves them: enabled in the
/// processor, none in the interrupt matrix, as applications expect. A watchdog that was started keeps
/// running. After deep sleep, what the application keeps in RTC memory stays.
///
/// # Errors
/// See [`ImageError`]. Of bytes past `len` nothing is loaded.
///
/// # Safety
/// The image must have been verified, all `len` bytes of it, and the slot must not have been written
/// since. Nothing of the caller may go on, nor lie below [`SECOND_STAGE_RAM`](crate::memory::SECOND_STAGE_RAM).
pub unsafe fn start(flash: MaskRomFlash, slot: Area, len: u32) -> Result<Infallible, ImageError> {
    let bytes = flash.bytes(slot, len).ok_or(ImageError::Truncated)?;
    let image = Image::parse(bytes, Loader::SecondStage)?;
    let keep = woke_from_deep_sleep();
    for segment in image.segments() {
        // SAFETY: `parse` has checked that it lies in RAM that is free for images, and the caller
        // uses none of that.
        unsafe { load(&segment, keep) };
    }
    let (entry, first) = (image.entry(), slot.offset / PAGE);
    let pages = image.pages().entries();
    let pages = pages.map(|page| page.and_then(|page| u8::try_from(first + u32::from(page)).ok()));
    // SAFETY: nothing is read through the windows any more: `image` and `bytes` end here. The entry
    // point is in code of a verified image, which is in its place now.
    unsafe {
        mmu::show(pages);
        core::arch::asm!("jr {entry}", entry = in(reg) entry, options(noreturn));
    }
}

/// Copies a segment to RAM, if it is for RAM.
///
/// # Safety
/// Its place is free.
unsafe fn load(segment: &Segment<'_>, keep_rtc: bool) {
    let to = match segment.place {
        Some(place) if place.memory == Memory::Sram => SRAM_DATA.start + place.offset,
        Some(place) if place.memory == Memory::Rtc && !keep_rtc => segment.address,
        _ => return,
    };
    let (words, _) = segment.bytes.as_chunks::<4>();
    for (to, word) in (to..).step_by(4).zip(words) {
        // SAFETY: addresses of segments are aligned, and the place is free (the caller's promise).
        unsafe { (to as *mut u32).write_volatile(u32::from_le_bytes(*word)) };
    }
}

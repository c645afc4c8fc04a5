//! The chip itself: registers, and functions of its mask ROM. Only where it is built for.
//!
//! Addresses of registers are those of the ESP32-C3 Technical Reference Manual; addresses of functions
//! those of `esp32c3.rom.ld` in ESP-IDF, which Espressif keeps for all revisions of the chip.

pub mod clock;
pub mod console;
mod flash;
mod hash;
mod leave;
mod mmu;
mod protection;
mod rom;
mod start;
pub mod watchdog;

pub use flash::{FlashError, MaskRomFlash};
pub use hash::{ChipHasher, HashCrypto};
pub use leave::start;
pub use protection::unlock;
pub use start::{reset, reset_cause, woke_from_deep_sleep};

/// A register of 32 bits.
#[derive(Clone, Copy)]
struct Register(u32);

impl Register {
    fn read(self) -> u32 {
        // SAFETY: all registers of this crate are constants from the manual; reading one of them has
        // no effect on memory.
        unsafe { (self.0 as *const u32).read_volatile() }
    }

    /// # Safety
    /// What the register does with this value must not break what runs.
    unsafe fn write(self, value: u32) {
        // SAFETY: a register, aligned; the caller answers for the effect.
        unsafe { (self.0 as *mut u32).write_volatile(value) }
    }

    /// # Safety
    /// As for [`write`](Self::write).
    unsafe fn change(self, clear: u32, set: u32) {
        // SAFETY: the caller's promise.
        unsafe { self.write(self.read() & !clear | set) }
    }
}

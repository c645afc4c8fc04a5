//! Blinks the LED of a Raspberry Pi Pico, from the application slot of the flash.
//!
//! There is nothing else in it, except its version, so that two versions are two binaries.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use rp2040_pac::{Peripherals, RESETS};

/// The version of this build: `FIRMWARE_VERSION` if it was set, the package's if not.
#[used]
static VERSION: &str = match option_env!("FIRMWARE_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// Stands for the rest of a real application where a longer image is wanted; usually empty.
#[used]
static BALLAST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ballast.bin"));

/// GPIO 25, where the Pico has its LED.
const LED: u32 = 1 << 25;

/// A quarter of a second at the 6.5 MHz or so of the ring oscillator, on which the chip starts.
const QUARTER_SECOND: u32 = 6_500_000 / 4;

#[entry]
fn main() -> ! {
    // The linker drops what nobody reads.
    black_box((VERSION, BALLAST));
    if let Some(peripherals) = Peripherals::take() {
        blink(&peripherals);
    }
    // The peripherals are there to be taken once after a reset, and only here.
    SCB::sys_reset()
}

fn blink(chip: &Peripherals) -> ! {
    release_from_reset(&chip.RESETS);
    chip.IO_BANK0
        .gpio(25)
        .gpio_ctrl()
        .write(|w| w.funcsel().sio());
    // SAFETY: each bit of this register stands for one pin; those written as 0 stay as they are.
    chip.SIO.gpio_oe_set().write(|w| unsafe { w.bits(LED) });
    loop {
        // SAFETY: as above; the LED's pin is an output by now.
        chip.SIO.gpio_out_xor().write(|w| unsafe { w.bits(LED) });
        cortex_m::asm::delay(QUARTER_SECOND);
    }
}

/// Pins and pads are held in reset until somebody wants them.
fn release_from_reset(resets: &RESETS) {
    resets
        .reset()
        .modify(|_, w| w.io_bank0().clear_bit().pads_bank0().clear_bit());
    loop {
        let done = resets.reset_done().read();
        if done.io_bank0().bit_is_set() && done.pads_bank0().bit_is_set() {
            break;
        }
    }
}

/// A reset is the way on: the bootloader counts it, and decides what runs next.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}

//! The bootloader of the example product, which the mask ROM loads as its second stage: decides with
//! `ota-bootloader` what runs, loads it, and jumps there.
#![no_std]
#![no_main]

mod entry;
mod recovery;

use core::panic::PanicInfo;

use esp32c3_product::{BOOT, PRODUCT, WATCHDOG_TIMEOUT_MS};
use ota_bootloader::{
    Area, Bootloader, Decision, Fed, OneFlash, Region, ResetCause, Start, Storage,
};
use ota_esp32c3::{HashCrypto, MaskRomFlash, Remember, clock, watchdog};
use ota_image::{Crypto, ENVELOPE_LEN, Envelope};
use ota_small_crypto::SmallCrypto;
use recovery::Problem;

/// An image that was verified: where it lies, its length, and whether it is on trial.
struct Verified {
    slot: Area,
    len: u32,
    trial: bool,
}

extern "C" fn main() -> ! {
    let cause = ota_esp32c3::reset_cause();
    watchdog::start(WATCHDOG_TIMEOUT_MS);
    // SAFETY: nothing here counts by it.
    unsafe { clock::raise() };
    // SAFETY: once. This runs from RAM, alone; no interrupt is enabled in the matrix.
    let mut flash = unsafe { MaskRomFlash::new(PRODUCT.map.layout().internal.size) };
    match decide(&mut flash, cause) {
        Ok(image) => leave(flash, &image),
        Err(problem) => recovery::wait(problem),
    }
}

fn decide(flash: &mut MaskRomFlash, cause: ResetCause) -> Result<Verified, Problem> {
    let storage = OneFlash::new(flash, PRODUCT.map).map_err(|_| Problem::OtherFlash)?;
    // Fed between erases and between blocks of a hash, not by a timer: a hang still ends.
    let mut storage = Fed::new(storage, watchdog::feed);
    // SAFETY: there is no other one.
    let mut crypto = Remember::new(unsafe { HashCrypto::new(SmallCrypto) });
    let mut bootloader = Bootloader::new(&PRODUCT, BOOT, &mut storage, &mut crypto);
    let start = match bootloader.boot(cause) {
        Decision::Boot(start) => start,
        Decision::Recovery(reason) => return Err(Problem::Recovery(reason)),
    };
    let revoked = bootloader.record().revoked;
    Ok(Verified {
        slot: PRODUCT.map.area(Region::Slot(start.slot)),
        // Borrowed as the bootloader has borrowed it: then the code for it is there once.
        len: length(&mut storage, &mut &mut crypto, &start, revoked)?,
        trial: start.trial,
    })
}

/// How many bytes of the slot were verified. Nothing behind them may be loaded, whatever the image
/// says, so that its manifest is asked once more.
#[inline(never)] // One kilobyte of stack, given back before anything is loaded.
fn length(
    storage: &mut impl Storage,
    crypto: &mut impl Crypto,
    start: &Start,
    revoked: u8,
) -> Result<u32, Problem> {
    let mut bytes = [0; ENVELOPE_LEN];
    let bank = Region::Bank(start.slot); // slot and bank belong together: strategy A/B
    for (offset, block) in (0..).step_by(256).zip(bytes.chunks_mut(256)) {
        storage
            .read(bank, offset, block)
            .map_err(|_| Problem::Manifest)?;
    }
    let envelope = Envelope::parse(&bytes).map_err(|_| Problem::Manifest)?;
    let manifest = envelope
        .verify_boot(crypto, &BOOT, revoked)
        .map_err(|_| Problem::Manifest)?;
    Ok(manifest.image_length)
}

fn leave(flash: MaskRomFlash, image: &Verified) -> ! {
    watchdog::feed();
    // SAFETY: these bytes were verified, and nothing has written since. Nothing goes on here; all
    // that this program has lies above what images may use.
    let Err(error) = unsafe { ota_esp32c3::start(flash, image.slot, image.len) };
    if image.trial {
        // A start that failed, and was counted: after the last one, the former image comes back.
        recovery::say(Problem::Image(error));
        ota_esp32c3::reset()
    }
    recovery::wait(Problem::Image(error))
}

/// There is nobody to tell, and nothing but another start that could help.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    ota_esp32c3::reset()
}

//! Which calls boards pass that another one has executed.

use std::sync::Arc;

use anyhow::{Result, ensure};
use ota_bootloader::Strategy;
use ota_emu::{Board, Calls, Chip};

use crate::bench::Bench;

/// What only a bootloader that swaps has.
const OF_SWAPS: &str = "ota_bootloader::image::Image<L>::step_matches";

/// What takes most of an update's instructions, and gets the same bytes again and again. Each has to
/// be in the bootloader or the application of each example; where a compiler makes one of them a part
/// of its callers, those take its place.
pub const FUNCTIONS: [&str; 6] = [
    OF_SWAPS,
    "ota_bootloader::io::hash",
    "ota_image::verify::<impl ota_image::frame::Envelope>::find_signer",
    "ota_small_crypto::field::Field::mul",
    "ota_small_crypto::point::Point::add",
    "sha2::sha256::compress256",
];

/// None yet, of these functions.
#[must_use]
pub fn calls<C: Chip>() -> Arc<Calls<C>> {
    Arc::new(Calls::new(&FUNCTIONS))
}

/// Lets a board that is to execute this firmware pass what another one of its kind has executed
/// already.
///
/// # Errors
/// If this is no firmware.
pub fn share<B: Bench>(board: &mut Board<B::Chip>, elf: &[u8]) -> Result<()> {
    let calls = B::calls();
    calls.know(elf)?;
    board.share_calls(Arc::clone(calls));
    Ok(())
}

/// Makes sure that each of the functions is somewhere in the firmware that is known: a board would
/// execute all of it, and nobody would notice.
///
/// # Errors
/// If one is not.
pub fn check<B: Bench>() -> Result<()> {
    let mut missing = B::calls().missing();
    if B::EXAMPLE.product().map.strategy() == Strategy::Ab {
        missing.retain(|name| *name != OF_SWAPS);
    }
    ensure!(
        missing.is_empty(),
        "the firmware of {} has no {}: `FUNCTIONS` in ota-boards/src/calls.rs has to name what does its \
         work now",
        B::BOARD,
        missing.join(", ")
    );
    Ok(())
}

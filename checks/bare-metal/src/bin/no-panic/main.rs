//! Calls what the core crates offer, with arguments that nobody knows: does not link if a panic
//! path is left anywhere. Flash, cryptography and network are `extern "C"`, so that what is left
//! would be a core crate's.
//!
//! Left out are texts (`Display`, `Debug`), which use `core::fmt`, and the drivers of `ota-client`:
//! into every `async fn` the compiler puts a panic for who polls it after its end.
#![no_std]
#![no_main]

mod application;
mod boot;
mod chip;
mod image;

use bare_metal::reset;
use chip::{number, show};

/// Where it begins.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    match number() {
        0 => boot::decide(),
        1 => boot::judge_maps(),
        2 => boot::ask_the_state_machine(),
        3 => image::check_envelope(),
        4 => image::check_manifest(),
        5 => image::write(),
        6 => application::update(),
        7 => application::confirm(),
        8 => application::download(),
        #[cfg(feature = "planted-panic")]
        9 => show(*[1_u32, 2, 3].get(number() as usize).expect("planted")),
        _ => show(0_u32),
    }
    reset()
}

unsafe extern "C" {
    /// Is nowhere: the linker's complaint about it names who needs it.
    fn a_panic_path_is_left() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: does not link.
    unsafe { a_panic_path_is_left() }
}

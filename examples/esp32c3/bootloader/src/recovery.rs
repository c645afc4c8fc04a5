//! Nothing can be booted: says so, and tries again later.

use ota_bootloader::Recovery;
use ota_esp32c3::image::ImageError;
use ota_esp32c3::{clock, console, watchdog};

/// Why nothing can be booted.
#[derive(Clone, Copy)]
pub(crate) enum Problem {
    /// What the core says: no image is whole and signed.
    Recovery(Recovery),
    /// The manifest of the image that was chosen cannot be read again.
    Manifest,
    /// The image is whole and signed, and still none that may be loaded.
    Image(ImageError),
    /// The flash is not the one in the map.
    OtherFlash,
}

impl Problem {
    const fn text(self) -> &'static str {
        match self {
            Self::Recovery(Recovery::NoImage(_)) => "no image is whole and signed",
            Self::Manifest => "the manifest cannot be read",
            Self::Image(_) => "the image may not be loaded",
            Self::OtherFlash => "the flash is not the one in the map",
        }
    }

    const fn code(self) -> u16 {
        match self {
            Self::Recovery(reason) => reason.code(),
            Self::Image(error) => error.code(),
            Self::Manifest | Self::OtherFlash => 0,
        }
    }
}

/// Times that it is said before a reset: about a minute.
const ROUNDS: u32 = 20;
/// Three seconds, in pieces after which the watchdog is fed.
const PIECES: u32 = 3;
const PIECE_US: u32 = 1_000_000;

/// Says so for a while; then a reset, because what was wrong may have passed.
pub(crate) fn wait(problem: Problem) -> ! {
    for _ in 0..ROUNDS {
        say(problem);
        for _ in 0..PIECES {
            watchdog::feed();
            clock::delay_us(PIECE_US);
        }
    }
    ota_esp32c3::reset()
}

/// Says it once.
pub(crate) fn say(problem: Problem) {
    console::say("bootloader: ");
    console::say(problem.text());
    let code = problem.code();
    if code != 0 {
        console::say(", 0x");
        for shift in [12, 8, 4, 0] {
            let digit = usize::from(code >> shift & 0xF);
            console::say("0123456789abcdef".get(digit..=digit).unwrap_or("?"));
        }
    }
    console::say("\r\n");
}

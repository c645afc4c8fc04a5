//! A module with an ESP32-C3 and the example firmware, over its serial line.

use std::sync::{Arc, LazyLock};

use ota_emu::Calls;
use ota_emu::esp32c3::{Board, Esp32c3 as Chip, flash};
use ota_sim::Flash;

use crate::bench::Bench;
use crate::calls::calls;
use crate::example::Example;
use crate::server::Cable;

/// The bench with this board.
pub enum Esp32c3 {}

static CALLS: LazyLock<Arc<Calls<Chip>>> = LazyLock::new(calls);

impl Bench for Esp32c3 {
    type Chip = Chip;
    type Link = Cable;
    const EXAMPLE: Example = Example::Esp32c3;
    const BOARD: &'static str = "an ESP32-C3";
    const FACTORY: &'static str =
        "ota image makes one file of bootloader and application, which goes over the serial line";
    const IN_DOWNLOAD: [u64; 3] = [300, 2_000, 4_000];
    const IN_SWAP: Option<u64> = None;

    fn blank() -> Flash {
        flash()
    }

    fn calls() -> &'static Arc<Calls<Chip>> {
        &CALLS
    }

    fn connect(link: &Cable, board: &mut Board) {
        link.serve(board.attach_serial());
    }
}

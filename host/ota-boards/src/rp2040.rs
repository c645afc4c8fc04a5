//! A W5500-EVB-Pico with the example firmware, over Ethernet.

use std::sync::{Arc, LazyLock};

use anyhow::Result;
use ota_cli::flash::FlashImage;
use ota_cli::output::Format;
use ota_emu::Calls;
use ota_emu::rp2040::{Board, Rp2040 as Chip, flash};
use ota_sim::Flash;

use crate::bench::Bench;
use crate::calls::calls;
use crate::example::Example;
use crate::server::Http;
use crate::uf2;

/// The bench with this board.
pub enum Rp2040 {}

static CALLS: LazyLock<Arc<Calls<Chip>>> = LazyLock::new(calls);

impl Bench for Rp2040 {
    type Chip = Chip;
    type Link = Http;
    const EXAMPLE: Example = Example::Rp2040;
    const BOARD: &'static str = "a W5500-EVB-Pico";
    const FACTORY: &'static str =
        "ota image makes a UF2 file, which is copied to the board with BOOTSEL held down";
    const IN_DOWNLOAD: [u64; 3] = [100, 250, 420];
    const IN_SWAP: Option<u64> = Some(300);

    fn blank() -> Flash {
        flash()
    }

    /// By a UF2 file, copied to the drive that the board is with BOOTSEL held down.
    fn write(image: &FlashImage) -> Result<Flash> {
        let base = Self::EXAMPLE.map()?.flash.base;
        let mut flash = Self::blank();
        uf2::copy(&Format::Uf2.encode(image)?, base, &mut flash)?;
        Ok(flash)
    }

    fn calls() -> &'static Arc<Calls<Chip>> {
        &CALLS
    }

    fn connect(link: &Http, board: &mut Board) {
        board.attach_network(link.forwards());
    }
}

//! A NUCLEO-L476RG with the example firmware, over the serial line of its debugger.

use anyhow::Result;
use ota_cli::flash::FlashImage;
use ota_emu::stm32::{Board, Stm32l4, flash};
use ota_sim::Flash;

use crate::bench::Bench;
use crate::example::Example;
use crate::server::Cable;

/// The bench with this board.
pub enum Stm32 {}

impl Bench for Stm32 {
    type Chip = Stm32l4;
    type Link = Cable;
    const EXAMPLE: Example = Example::Stm32;
    const BOARD: &'static str = "a NUCLEO-L476RG";
    const FACTORY: &'static str =
        "ota image makes one file of bootloader and application, which the debugger writes";
    const IN_DOWNLOAD: [u64; 3] = [1_500, 5_000, 9_000];
    const IN_SWAP: Option<u64> = Some(9_000);

    fn write(image: &FlashImage) -> Result<Flash> {
        let mut flash = flash();
        flash.load(0, image.as_bytes());
        Ok(flash)
    }

    fn connect(link: &Cable, board: &mut Board) {
        link.serve(board.attach_serial());
    }
}

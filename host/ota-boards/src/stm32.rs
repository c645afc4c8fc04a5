//! A NUCLEO-L476RG with the example firmware: over the serial line of its debugger, over Ethernet,
//! and with a slot in each bank.

use std::sync::{Arc, LazyLock};

use anyhow::Result;
use ota_emu::stm32::{Board, Calls, Stm32l4, flash};
use ota_sim::Flash;

use crate::bench::Bench;
use crate::example::Example;
use crate::server::{Cable, Http};

/// The bench with this board.
pub enum Stm32 {}

/// The same with a W5500 on its Arduino headers, in place of the serial line.
pub enum Stm32Ethernet {}

/// The same as [`Stm32`] with a slot in each bank of the flash.
pub enum Stm32DualBank {}

const FACTORY: &str =
    "ota image makes one file of bootloader and application, which the debugger writes";

/// What takes most of an update's instructions, and gets the same bytes again and again: boards of a
/// process pass calls of these that one of them has executed.
pub const FUNCTIONS: [&str; 4] = [
    "ota_bootloader::image::Image<L>::step_matches",
    "ota_bootloader::io::hash",
    "ota_image::verify::<impl ota_image::frame::Envelope>::find_signer",
    "sha2::sha256::compress256",
];
static CALLS: LazyLock<Arc<Calls>> = LazyLock::new(|| Arc::new(Calls::new(&FUNCTIONS)));

fn pass_known_calls(board: &mut Board, elf: &[u8]) -> Result<()> {
    CALLS.know(elf)?;
    board.share_calls(Arc::clone(&CALLS));
    Ok(())
}

impl Bench for Stm32 {
    type Chip = Stm32l4;
    type Link = Cable;
    const EXAMPLE: Example = Example::Stm32;
    const BOARD: &'static str = "a NUCLEO-L476RG";
    const FACTORY: &'static str = FACTORY;
    const IN_DOWNLOAD: [u64; 3] = [1_500, 5_000, 9_000];
    const IN_SWAP: Option<u64> = Some(9_000);

    fn blank() -> Flash {
        flash()
    }

    fn share_calls(board: &mut Board, elf: &[u8]) -> Result<()> {
        pass_known_calls(board, elf)
    }

    fn connect(link: &Cable, board: &mut Board) {
        link.serve(board.attach_serial());
    }
}

impl Bench for Stm32Ethernet {
    type Chip = Stm32l4;
    type Link = Http;
    const EXAMPLE: Example = Example::Stm32Ethernet;
    const BOARD: &'static str = "a NUCLEO-L476RG with a W5500 shield";
    const FACTORY: &'static str = FACTORY;
    const IN_DOWNLOAD: [u64; 3] = Stm32::IN_DOWNLOAD;
    const IN_SWAP: Option<u64> = Stm32::IN_SWAP;

    fn blank() -> Flash {
        flash()
    }

    fn share_calls(board: &mut Board, elf: &[u8]) -> Result<()> {
        pass_known_calls(board, elf)
    }

    fn connect(link: &Http, board: &mut Board) {
        board.attach_network(link.forwards());
    }
}

impl Bench for Stm32DualBank {
    type Chip = Stm32l4;
    type Link = Cable;
    const EXAMPLE: Example = Example::Stm32DualBank;
    const BOARD: &'static str = "a NUCLEO-L476RG with a slot in each bank";
    const FACTORY: &'static str = FACTORY;
    const IN_DOWNLOAD: [u64; 3] = Stm32::IN_DOWNLOAD;
    const IN_SWAP: Option<u64> = None;

    fn blank() -> Flash {
        flash()
    }

    fn share_calls(board: &mut Board, elf: &[u8]) -> Result<()> {
        pass_known_calls(board, elf)
    }

    fn connect(link: &Cable, board: &mut Board) {
        link.serve(board.attach_serial());
    }
}

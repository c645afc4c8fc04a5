//! A NUCLEO-L476RG with the example firmware: over the serial line of its debugger, over Ethernet,
//! and with a slot in each bank.

use std::sync::{Arc, LazyLock};

use ota_emu::Calls;
use ota_emu::stm32::{Board, Stm32l4, flash};
use ota_sim::Flash;

use crate::bench::Bench;
use crate::calls::calls;
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

static CALLS: LazyLock<Arc<Calls<Stm32l4>>> = LazyLock::new(calls);

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

    fn calls() -> &'static Arc<Calls<Stm32l4>> {
        &CALLS
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

    fn calls() -> &'static Arc<Calls<Stm32l4>> {
        &CALLS
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

    fn calls() -> &'static Arc<Calls<Stm32l4>> {
        &CALLS
    }

    fn connect(link: &Cable, board: &mut Board) {
        link.serve(board.attach_serial());
    }
}

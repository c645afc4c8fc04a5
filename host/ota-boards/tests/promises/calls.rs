//! Calls that boards pass because another one has executed them.

use std::sync::Arc;

use ota_boards::bench::{self, Bench as _};
use ota_boards::cuts::Story;
use ota_boards::cuts::stage::Stage;
use ota_boards::firmware::{self, Behaviour};
use ota_boards::stm32::{FUNCTIONS, Stm32};
use ota_emu::stm32::Calls;

/// More than an update takes, in instructions.
const LIMIT: u64 = 1_000_000_000;

#[test]
fn each_call_of_an_update_that_an_stm32_passes_is_what_executing_it_comes_to() -> anyhow::Result<()>
{
    let stage = Stage::<Stm32>::set(Story::Good)?;
    let calls = Arc::new(Calls::compared(&FUNCTIONS));
    calls.know(&firmware::bootloader(Stm32::EXAMPLE)?)?;
    for version in ["1.0.0", "1.1.0"] {
        calls.know(&firmware::app(Stm32::EXAMPLE, version, Behaviour::Healthy)?)?;
    }
    let mut board = stage.board.snapshot();
    board.share_calls(Arc::clone(&calls));
    stage.shop.plug_in(&mut board);
    // A difference is a panic.
    bench::until(&mut board, "confirmed", LIMIT)?;
    assert!(calls.passed() > 100, "{}", calls.passed());
    Ok(())
}

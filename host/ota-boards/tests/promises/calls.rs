//! Calls that boards pass because another one has executed them.

use std::sync::Arc;

use ota_boards::bench::{self, Bench};
use ota_boards::calls::FUNCTIONS;
use ota_boards::cuts::Story;
use ota_boards::cuts::stage::Stage;
use ota_boards::firmware::{self, Behaviour};
use ota_emu::Calls;

/// More than an update takes, in instructions.
const LIMIT: u64 = 3_000_000_000;

/// Two updates, in which each call that is passed is executed as well. A difference is a panic.
pub(crate) fn are_what_executing_them_comes_to<B: Bench>() -> anyhow::Result<()> {
    let stage = Stage::<B>::set(Story::Good)?;
    let calls = Arc::new(Calls::compared(&FUNCTIONS));
    calls.know(&firmware::bootloader(B::EXAMPLE)?)?;
    for version in ["1.0.0", "1.1.0"] {
        calls.know(&firmware::app(B::EXAMPLE, version, Behaviour::Healthy)?)?;
    }
    let mut passed = 0;
    for least in [0, 1000] {
        let mut board = stage.board.snapshot();
        board.share_calls(Arc::clone(&calls));
        stage.shop.plug_in(&mut board);
        bench::until(&mut board, "confirmed", LIMIT)?;
        let now = calls.passed() - passed;
        assert!(now >= least, "only {now} calls were passed");
        passed += now;
    }
    Ok(())
}

//! The firmware of `examples/stm32`, as it is, over its serial line.

use ota_boards::example::Example;
use ota_boards::firmware::Behaviour;
use ota_boards::release::release;
use ota_boards::stm32::{self, Cable};
use ota_bootloader::{BootState, Fallback};
use stm32_product::PRODUCT;

/// More instructions than any step takes.
const LIMIT: u64 = 3_000_000_000;

#[test]
fn an_update_over_the_serial_line_is_swapped_in_tried_and_confirmed() -> anyhow::Result<()> {
    let good = |version, sequence| release(Example::Stm32, version, Behaviour::Healthy, sequence);
    let (first, second) = (good("1.0.0", 100)?, good("1.1.0", 110)?);
    let cable = Cable::new()?;
    cable.publish(second.as_bytes())?;
    let mut board = stm32::board(&first, "1.0.0")?;
    stm32::knows(&mut board, "1.1.0", Behaviour::Healthy)?;
    let server = cable.plug_in(&mut board);

    let said = [
        "version 1.0.0",
        "not on trial",
        "looking for an update",
        "staged; resetting",
        "version 1.1.0",
        "on trial",
        "confirmed",
        "up to date",
    ];
    for text in said {
        stm32::until(&mut board, text, LIMIT)?;
    }
    assert_eq!(board.lost_bytes(), 0);
    let state = stm32::state(&board)?;
    assert_eq!(state.version.as_deref(), Some("1.1.0"));
    let confirmed = BootState::Confirmed(Fallback::Available);
    assert_eq!(state.record.state, confirmed);
    for (area, package) in PRODUCT.map.layout().slots.iter().zip([&second, &first]) {
        let slot = &board.flash().bytes()[area.offset as usize..];
        assert!(slot.starts_with(package.payload()?));
    }
    let served: usize = cable.heard().iter().flat_map(|heard| heard.answer).sum();
    assert!(served > second.as_bytes().len());

    drop(board);
    server.join().expect("the server does not panic")?;
    Ok(())
}

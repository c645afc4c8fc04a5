//! The firmware in these tests is that of `examples/`.

use ota_boards::{readme, rp2040};
use ota_cli::input::Firmware;

use crate::common::{good, slot};

#[test]
fn the_firmware_on_the_board_is_what_the_readme_builds_byte_for_byte() -> anyhow::Result<()> {
    let board = rp2040::board(&good("1.0.0")?, "1.0.0")?;
    let elfs = readme::build("1.0.0")?;
    let [app, bootloader] = [elfs.app, elfs.bootloader].map(Firmware::parse);
    let (app, bootloader) = (app?.bytes, bootloader?.bytes);
    assert!(app.len() > 50_000 && bootloader.len() > 20_000);
    assert!(slot(&board, 0).starts_with(&app));
    assert!(board.flash().bytes().starts_with(&bootloader));
    Ok(())
}

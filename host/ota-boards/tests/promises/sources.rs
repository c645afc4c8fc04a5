//! The firmware in these tests is that of `examples/`.

use ota_boards::state::running_at;
use ota_boards::{bench, readme};
use ota_esp32c3::memory::Loader;

use crate::common::{Told, good, held};

pub(crate) fn is_what_the_readme_builds_byte_for_byte<B: Told>() -> anyhow::Result<()> {
    let board = bench::board::<B>(&good::<B>("1.0.0")?, "1.0.0")?;
    let elfs = readme::build(B::EXAMPLE, "1.0.0")?;
    let app = B::EXAMPLE.native(elfs.app, Loader::SecondStage)?;
    let bootloader = B::EXAMPLE.native(elfs.bootloader, Loader::MaskRom)?;
    assert!(app.len() > 50_000 && bootloader.len() > 20_000);
    assert!(held::<B>(&board, running_at)?.starts_with(&app));
    assert!(board.flash().bytes().starts_with(&bootloader));
    Ok(())
}

//! A download that is interrupted goes on where it was.

use ota_boards::firmware::Behaviour;
use ota_boards::rp2040::{self, Shop};
use ota_bootloader::{BootState, Fallback};
use ota_cli::package::Package;
use ota_client::Config;
use ota_emu::Exit;
use ota_emu::rp2040::Board;
use ota_image::ENVELOPE_LEN;
use ota_sim::{Interrupted, Tear};
use rp2040_product::PRODUCT;

use crate::common::{LIMIT, assert_confirmed, good, slot};

/// The flash operations of a life in which the power goes: in the first window of chunks, and in
/// two later ones.
const CUTS: [(u64, Tear); 3] = [
    (100, Tear::Random(1)),
    (250, Tear::Late),
    (420, Tear::Random(2)),
];
/// Chunks that the application asks for at once.
const WINDOW: u32 = Config::DEFAULT.window;

#[test]
fn a_download_goes_on_after_power_cuts_and_nothing_verified_is_fetched_again() -> anyhow::Result<()>
{
    let package = good("1.1.0")?;
    let chunk = package.manifest()?.chunk_size.bytes();
    let shop = Shop::open()?;
    shop.publish(package.as_bytes())?;
    let mut board = rp2040::board(&good("1.0.0")?, "1.0.0")?;
    rp2040::knows(&mut board, "1.1.0", Behaviour::Healthy)?;
    shop.plug_in(&mut board);

    let mut asked = 0;
    let mut first_needed = 0;
    for (operation, tear) in CUTS {
        board.cut_at(operation - board.operations(), tear);
        assert_eq!(board.run_until("staged", LIMIT), Exit::PowerCut);
        assert!(tears_staging(&board), "{:?}", board.flash().interrupted());
        asked += heard(&shop, first_needed)?;
        first_needed = needed(&board, &package)?;
        board.power_up();
        assert_eq!(
            rp2040::state(&board)?.record.state,
            BootState::Downloading,
            "{operation}"
        );
    }
    rp2040::until(&mut board, "staged; resetting", LIMIT)?;
    asked += heard(&shop, first_needed)?;
    let length = u32::try_from(package.as_bytes().len())?;
    let cuts = u32::try_from(CUTS.len())?;
    assert!(asked > length, "no cut cost anything");
    assert!(
        asked <= length + cuts * WINDOW * chunk,
        "{asked} of {length}"
    );
    rp2040::until(&mut board, "confirmed", LIMIT)?;
    assert_confirmed(&board, &package, Fallback::Available)?;
    Ok(())
}

fn tears_staging(board: &Board) -> bool {
    let staging = PRODUCT.map.layout().slots[1];
    match board.flash().interrupted() {
        Interrupted::Program { offset, .. } | Interrupted::Erase { offset } => {
            (staging.offset..staging.offset + staging.size).contains(&offset)
        }
        Interrupted::Nothing => false,
    }
}

/// The first byte of the package that a board may have to ask for, by what its staging slot holds:
/// of the chunks in a row from the first, the last one was perhaps not read back.
fn needed(board: &Board, package: &Package) -> anyhow::Result<u32> {
    let manifest = package.manifest()?;
    let chunk = manifest.chunk_size.bytes();
    let staged = &slot(board, 1)[PRODUCT.map.step() as usize..];
    let same = staged.iter().zip(package.payload()?);
    let same = u32::try_from(same.take_while(|(here, there)| here == there).count())?;
    let chunks = (same / chunk).saturating_sub(1);
    Ok(manifest.payload_offset() + chunks * chunk)
}

/// How many bytes were asked for: none before `first`, once there is one.
fn heard(shop: &Shop, first: u32) -> anyhow::Result<u32> {
    let asked = shop.asked()?;
    assert!(asked.iter().all(|part| part.start >= first), "{asked:?}");
    assert!(first < 1 || first > u32::try_from(ENVELOPE_LEN)?);
    Ok(asked.iter().map(|part| part.end - part.start).sum())
}

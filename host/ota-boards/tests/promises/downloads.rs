//! Interrupted downloads.

use ota_boards::bench::{self, Bench};
use ota_boards::firmware::Behaviour;
use ota_boards::server::Shop;
use ota_boards::state::staged_at;
use ota_bootloader::{BootState, Fallback};
use ota_cli::package::Package;
use ota_client::Config;
use ota_emu::{Board, Exit};
use ota_image::ENVELOPE_LEN;
use ota_sim::{Interrupted, Tear};

use crate::common::{LIMIT, Told, assert_confirmed, good, held};

/// What the cuts leave: in the first window of chunks, and in two later ones.
const TEARS: [Tear; 3] = [Tear::Random(1), Tear::Late, Tear::Random(2)];
/// Chunks that the application asks for at once.
const WINDOW: u32 = Config::DEFAULT.window;

pub(crate) fn goes_on_after_power_cuts_and_fetches_nothing_verified_again<B: Told>()
-> anyhow::Result<()> {
    let package = good::<B>("1.1.0")?;
    let chunk = package.manifest()?.chunk_size.bytes();
    let shop = Shop::<B>::open()?;
    shop.publish(package.as_bytes())?;
    let mut board = bench::board::<B>(&good::<B>("1.0.0")?, "1.0.0")?;
    bench::knows::<B>(&mut board, "1.1.0", Behaviour::Healthy)?;
    shop.plug_in(&mut board);

    let mut asked = 0;
    let mut first_needed = 0;
    for (operation, tear) in B::IN_DOWNLOAD.into_iter().zip(TEARS) {
        board.cut_at(operation - board.operations(), tear);
        assert_eq!(board.run_until("staged", LIMIT), Exit::PowerCut);
        assert!(
            tears_staging::<B>(&board)?,
            "{:?}",
            board.flash().interrupted()
        );
        asked += heard(&shop, first_needed)?;
        first_needed = needed::<B>(&board, &package)?;
        board.power_up();
        let state = bench::state::<B>(&board)?.record.state;
        assert_eq!(state, BootState::Downloading, "{operation}");
    }
    bench::until(&mut board, "staged; resetting", LIMIT)?;
    asked += heard(&shop, first_needed)?;
    let length = u32::try_from(package.as_bytes().len())?;
    let cuts = u32::try_from(TEARS.len())?;
    assert!(asked > length, "no cut cost anything");
    assert!(
        asked <= length + cuts * WINDOW * chunk,
        "{asked} of {length}"
    );
    bench::until(&mut board, "confirmed", LIMIT)?;
    assert_confirmed::<B>(&board, &package, Fallback::Available)?;
    Ok(())
}

fn tears_staging<B: Bench>(board: &Board<B::Chip>) -> anyhow::Result<bool> {
    let record = bench::state::<B>(&powered(board))?.record;
    let staging = staged_at(B::EXAMPLE.product(), &record);
    Ok(match board.flash().interrupted() {
        Interrupted::Program { offset, .. } | Interrupted::Erase { offset } => {
            let slots = B::EXAMPLE.product().map.layout().slots;
            let mut slots = slots
                .iter()
                .map(|slot| slot.offset..slot.offset + slot.size);
            slots.any(|slot| slot.contains(&staging) && slot.contains(&offset))
        }
        Interrupted::Status | Interrupted::Nothing => false,
    })
}

/// A board without power cannot be read: the same one a moment later.
fn powered<C: ota_emu::Chip>(board: &Board<C>) -> Board<C> {
    let mut board = board.snapshot();
    board.power_up();
    board
}

/// The first byte of the package that a board may have to ask for, by what its staging slot holds:
/// of the chunks in a row from the first, the last one was perhaps not read back.
fn needed<B: Bench>(board: &Board<B::Chip>, package: &Package) -> anyhow::Result<u32> {
    let manifest = package.manifest()?;
    let chunk = manifest.chunk_size.bytes();
    let board = powered(board);
    let staged = held::<B>(&board, staged_at)?;
    let same = staged.iter().zip(package.payload()?);
    let same = u32::try_from(same.take_while(|(here, there)| here == there).count())?;
    let chunks = (same / chunk).saturating_sub(1);
    Ok(manifest.payload_offset() + chunks * chunk)
}

/// How many bytes were asked for: none before `first`, once there is one.
fn heard<B: Bench>(shop: &Shop<B>, first: u32) -> anyhow::Result<u32> {
    let asked = shop.asked()?;
    assert!(asked.iter().all(|part| part.start >= first), "{asked:?}");
    assert!(first < 1 || first > u32::try_from(ENVELOPE_LEN)?);
    Ok(asked.iter().map(|part| part.end - part.start).sum())
}

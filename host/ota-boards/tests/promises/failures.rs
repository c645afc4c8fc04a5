//! Releases that fail on trial go, the former one comes back, and a corrected one is taken.

use anyhow::Context as _;
use ota_boards::bench::{self, Bench};
use ota_boards::firmware::Behaviour;
use ota_boards::release::{release, signed};
use ota_boards::server::Shop;
use ota_bootloader::{Failure, Fallback, Reason};
use ota_emu::{Board, Line};
use ota_esp32c3::image::{HEADER_LEN, ImageError, SEGMENT_HEADER_LEN};

use crate::common::{ENVELOPE, LIMIT, Told, assert_confirmed, good, sequence, updated_board};

const BAD: &str = "1.2.0";
/// Where the ESP32-C3's bootloader has its code.
const OVER_LOADER: u32 = 0x403D_0000;

pub(crate) fn a_crash_is_rolled_back_after_its_attempts<B: Told>() -> anyhow::Result<()> {
    let trial = behaves_badly::<B>(Behaviour::Crash, Failure::Crash)?;
    assert_eq!(count(&trial, "panic in "), attempts::<B>());
    Ok(())
}

pub(crate) fn a_hang_is_caught_by_the_watchdog_and_rolled_back<B: Told>() -> anyhow::Result<()> {
    let trial = behaves_badly::<B>(Behaviour::Hang, Failure::Watchdog)?;
    assert_eq!(count(&trial, "built to hang"), attempts::<B>());
    let resets = count(&trial, "reset: the watchdog was not fed");
    assert_eq!(resets, attempts::<B>());
    Ok(())
}

pub(crate) fn a_release_without_its_server_is_rolled_back<B: Told>() -> anyhow::Result<()> {
    let trial = behaves_badly::<B>(Behaviour::Offline, Failure::GaveUp)?;
    assert_eq!(count(&trial, "on trial"), attempts::<B>());
    assert_eq!(count(&trial, "unhealthy: no server"), attempts::<B>());
    Ok(())
}

fn attempts<B: Bench>() -> usize {
    usize::from(B::EXAMPLE.product().trial.attempts)
}

/// How many lines begin like this.
fn count(lines: &[Line], text: &str) -> usize {
    lines
        .iter()
        .filter(|line| line.text.starts_with(text))
        .count()
}

/// Rolls back a release that behaves like this. What was logged on trial.
fn behaves_badly<B: Told>(behaviour: Behaviour, reason: Failure) -> anyhow::Result<Vec<Line>> {
    let bad = release(B::EXAMPLE, BAD, behaviour, sequence(BAD))?;
    let (mut board, shop) = updated_board::<B>(&bad)?;
    bench::knows::<B>(&mut board, BAD, behaviour)?;
    let trial = rolled_back::<B>(&mut board, &shop, reason)?;
    assert_eq!(count(&trial, "version 1.2.0"), attempts::<B>());
    Ok(trial)
}

/// An image that is signed, and would be put over the bootloader that loads it, were it loaded.
pub(crate) fn an_image_over_its_loader_is_not_loaded_and_rolled_back<B: Told>() -> anyhow::Result<()>
{
    let mut image = good::<B>(BAD)?.payload()?.to_vec();
    let for_ram = segments(&image).find(|&at| image[at + 3] == 0x40);
    let at = for_ram.context("nothing goes to RAM")?;
    image[at..at + 4].copy_from_slice(&OVER_LOADER.to_le_bytes());
    let bad = signed(B::EXAMPLE, &image, BAD, sequence(BAD))?;
    let (mut board, shop) = updated_board::<B>(&bad)?;
    let trial = rolled_back::<B>(&mut board, &shop, Failure::Crash)?;
    let code = ImageError::OverLoader(OVER_LOADER).code();
    let refusal = format!("bootloader: the image may not be loaded, {code:#x}");
    assert_eq!(count(&trial, &refusal), attempts::<B>());
    assert_eq!(count(&trial, "version 1.2.0"), 0, "it was started");
    Ok(())
}

/// Where the headers of an ESP32-C3's image are that say what goes where.
fn segments(image: &[u8]) -> impl Iterator<Item = usize> {
    let next = |&at: &usize| {
        let len = image[at + 4..at + 8].try_into().map(u32::from_le_bytes);
        Some(at + SEGMENT_HEADER_LEN + len.ok()? as usize)
    };
    std::iter::successors(Some(HEADER_LEN), next).take(image[1].into())
}

/// Offers a bad release to 1.1.0, and then a good one. What was logged on trial.
fn rolled_back<B: Told>(
    board: &mut Board<B::Chip>,
    shop: &Shop<B>,
    reason: Failure,
) -> anyhow::Result<Vec<Line>> {
    bench::until(board, "staged; resetting", LIMIT)?;
    let from = board.logs().len();
    shop.asked()?;

    bench::until(board, "version 1.1.0", LIMIT)?;
    let trial = board.logs()[from..].to_vec();
    assert_eq!(shop.asked()?, [], "the rollback needs no network");
    // What took the place of its fallback is gone.
    let record = assert_confirmed::<B>(board, &good::<B>("1.1.0")?, Fallback::Gone)?;
    let failed = record.failed.into_iter().flatten();
    let failed: Vec<_> = failed.map(|f| (f.release.sequence, f.reason)).collect();
    assert_eq!(failed, [(sequence(BAD), Reason::Failed(reason))]);

    for _ in 0..2 {
        bench::until(board, "no update, 0x1112: ", LIMIT)?;
        assert_eq!(shop.asked()?, vec![ENVELOPE], "it was fetched again");
    }
    corrected::<B>(board, shop)?;
    Ok(trial)
}

fn corrected<B: Told>(board: &mut Board<B::Chip>, shop: &Shop<B>) -> anyhow::Result<()> {
    let from = board.logs().len();
    let good = good::<B>("1.3.0")?;
    shop.publish(good.as_bytes())?;
    bench::knows::<B>(board, "1.3.0", Behaviour::Healthy)?;
    bench::until(board, "confirmed", LIMIT)?;
    assert_eq!(count(&board.logs()[from..], "confirmed"), 1);
    assert_confirmed::<B>(board, &good, Fallback::Available)?;
    Ok(())
}

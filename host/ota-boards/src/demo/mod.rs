//! The story of `ota demo --board`, chapter by chapter.

mod stage;

use std::time::Instant;

use anyhow::{Context as _, Result};
use ota_bootloader::{BootState, Failure, Reason};
use ota_cli::package::Package;
use ota_cli::screen::Screen;
use ota_client::Config;
use ota_esp32c3::memory::Loader;
use ota_image::ENVELOPE_LEN;
use ota_sim::Tear;

use crate::bench::Bench;
use crate::firmware::{self, Behaviour};
use crate::release::{below_floor, forged, release};
use stage::{Stage, bytes};

/// How the cells are torn when the power goes in a download, and in a swap.
const TEARS: [Tear; 2] = [Tear::Random(3), Tear::Random(5)];
/// Chunks that the application asks for at once.
const WINDOW: u32 = Config::DEFAULT.window;

/// A release that is in the story.
struct Cast {
    version: &'static str,
    behaviour: Behaviour,
    package: Package,
}

/// Tells it.
///
/// # Errors
/// If something is not as it must be; if the firmware does not build.
pub fn tell<B: Bench>(screen: &mut Screen) -> Result<()> {
    let title = "Over-the-air updates that cannot brick: the whole story";
    screen.title(&format!("{title}, on {}", B::BOARD))?;
    let cast = build::<B>(screen)?;
    let [first, second, bad @ .., last] = &cast[..] else {
        anyhow::bail!("the story has no end");
    };
    let begun = Instant::now();
    let mut stage = factory::<B>(screen, first, &cast)?;
    download(&mut stage, second)?;
    if let Some(operation) = B::IN_SWAP {
        swap(&mut stage, second, operation)?;
    } else {
        stage.until("confirmed")?;
    }
    for release in bad {
        fails(&mut stage, release, second)?;
    }
    corrected(&mut stage, last)?;
    refusals(&mut stage, first, last)?;
    let (checks, seconds) = (screen.checks(), begun.elapsed().as_secs_f32());
    screen.end(&format!(
        "All {checks} checks held, in {seconds:.0} seconds."
    ))
}

fn build<B: Bench>(screen: &mut Screen) -> Result<Vec<Cast>> {
    screen.chapter("Real firmware: a bootloader, and six releases of an application")?;
    let (example, target) = (B::EXAMPLE.name(), B::EXAMPLE.target());
    screen.says(&format!(
        "cargo builds examples/{example}/bootloader and app for {target} ..."
    ))?;
    let bootloader = B::EXAMPLE.native(firmware::bootloader(B::EXAMPLE)?, Loader::MaskRom)?;
    screen.check(
        &format!(
            "bootloader: {} bytes, signatures and hash included",
            bootloader.len()
        ),
        bootloader.len() <= B::EXAMPLE.bootloader_limit(),
    )?;
    let parts = [
        ("1.0.0", Behaviour::Healthy, 100, ""),
        ("1.1.0", Behaviour::Healthy, 110, ""),
        ("1.2.0", Behaviour::Crash, 120, ", which panics"),
        ("1.2.1", Behaviour::Hang, 121, ", which hangs"),
        (
            "1.2.2",
            Behaviour::Offline,
            122,
            ", which never reaches its server",
        ),
        ("1.3.0", Behaviour::Healthy, 130, ""),
    ];
    let mut cast = Vec::new();
    for (version, behaviour, sequence, fault) in parts {
        let package = release(B::EXAMPLE, version, behaviour, sequence)?;
        let length = package.payload()?.len();
        screen.says(&format!(
            "{version}: {length} bytes, packed and signed twice{fault}"
        ))?;
        cast.push(Cast {
            version,
            behaviour,
            package,
        });
    }
    Ok(cast)
}

fn factory<'a, B: Bench>(
    screen: &'a mut Screen,
    first: &Cast,
    cast: &[Cast],
) -> Result<Stage<'a, B>> {
    screen.chapter(&format!("{} as it leaves the factory", B::BOARD))?;
    screen.says(B::FACTORY)?;
    let mut stage = Stage::set(screen, &first.package, first.version)?;
    for part in cast {
        stage.knows(part.version, part.behaviour)?;
    }
    stage.publish(&first.package)?;
    stage.until("up to date")?;
    stage.runs(&first.package)?;
    Ok(stage)
}

fn download<B: Bench>(stage: &mut Stage<'_, B>, release: &Cast) -> Result<()> {
    stage
        .screen
        .chapter("Release 1.1.0, and the power goes while it is downloaded")?;
    stage.publish(&release.package)?;
    let operation = B::IN_DOWNLOAD[1];
    stage.cut((operation, TEARS[0]), "staged", 1)?;
    stage.is_in(BootState::Downloading)?;
    let before = bytes(&stage.asked()?);
    stage.screen.says("the power is back")?;
    stage.until("staged; resetting")?;
    let asked = stage.asked()?;
    let from = asked
        .first()
        .context("nothing was asked of the server")?
        .start;
    stage.screen.check(
        &format!("resumed: the first byte asked for is {from}"),
        from > release.package.manifest()?.payload_offset(),
    )?;
    let (asked, length) = (before + bytes(&asked), release.package.as_bytes().len());
    let window = WINDOW * release.package.manifest()?.chunk_size.bytes();
    stage.screen.check(
        &format!("{asked} bytes were asked for, the package has {length}: less than a window more"),
        asked as usize <= length + window as usize,
    )
}

fn swap<B: Bench>(stage: &mut Stage<'_, B>, release: &Cast, operation: u64) -> Result<()> {
    stage
        .screen
        .chapter("The images change places, and the power goes again")?;
    stage.cut((operation, TEARS[1]), "version 1.1.0", 0)?;
    stage.is_in(BootState::Swapping)?;
    stage.screen.says("the power is back")?;
    stage.until("confirmed")?;
    stage.runs(&release.package)
}

fn fails<B: Bench>(stage: &mut Stage<'_, B>, bad: &Cast, former: &Cast) -> Result<()> {
    let (what, reason) = match bad.behaviour {
        Behaviour::Healthy => anyhow::bail!("{} is healthy", bad.version),
        Behaviour::Crash => ("crashes", Failure::Crash),
        Behaviour::Hang => ("hangs", Failure::Watchdog),
        Behaviour::Offline => ("never reaches its server", Failure::GaveUp),
    };
    let version = bad.version;
    stage
        .screen
        .chapter(&format!("Release {version}, which {what}"))?;
    stage.publish(&bad.package)?;
    stage.until("staged; resetting")?;
    stage.asked()?;
    let from = stage.board.logs().len();
    stage.until(&format!("version {}", former.version))?;
    let started = format!("version {version}");
    let starts = stage.board.logs()[from..].iter();
    let starts = starts.filter(|line| line.text == started).count();
    let attempts = B::EXAMPLE.product().trial.attempts;
    stage.screen.same(
        &format!("{attempts} attempts were counted"),
        starts,
        attempts.into(),
    )?;
    let asked = bytes(&stage.asked()?);
    stage
        .screen
        .same("then it was rolled back, without the network", asked, 0)?;
    stage.runs(&former.package)?;
    let failed = stage.state()?.record.failed[0].map(|failed| failed.reason);
    stage.screen.same(
        "the board remembers why",
        failed,
        Some(Reason::Failed(reason)),
    )?;
    stage.until("no update, 0x1112")?;
    let asked = bytes(&stage.asked()?);
    let envelope = u32::try_from(ENVELOPE_LEN)?;
    stage.screen.same(
        "it is not fetched again: only its envelope was asked for",
        asked,
        envelope,
    )
}

fn corrected<B: Bench>(stage: &mut Stage<'_, B>, release: &Cast) -> Result<()> {
    stage.screen.chapter("Release 1.3.0, which works")?;
    stage.publish(&release.package)?;
    stage.until("confirmed")?;
    stage.runs(&release.package)
}

fn refusals<B: Bench>(stage: &mut Stage<'_, B>, first: &Cast, last: &Cast) -> Result<()> {
    stage.screen.chapter("What the board does not take")?;
    let tampered = forged(B::EXAMPLE, &last.package, "1.4.0", 140)?;
    let rewritten = below_floor(B::EXAMPLE, first.package.payload()?, "1.4.0", 140)?;
    let cases = [
        (
            "a tampered firmware, its digests put right",
            &tampered,
            "0x202",
        ),
        ("a downgrade to 1.0.0", &first.package, "0x1111"),
        ("1.0.0 as 1.4.0, below the floor", &rewritten, "0x409"),
    ];
    stage.until("up to date")?;
    for (what, package, code) in cases {
        stage.screen.says(what)?;
        stage.publish(package)?;
        let (flash, operations) = (
            stage.board.flash().bytes().to_vec(),
            stage.board.operations(),
        );
        stage.until(&format!("no update, {code}: "))?;
        stage.screen.check(
            "refused, and not one byte of the flash was touched",
            stage.board.flash().bytes() == flash && stage.board.operations() == operations,
        )?;
    }
    stage.runs(&last.package)
}

//! The story, chapter by chapter.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ota_image::ENVELOPE_LEN;
use ota_sim::{Cut, Tear};

use super::checks::{count, cut_within, refuses, resumed, status, untouched};
use super::making::{Releases, build, make_keys, make_releases, tampered};
use super::world::{Keys, World, pack};
use crate::device::{Behave, Behaviour, End, Event};
use crate::input::Firmware;
use crate::map::Map;
use crate::screen::Screen;

pub(super) const VERSIONS: [&str; 3] = ["1.0.0", "1.1.0", "1.2.0"];
pub(super) const SEQUENCES: [u64; 3] = [100, 110, 120];
pub(super) const COUNTER: u32 = 1;

/// After so many bytes the link drops: in the middle of the second window.
const LINK_DROPS_AFTER: usize = 42_000;
/// In this flash operation of the next run the power goes: some chunks later.
const CUT_IN_DOWNLOAD: Cut = Cut::new(120, Tear::Random(3));
/// What a download writes.
const STAGING: [&str; 3] = ["slot1", "bank1", "journal"];
/// In this flash operation after the reset the power goes: the images are changing places.
const CUT_IN_SWAP: Cut = Cut::new(300, Tear::Random(5));

/// What a swap writes.
const SLOTS: [&str; 2] = ["slot0", "slot1"];

pub(super) fn tell(screen: &mut Screen, folder: &Path) -> Result<()> {
    let map = Map::load("rp2040".as_ref())?;
    screen.title("Over-the-air updates that cannot brick: the whole story")?;
    let firmware = build(screen, &map)?;
    let begun = Instant::now();
    let keys = make_keys(screen, folder)?;
    let releases = make_releases(screen, folder, &map, &firmware, &keys)?;
    let pace = if screen.watched { 25 } else { 0 };
    let pace = Duration::from_millis(pace);
    let world = World::make(folder, &map, &releases.packages[0], pace)?;
    first_boot(screen, &world, &releases)?;
    download(screen, &world, &releases)?;
    swap_and_confirm(screen, &world, &releases)?;
    crash_and_rollback(screen, &world, &releases)?;
    refusals(screen, &world, &releases, &map, &firmware, &keys)?;
    world.stop()?;
    let (checks, seconds) = (screen.checks(), begun.elapsed().as_secs_f32());
    screen.end(&format!(
        "All {checks} checks held, in {seconds:.1} seconds."
    ))
}

fn first_boot(screen: &mut Screen, world: &World, releases: &Releases) -> Result<()> {
    screen.chapter("A device, as it leaves the factory")?;
    screen.says(&format!(
        "map {}, flash of {} KiB in a file, 4 KiB units",
        world.device.map().name,
        world.device.map().flash.size / 1024
    ))?;
    world.publish(releases.packages[0].as_bytes())?;
    let lived = world.live(screen, |_| {})?;
    screen.same("the server offers nothing newer", lived.end, End::UpToDate)?;
    status(screen, world, "1.0.0", "confirmed")?;
    screen.check(
        "slot 0 holds the ELF's bytes, one by one",
        world.runs(&releases.images[0])?,
    )?;
    world.asked().map(drop)
}

fn download(screen: &mut Screen, world: &World, releases: &Releases) -> Result<()> {
    let package = &releases.packages[1];
    screen.chapter("Release 1.1.0, over a bad link")?;
    world.publish(package.as_bytes())?;
    let before = world.device.traffic()?.for_downloads();

    screen.says(&format!(
        "the link drops after {LINK_DROPS_AFTER} bytes, and stays down"
    ))?;
    world.link.drop_after(LINK_DROPS_AFTER);
    let lived = world.live(screen, |_| {})?;
    let End::Failed(reason) = &lived.end else {
        bail!("the link dropped, and the run ended with {:?}", lived.end);
    };
    screen.check(&format!("ended: {}", reason.reason()), world.link.is_down())?;
    untouched(screen, world, releases)?;
    let kept = world.device.status()?.position;
    screen.check(&format!("{kept} pieces are acknowledged"), kept > 0)?;

    world.link.mend();
    screen.says("the link is back; then the power goes in the middle of a write")?;
    let lived = world.live(screen, |options| options.cut = Some(CUT_IN_DOWNLOAD))?;
    cut_within(screen, world, &lived, CUT_IN_DOWNLOAD, &STAGING)?;
    resumed(screen, &lived)?;
    untouched(screen, world, releases)?;

    screen.says("the power is back")?;
    let lived = world.live(screen, |options| options.cycles = Some(1))?;
    resumed(screen, &lived)?;
    screen.same("the whole release is staged", lived.end, End::Stopped)?;
    status(screen, world, "1.0.0", "staged")?;
    let step = world.device.map().step;
    screen.check(
        "staging holds the ELF's bytes of 1.1.0",
        world.staged(&releases.images[1], step)?,
    )?;
    count(screen, world, package, before)
}

fn swap_and_confirm(screen: &mut Screen, world: &World, releases: &Releases) -> Result<()> {
    screen.chapter("The images change places")?;
    screen.says("the bootloader verifies and swaps, and the power goes again")?;
    let lived = world.live(screen, |options| options.cut = Some(CUT_IN_SWAP))?;
    cut_within(screen, world, &lived, CUT_IN_SWAP, &SLOTS)?;
    status(screen, world, "1.0.0", "swapping")?;
    screen.check(
        "slot 0 holds neither image whole",
        !world.runs(&releases.images[0])? && !world.runs(&releases.images[1])?,
    )?;

    screen.says("the power is back")?;
    let lived = world.live(screen, |_| {})?;
    let happened = |wanted: fn(&Event) -> bool| lived.events.iter().filter(|e| wanted(e)).count();
    screen.same(
        "it went on where it was: one swap, one trial, one confirmation",
        [
            happened(|event| matches!(event, Event::Swap)),
            happened(|event| matches!(event, Event::Trial { .. })),
            happened(|event| matches!(event, Event::Confirm { .. })),
        ],
        [1, 1, 1],
    )?;
    screen.same("nothing more to do", lived.end, End::UpToDate)?;
    status(screen, world, "1.1.0", "confirmed")?;
    screen.check(
        "slot 0 holds the ELF's bytes of 1.1.0",
        world.runs(&releases.images[1])?,
    )?;
    screen.check(
        "the way back is there: staging holds 1.0.0",
        world.device.status()?.fallback && world.staged(&releases.images[0], 0)?,
    )?;
    world.asked().map(drop)
}

fn crash_and_rollback(screen: &mut Screen, world: &World, releases: &Releases) -> Result<()> {
    screen.chapter("Release 1.2.0, which crashes")?;
    let sick = Behave {
        version: VERSIONS[2].to_owned(),
        behaviour: Behaviour::Crash,
    };
    world.publish(releases.packages[2].as_bytes())?;
    let lived = world.live(screen, |options| options.behave = vec![sick.clone()])?;
    let left: Vec<_> = lived
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Trial { attempts_left, .. } => Some(*attempts_left),
            _ => None,
        })
        .collect();
    screen.same("3 attempts were counted", left, vec![2, 1, 0])?;
    let from_trial = lived
        .events
        .iter()
        .skip_while(|event| !matches!(event, Event::Trial { .. }));
    let until_back: Vec<_> = from_trial
        .take_while(|event| !matches!(event, Event::Boot { trial: false, .. }))
        .collect();
    let rolled_back = until_back.iter().any(|event| {
        matches!(event, Event::Rollback { sequence, reason }
            if *sequence == SEQUENCES[2] && reason == "crash")
    });
    let asked = until_back
        .iter()
        .any(|event| matches!(event, Event::Request { .. }));
    screen.check(
        "then it was rolled back, without the network",
        rolled_back && !asked,
    )?;
    status(screen, world, "1.1.0", "confirmed")?;
    screen.check(
        "slot 0 holds 1.1.0 again, byte for byte",
        world.runs(&releases.images[1])?,
    )?;
    let status = world.device.status()?;
    screen.same(
        "the device remembers why",
        status.last_failure.as_deref(),
        Some("crash"),
    )?;
    world.asked()?;

    screen.says("the server still offers it")?;
    let lived = world.live(screen, |options| options.behave = vec![sick])?;
    refuses(screen, &lived, 0x1112)?;
    screen.same(
        "it is not fetched again: only its envelope was asked for",
        world.asked()?,
        ENVELOPE_LEN as u64,
    )
}

fn refusals(
    screen: &mut Screen,
    world: &World,
    releases: &Releases,
    map: &Map,
    firmware: &[Firmware; 3],
    keys: &Keys,
) -> Result<()> {
    screen.chapter("What the device does not take")?;
    let mut stripped = pack(map, &firmware[2], "1.3.0", 130, COUNTER)?;
    stripped.sign(&keys.release)?;
    let mut rewritten = pack(map, &firmware[0], "1.3.0", 130, COUNTER - 1)?;
    rewritten.sign(&keys.release)?;
    rewritten.sign(&keys.boot)?;
    let mut flipped = releases.packages[2].as_bytes().to_vec();
    flipped[ENVELOPE_LEN / 8] ^= 1;
    let tampered = tampered(map, &firmware[2], &releases.packages[2])?;
    let cases: [(&str, &[u8], u16); 5] = [
        (
            "a tampered firmware, its digests put right",
            &tampered,
            0x0202,
        ),
        ("a release with one bit flipped", &flipped, 0x0202),
        (
            "a release whose boot signature is missing",
            stripped.as_bytes(),
            0x0203,
        ),
        (
            "a downgrade to 1.0.0",
            releases.packages[0].as_bytes(),
            0x1111,
        ),
        (
            "1.0.0 as 1.3.0, below the floor",
            rewritten.as_bytes(),
            0x0409,
        ),
    ];
    for (what, package, code) in cases {
        screen.says(what)?;
        world.publish(package)?;
        let before = world.device.flash_bytes()?;
        let lived = world.live(screen, |_| {})?;
        refuses(screen, &lived, code)?;
        screen.check(
            "not one byte of the flash changed",
            world.device.flash_bytes()? == before,
        )?;
    }
    status(screen, world, "1.1.0", "confirmed")?;
    screen.check(
        "slot 0 holds 1.1.0, byte for byte",
        world.runs(&releases.images[1])?,
    )
}

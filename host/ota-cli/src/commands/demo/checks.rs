//! Checks that several chapters make.

use anyhow::{Context as _, Result, bail};
use ota_image::ENVELOPE_LEN;
use ota_sim::Cut;

use super::making::Releases;
use super::world::{Lived, World};
use crate::device::{End, Event};
use crate::package::Package;
use crate::screen::Screen;

pub(super) fn status(screen: &mut Screen, world: &World, version: &str, state: &str) -> Result<()> {
    let status = world.device.status()?;
    let is = (status.version.as_deref(), status.state);
    screen.same(
        &format!("device: version {version}, {state}"),
        is,
        (Some(version), state),
    )
}

pub(super) fn untouched(screen: &mut Screen, world: &World, releases: &Releases) -> Result<()> {
    status(screen, world, "1.0.0", "downloading")?;
    screen.check("slot 0 is untouched", world.runs(&releases.images[0])?)
}

pub(super) fn resumed(screen: &mut Screen, lived: &Lived) -> Result<()> {
    let from = lived.events.iter().find_map(|event| match event {
        Event::Request { offset, .. } => Some(*offset),
        _ => None,
    });
    let from = from.context("nothing was asked of the server")?;
    screen.check(
        &format!("resumed: the first byte asked for is {from}"),
        from as usize > ENVELOPE_LEN,
    )
}

/// Two interruptions may cost two windows, and no more. The device's own count is higher: it
/// counts requests before they are sent, and the link swallowed some.
pub(super) fn count(
    screen: &mut Screen,
    world: &World,
    package: &Package,
    before: u64,
) -> Result<()> {
    let window = u64::from(world.device.settings().window);
    let window = window * u64::from(package.manifest()?.chunk_size.bytes());
    let length = package.as_bytes().len() as u64;
    let (asked, counted) = (
        world.asked()?,
        world.device.traffic()?.for_downloads() - before,
    );
    screen.check(
        &format!("the server was asked for {asked} bytes, the package has {length}"),
        (length..=counted).contains(&asked),
    )?;
    screen.check(
        &format!("2 interruptions cost less than 2 windows of {window}"),
        asked <= length + 2 * window,
    )
}

/// The power went as it was told to, in one of these regions.
pub(super) fn cut_within(
    screen: &mut Screen,
    world: &World,
    lived: &Lived,
    cut: Cut,
    regions: &[&str],
) -> Result<()> {
    screen.same(
        &format!("power cut in flash operation {}", cut.operation),
        &lived.end,
        &End::PowerCut(cut),
    )?;
    let torn = lived.events.iter().find_map(|event| match event {
        Event::PowerCut {
            during,
            offset: Some(offset),
            ..
        } => Some((*during, *offset)),
        _ => None,
    });
    let (during, offset) = torn.context("the cut tore nothing")?;
    let all = world.device.map().regions;
    let here = all
        .named()
        .find(|(_, span)| (u64::from(span.offset)..span.end()).contains(&u64::from(offset)));
    let (name, _) = here.context("the cut tore something outside of the map")?;
    screen.check(
        &format!("it tore a {during} at {offset:#x}, in {name}"),
        regions.contains(&name),
    )
}

pub(super) fn refuses(screen: &mut Screen, lived: &Lived, code: u16) -> Result<()> {
    let End::Refused(refusal) = &lived.end else {
        bail!(
            "it was to be refused, and the run ended with {:?}",
            lived.end
        );
    };
    let reason = refusal
        .reason()
        .split([';', ':'])
        .next()
        .unwrap_or_default();
    screen.same(
        &format!("refused: {reason} ({code:#06x})"),
        refusal.code(),
        code,
    )
}

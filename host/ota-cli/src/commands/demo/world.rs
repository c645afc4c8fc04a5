//! Keys, releases, server, link and device of the story.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ota_image::{Algorithm, Role};

use super::link::Link;
use crate::device::{self, Client, Device, End, Event, Options, Settings};
use crate::files::{self, Access, Existing};
use crate::ids;
use crate::input::Firmware;
use crate::keys::{Anchors, LabelledKey, PrivateKey};
use crate::map::{Map, Span};
use crate::package::{Package, Recipe};
use crate::screen::Screen;
use crate::server::{Request, Server};

/// The private keys of both roles.
pub(super) struct Keys {
    pub(super) release: PrivateKey,
    pub(super) boot: PrivateKey,
}

/// Everything that is there once the first release is.
pub(super) struct World {
    pub(super) device: Device,
    pub(super) link: Link,
    folder: PathBuf,
    server: Server,
    heard: Arc<Mutex<Vec<Request>>>,
}

/// What came of a run.
pub(super) struct Lived {
    pub(super) end: End,
    pub(super) events: Vec<Event>,
}

impl Keys {
    /// Makes a pair for each role, and keeps them in files as `ota keygen` does.
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let make = |role, name: &str| -> Result<PrivateKey> {
            let key = PrivateKey::generate(role, Algorithm::Ed25519)?;
            let path = folder.join(format!("{name}.key"));
            files::write(
                &path,
                key.to_pem()?.as_bytes(),
                Access::Owner,
                Existing::Keep,
            )?;
            let path = folder.join(format!("{name}.pub"));
            let pem = key.public()?.to_pem()?;
            files::write(&path, pem.as_bytes(), Access::Everyone, Existing::Keep)?;
            Ok(key)
        };
        Ok(Self {
            release: make(Role::Release, "release")?,
            boot: make(Role::Boot, "boot")?,
        })
    }

    /// The public halves, as a device gets them.
    pub(super) fn anchors(folder: &Path) -> Result<Anchors> {
        Anchors::load(&[folder.join("release.pub")], &[folder.join("boot.pub")])
    }

    /// The public half of a key in a file.
    pub(super) fn public(path: &Path) -> Result<LabelledKey> {
        LabelledKey::load(path)
    }
}

/// Packs a firmware, unsigned.
pub(super) fn pack(
    map: &Map,
    firmware: &Firmware,
    version: &str,
    sequence: u64,
    counter: u32,
) -> Result<Package> {
    let vendor = ids::vendor("example")?;
    let address = map.load_addresses()[0];
    let image = firmware.clone().at(address)?;
    let recipe = Recipe {
        vendor,
        class: ids::class(vendor, "blinky")?,
        hardware: (1, 1),
        component: 0,
        load_address: address,
        version: version.to_owned(),
        sequence,
        security_counter: counter,
        chunk_size: 4096,
        lowest_boot_format: ota_bootloader::BOOT_FORMAT,
        revoked_boot_keys: 0,
    };
    Package::build(&recipe, &image.bytes)
}

impl World {
    /// A server for the folder `releases`, a link to it, and a device with the first release.
    pub(super) fn make(folder: &Path, map: &Map, first: &Package, delay: Duration) -> Result<Self> {
        let releases = folder.join("releases");
        std::fs::create_dir_all(&releases)
            .with_context(|| format!("cannot write {}", releases.display()))?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let observer = Arc::new(move |request: &Request| {
            let mut heard = ears.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(request.clone());
        });
        let server = Server::start(&releases, ([127, 0, 0, 1], 0).into(), observer)?;
        let settings = Settings::new(map.clone(), first, &Keys::anchors(folder)?)?;
        Ok(Self {
            device: Device::create(&folder.join("device"), &settings, first, false)?,
            link: Link::to(server.address(), delay)?,
            folder: releases,
            server,
            heard,
        })
    }

    /// Puts a package on the server, at the address that the device knows.
    pub(super) fn publish(&self, package: &[u8]) -> Result<()> {
        let path = self.folder.join("app.ota");
        files::write(&path, package, Access::Everyone, Existing::Replace)
    }

    /// Runs the device, and shows what happens.
    pub(super) fn live(
        &self,
        screen: &mut Screen,
        change: impl FnOnce(&mut Options),
    ) -> Result<Lived> {
        let mut options = Options {
            client: Client {
                retries: 2,
                ..Client::DEFAULT
            },
            ..Options::new(self.link.url())
        };
        change(&mut options);
        let mut events = Vec::new();
        let mut trouble = None;
        let end = device::run(&self.device, &options, &mut |event| {
            if let Err(error) = screen.event(event) {
                trouble.get_or_insert(error);
            }
            events.push(event.clone());
        })?;
        match trouble {
            Some(error) => Err(error),
            None => Ok(Lived { end, events }),
        }
    }

    /// What a part of the flash holds.
    pub(super) fn flash(&self, span: Span) -> Result<Vec<u8>> {
        let bytes = self.device.flash_bytes()?;
        let range = span.offset as usize..usize::try_from(span.end())?;
        let part = bytes.get(range).context("the map reaches past the flash")?;
        Ok(part.to_vec())
    }

    /// Whether the active slot holds this image.
    pub(super) fn runs(&self, image: &[u8]) -> Result<bool> {
        let slot = self.flash(self.device.map().regions.slot0)?;
        Ok(slot.starts_with(image))
    }

    /// Whether the staging slot holds this image, from `offset` on.
    pub(super) fn staged(&self, image: &[u8], offset: u32) -> Result<bool> {
        let slot = self.flash(self.device.map().regions.slot1)?;
        Ok(slot
            .get(offset as usize..)
            .is_some_and(|s| s.starts_with(image)))
    }

    /// Bytes of all ranges that the server was asked for since this was last called.
    pub(super) fn asked(&self) -> Result<u64> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let ranges = heard.drain(..).map(|request| request.range);
        ranges.map(|range| length(range.as_deref())).sum()
    }

    pub(super) fn stop(self) -> Result<()> {
        drop(self.link);
        self.server.stop()
    }
}

/// Of `bytes=A-B`.
fn length(range: Option<&str>) -> Result<u64> {
    let numbers = range
        .and_then(|range| range.strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'));
    match numbers.map(|(a, b)| (a.parse::<u64>(), b.parse::<u64>())) {
        Some((Ok(first), Ok(last))) => Ok(last - first + 1),
        _ => bail!("the server was asked for {range:?}, which is no range"),
    }
}

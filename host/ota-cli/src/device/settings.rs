//! What was built into a device's firmware: its map, its identity, its keys, its limits.

use anyhow::{Context as _, Result, ensure};
use ota_bootloader::{Product, TrialLimits};
use ota_image::{PublicKey, Role};
use serde::{Deserialize, Serialize};

use crate::ids;
use crate::keys::{Anchors, LabelledKey};
use crate::map::Map;
use crate::package::{Expected, Package};

const FORMAT: u32 = 1;
const HEALTH_WINDOW_MS: u32 = 5_000;

/// The settings of a device, as they stand in `device.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    format: u32,
    /// Vendor id, a UUID.
    pub vendor: String,
    /// Class id, a UUID.
    pub class: String,
    /// Hardware revision.
    pub hardware: u16,
    /// The lowest security counter that is compiled in.
    pub floor: u32,
    /// Starts of a trial before the former image comes back.
    pub attempts: u8,
    /// Power failures during a trial that cost no attempt.
    pub interruptions: u8,
    /// Pieces (chunks, or pages of the digest table) that one request asks for.
    pub window: u32,
    /// Milliseconds in which a new image must prove itself.
    pub health_window_ms: u32,
    /// Whom it trusts.
    pub keys: Keys,
    /// Its map.
    pub map: Map,
}

/// Public keys in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Those that say what may be distributed.
    pub release: Vec<String>,
    /// Those that say what may run, in the bootloader's order.
    pub boot: Vec<String>,
}

impl Settings {
    /// The settings of a device that the package is made for: its ids, its lowest hardware
    /// revision, its counter as the floor; the bootloader's own limits.
    ///
    /// # Errors
    /// If the package's body is no manifest.
    pub fn new(map: Map, package: &Package, anchors: &Anchors) -> Result<Self> {
        let manifest = package.manifest()?;
        let limits = TrialLimits::default();
        let trusted = anchors.get()?;
        Ok(Self {
            format: FORMAT,
            vendor: ids::display(manifest.vendor),
            class: ids::display(manifest.class),
            hardware: manifest.hardware_min,
            floor: manifest.security_counter,
            attempts: limits.attempts,
            interruptions: limits.interruptions,
            window: ota_client::Config::DEFAULT.window,
            health_window_ms: HEALTH_WINDOW_MS,
            keys: Keys {
                release: to_pem(Role::Release, trusted.release())?,
                boot: to_pem(Role::Boot, trusted.boot().keys())?,
            },
            map,
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let settings: Self = toml::from_str(text).context("not the settings of a device")?;
        ensure!(
            settings.format == FORMAT,
            "format {} is not known: use a newer `ota`",
            settings.format
        );
        settings.map.check()?;
        Ok(settings)
    }

    pub(super) fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).context("the settings cannot be written in TOML")
    }

    /// The keys, ready for use.
    ///
    /// # Errors
    /// If they make no trust anchors.
    pub fn anchors(&self) -> Result<Anchors> {
        Anchors::new(from_pem(&self.keys.release)?, from_pem(&self.keys.boot)?)
    }

    /// What its bootloader and its application are compiled with.
    ///
    /// # Errors
    /// If ids or map are none.
    pub fn product(&self) -> Result<Product> {
        let vendor = ids::vendor(&self.vendor)?;
        Ok(Product {
            map: self.map.flash_map()?,
            vendor,
            class: ids::class(vendor, &self.class)?,
            hardware: self.hardware,
            component: 0,
            load_addresses: self.map.load_addresses(),
            floor: self.floor,
            trial: TrialLimits {
                attempts: self.attempts,
                interruptions: self.interruptions,
                crashes: 0,
            },
        })
    }

    /// Checks a first release as the device would, with its own code.
    ///
    /// # Errors
    /// What it would refuse it for.
    pub fn check(&self, package: &Package) -> Result<()> {
        let product = self.product()?;
        let expected = Expected {
            vendor: Some(product.vendor),
            class: Some(product.class),
            hardware: Some(product.hardware),
            floor: Some(product.floor),
            ..self.map.expected()?
        };
        package.verify(&self.anchors()?, &expected).map(drop)
    }
}

fn to_pem(role: Role, keys: &[PublicKey]) -> Result<Vec<String>> {
    let pem = |key: &PublicKey| {
        let role = Some(role);
        LabelledKey { role, key: *key }.to_pem()
    };
    keys.iter().map(pem).collect()
}

fn from_pem(keys: &[String]) -> Result<Vec<PublicKey>> {
    keys.iter()
        .map(|pem| Ok(LabelledKey::parse(pem)?.key))
        .collect()
}

//! Releases of the example product, signed with its test keys.

use anyhow::{Result, bail};
use ota_cli::input::Firmware;
use ota_cli::keys::PrivateKey;
use ota_cli::map::Map;
use ota_cli::package::{Package, Recipe};
use ota_image::{ENVELOPE_LEN, Role, write_envelope};
use rp2040_product::PRODUCT;
use std::path::Path;

use crate::firmware::{self, Behaviour};

/// The security counter of all releases but one kind.
const COUNTER: u32 = 1;

/// The built-in map of the board.
///
/// # Errors
/// None: it is built in.
pub fn map() -> Result<Map> {
    Map::load(Path::new("rp2040"))
}

/// Builds the application, packs it in the order of `sequence`, and signs it in both roles.
///
/// # Errors
/// If it does not build, or makes no package.
pub fn release(version: &str, behaviour: Behaviour, sequence: u64) -> Result<Package> {
    let elf = firmware::app(version, behaviour)?;
    let address = map()?.load_addresses()[0];
    let image = Firmware::parse(elf)?.at(address)?;
    signed(&image.bytes, version, sequence)
}

/// Packs an image and signs it in both roles.
///
/// # Errors
/// If it makes no package.
pub fn signed(image: &[u8], version: &str, sequence: u64) -> Result<Package> {
    sign(packed(image, version, sequence, COUNTER)?)
}

/// The same with a security counter that devices with any other release here do not take.
///
/// # Errors
/// If it makes no package.
pub fn below_floor(image: &[u8], version: &str, sequence: u64) -> Result<Package> {
    sign(packed(image, version, sequence, COUNTER - 1)?)
}

fn sign(mut package: Package) -> Result<Package> {
    let keys = crate::root().join("examples/rp2040/test-keys");
    for (name, role) in [("release", Role::Release), ("boot", Role::Boot)] {
        let file = keys.join(format!("TEST-ONLY-{name}.key"));
        package.sign(&PrivateKey::load(&file, Some(role))?)?;
    }
    Ok(package)
}

fn packed(image: &[u8], version: &str, sequence: u64, security_counter: u32) -> Result<Package> {
    let recipe = Recipe {
        vendor: PRODUCT.vendor,
        class: PRODUCT.class,
        hardware: (PRODUCT.hardware, PRODUCT.hardware),
        component: PRODUCT.component,
        load_address: map()?.load_addresses()[0],
        version: version.to_owned(),
        sequence,
        security_counter,
        chunk_size: 4096,
        lowest_boot_format: ota_bootloader::BOOT_FORMAT,
        revoked_boot_keys: 0,
    };
    Package::build(&recipe, image)
}

/// What somebody without keys can make: another image, with a manifest that fits it, under the
/// signatures of a real release.
///
/// # Errors
/// If there is nothing to steal from.
pub fn forged(real: &Package, version: &str, sequence: u64) -> Result<Package> {
    let mut image = real.payload()?.to_vec();
    let Some(last) = image.last_mut() else {
        bail!("the release has no image");
    };
    *last ^= 1;
    let evil = packed(&image, version, sequence, COUNTER)?;
    let envelope = write_envelope(evil.envelope()?.body(), &real.signatures()?)
        .map_err(ota_cli::refusal::Refusal::from)?;
    let mut bytes = evil.as_bytes().to_vec();
    bytes[..ENVELOPE_LEN].copy_from_slice(&envelope);
    Ok(Package::from_bytes(bytes)?)
}

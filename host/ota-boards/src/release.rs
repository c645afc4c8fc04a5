//! Releases of the example product, signed with its test keys.

use anyhow::{Result, bail};
use ota_cli::keys::PrivateKey;
use ota_cli::package::{Package, Recipe};
use ota_esp32c3::memory::Loader;
use ota_image::{ENVELOPE_LEN, Role, write_envelope};

use crate::example::Example;
use crate::firmware::{self, Behaviour};

/// The security counter of all releases but one kind.
const COUNTER: u32 = 1;

/// Builds the application, packs it in the order of `sequence`, and signs it in both roles.
///
/// # Errors
/// If it does not build, or makes no package.
pub fn release(
    example: Example,
    version: &str,
    behaviour: Behaviour,
    sequence: u64,
) -> Result<Package> {
    let elf = firmware::app(example, version, behaviour)?;
    let image = example.native(elf, Loader::SecondStage)?;
    signed(example, &image, version, sequence)
}

/// Packs an image and signs it in both roles.
///
/// # Errors
/// If it makes no package.
pub fn signed(example: Example, image: &[u8], version: &str, sequence: u64) -> Result<Package> {
    sign(example, packed(example, image, version, sequence, COUNTER)?)
}

/// The same with a security counter that devices with any other release here do not take.
///
/// # Errors
/// If it makes no package.
pub fn below_floor(
    example: Example,
    image: &[u8],
    version: &str,
    sequence: u64,
) -> Result<Package> {
    sign(
        example,
        packed(example, image, version, sequence, COUNTER - 1)?,
    )
}

fn sign(example: Example, mut package: Package) -> Result<Package> {
    let keys = example.folder().join("test-keys");
    for (name, role) in [("release", Role::Release), ("boot", Role::Boot)] {
        let file = keys.join(format!("TEST-ONLY-{name}.key"));
        package.sign(&PrivateKey::load(&file, Some(role))?)?;
    }
    Ok(package)
}

fn packed(
    example: Example,
    image: &[u8],
    version: &str,
    sequence: u64,
    security_counter: u32,
) -> Result<Package> {
    let product = example.product();
    let recipe = Recipe {
        vendor: product.vendor,
        class: product.class,
        hardware: (product.hardware, product.hardware),
        component: product.component,
        load_address: product.load_addresses[0],
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
pub fn forged(example: Example, real: &Package, version: &str, sequence: u64) -> Result<Package> {
    let mut image = real.payload()?.to_vec();
    let Some(last) = image.last_mut() else {
        bail!("the release has no image");
    };
    *last ^= 1;
    let evil = packed(example, &image, version, sequence, COUNTER)?;
    let envelope = write_envelope(evil.envelope()?.body(), &real.signatures()?)
        .map_err(ota_cli::refusal::Refusal::from)?;
    let mut bytes = evil.as_bytes().to_vec();
    bytes[..ENVELOPE_LEN].copy_from_slice(&envelope);
    Ok(Package::from_bytes(bytes)?)
}

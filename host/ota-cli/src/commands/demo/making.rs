//! What is made before the story: firmware, keys, releases.

use std::path::Path;

use anyhow::{Result, bail};
use ota_image::{ENVELOPE_LEN, Role, write_envelope};

use super::firmware;
use super::story::{COUNTER, SEQUENCES, VERSIONS};
use super::world::{Keys, pack};
use crate::input::Firmware;
use crate::keys::{Anchors, PrivateKey};
use crate::map::Map;
use crate::package::{Expected, Package};
use crate::refusal::Refusal;
use crate::screen::Screen;

/// The images of the three versions, and the signed releases of them.
pub(super) struct Releases {
    pub(super) images: [Vec<u8>; 3],
    pub(super) packages: Vec<Package>,
}

pub(super) fn build(screen: &mut Screen, map: &Map) -> Result<[Firmware; 3]> {
    screen.chapter("A real firmware, in three versions")?;
    screen.says("cargo builds examples/rp2040/blink for thumbv6m-none-eabi ...")?;
    let [first, second, third] = VERSIONS.map(firmware::build);
    let built = [first?, second?, third?];
    let address = map.load_addresses()[0];
    for (firmware, version) in built.iter().zip(VERSIONS) {
        let (length, linked) = (firmware.bytes.len(), firmware.address);
        let bytes = version.as_bytes();
        let named = firmware.bytes.windows(bytes.len()).any(|w| w == bytes);
        screen.check(
            &format!("{version}: {length} bytes, linked for {address:#x}, names its version"),
            linked == Some(address) && named,
        )?;
    }
    Ok(built)
}

pub(super) fn make_keys(screen: &mut Screen, folder: &Path) -> Result<Keys> {
    screen.chapter("Two keys, two roles")?;
    let keys = Keys::make(folder)?;
    for (name, key, says) in [
        ("release", &keys.release, "may be distributed"),
        ("boot", &keys.boot, "may run"),
    ] {
        let path = folder.join(name);
        let again = PrivateKey::load(&path.with_extension("key"), None)?.public()?;
        screen.check(
            &format!("{name}.key and {name}.pub: what {says}"),
            again == key.public()? && again == Keys::public(&path.with_extension("pub"))?,
        )?;
        screen.check(
            &format!("{name}.key can be read by its owner alone"),
            is_private(&path.with_extension("key"))?,
        )?;
    }
    let both = keys.release.public()?.key;
    screen.check(
        "one key for both roles is refused",
        Anchors::new(vec![both], vec![both]).is_err(),
    )?;
    Ok(keys)
}

#[cfg(unix)]
fn is_private(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(path: &Path) -> Result<bool> {
    Ok(path.is_file())
}

pub(super) fn make_releases(
    screen: &mut Screen,
    folder: &Path,
    map: &Map,
    firmware: &[Firmware; 3],
    keys: &Keys,
) -> Result<Releases> {
    screen.chapter("Release 1.0.0, signed twice")?;
    let anchors = Keys::anchors(folder)?;
    let device = map.expected()?;
    let mut first = pack(map, &firmware[0], VERSIONS[0], SEQUENCES[0], COUNTER)?;
    refused(screen, "unsigned", &first, &anchors, &device, 0x0201)?;
    first.sign(&keys.release)?;
    refused(
        screen,
        "signed for distribution only",
        &first,
        &anchors,
        &device,
        0x0203,
    )?;
    first.sign(&keys.boot)?;
    let verified = first.verify(&anchors, &device)?;
    let image = map_image(map, &firmware[0])?;
    screen.check(
        &format!(
            "signed by both: good, {} bytes in {} chunks, release {}...",
            first.as_bytes().len(),
            verified.chunk_count(),
            &verified.id().to_string()[..8],
        ),
        first.payload()? == image,
    )?;
    let mut packages = vec![first];
    for index in [1, 2] {
        let (version, sequence) = (VERSIONS[index], SEQUENCES[index]);
        let mut package = pack(map, &firmware[index], version, sequence, COUNTER)?;
        package.sign(&keys.release)?;
        package.sign(&keys.boot)?;
        package.verify(&anchors, &device)?;
        packages.push(package);
    }
    let [_, second, third] = firmware;
    Ok(Releases {
        images: [image, map_image(map, second)?, map_image(map, third)?],
        packages,
    })
}

fn map_image(map: &Map, firmware: &Firmware) -> Result<Vec<u8>> {
    Ok(firmware.clone().at(map.load_addresses()[0])?.bytes)
}

fn refused(
    screen: &mut Screen,
    what: &str,
    package: &Package,
    anchors: &Anchors,
    device: &Expected,
    code: u16,
) -> Result<()> {
    match package.verify(anchors, device) {
        Ok(_) => bail!("{what}: it passes as good"),
        Err(error) => {
            let refusal = Refusal::of(&error).map(Refusal::code);
            screen.same(
                &format!("{what}: refused (code {code:#06x})"),
                refusal,
                Some(code),
            )
        }
    }
}

/// Another image, with a manifest that fits it, under the signatures of a release.
pub(super) fn tampered(map: &Map, firmware: &Firmware, signed: &Package) -> Result<Vec<u8>> {
    let mut evil = firmware.clone();
    if let Some(byte) = evil.bytes.last_mut() {
        *byte ^= 0xFF;
    }
    let evil = pack(map, &evil, "1.3.0", 130, COUNTER)?;
    let signatures = signed.signatures()?;
    if signatures
        .iter()
        .all(|entry| entry.role != Role::Boot as u8)
    {
        bail!("the release has no boot signature to steal");
    }
    let envelope = write_envelope(evil.envelope()?.body(), &signatures).map_err(Refusal::from)?;
    let mut bytes = evil.as_bytes().to_vec();
    bytes[..ENVELOPE_LEN].copy_from_slice(&envelope);
    Ok(bytes)
}

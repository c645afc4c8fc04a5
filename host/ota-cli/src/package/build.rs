//! Building a package from an image.

use anyhow::{Context as _, Result, bail};
use ota_image::{
    ChunkSize, Digest, Hasher as _, MAX_BODY, MAX_PAGES, Manifest, Pages, SoftwareCrypto, Version,
    chunk_hasher, page_hasher, sha256_of, write_envelope,
};

use super::Package;
use crate::refusal::Refusal;
use crate::sequence;

/// What a release says about itself, besides what follows from the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Who makes the device: see [`crate::ids`].
    pub vendor: [u8; 16],
    /// Which kind of device: see [`crate::ids`].
    pub class: [u8; 16],
    /// Lowest and highest hardware revision.
    pub hardware: (u16, u16),
    /// Which part of the device; 0 is the application.
    pub component: u8,
    /// The address that the image is linked for.
    pub load_address: u32,
    /// For people; by custom a SemVer.
    pub version: String,
    /// The order of releases.
    pub sequence: u64,
    /// For the floor.
    pub security_counter: u32,
    /// 1024, 2048, 4096, 8192 or 16384 bytes.
    pub chunk_size: u32,
    /// The lowest boot format that the image works with.
    pub lowest_boot_format: u8,
    /// Boot keys that no longer count: bit *i* is the bootloader's *i*-th key.
    pub revoked_boot_keys: u8,
}

impl Package {
    /// Packs an image, unsigned. The same recipe and image always give the same bytes.
    ///
    /// # Errors
    /// If the image is empty, too long for the chunk size, the sequence leaves no room, or the
    /// recipe makes no manifest.
    pub fn build(recipe: &Recipe, image: &[u8]) -> Result<Self> {
        sequence::check(recipe.sequence)?;
        let chunk_size = ChunkSize::from_bytes(recipe.chunk_size)
            .with_context(|| format!("{} is no chunk size", recipe.chunk_size))?;
        let table = table(chunk_size, image);
        let manifest = manifest(recipe, chunk_size, &table, image)?;
        let mut body = [0; MAX_BODY];
        let length = manifest.encode(&[], &mut body).map_err(Refusal::from)?;
        let body = body.get(..length).unwrap_or_default();
        let envelope = write_envelope(body, &[]).map_err(Refusal::from)?;
        Ok(Self::from_bytes(
            [envelope.as_slice(), &table, image].concat(),
        )?)
    }
}

fn manifest(
    recipe: &Recipe,
    chunk_size: ChunkSize,
    table: &[u8],
    image: &[u8],
) -> Result<Manifest> {
    let Some(pages) = Pages::new(&page_digests(chunk_size, table)) else {
        bail!(
            "an image of {} bytes needs more than {MAX_PAGES} pages of digests with chunks of {} \
             bytes: {}",
            image.len(),
            chunk_size.bytes(),
            advice(image.len())
        );
    };
    Ok(Manifest {
        vendor: recipe.vendor,
        class: recipe.class,
        hardware_min: recipe.hardware.0,
        hardware_max: recipe.hardware.1,
        component: recipe.component,
        load_address: recipe.load_address,
        version: Version::new(&recipe.version).map_err(Refusal::from)?,
        sequence: recipe.sequence,
        security_counter: recipe.security_counter,
        image_length: u32::try_from(image.len()).context("the image is longer than 4 GiB")?,
        image_digest: sha256_of(&mut SoftwareCrypto, image),
        chunk_size,
        pages,
        payload_format: 0,
        lowest_boot_format: recipe.lowest_boot_format,
        revoked_boot_keys: recipe.revoked_boot_keys,
    })
}

fn advice(length: usize) -> String {
    match u32::try_from(length).ok().and_then(ChunkSize::smallest_for) {
        Some(size) => format!("give --chunk-size {}", size.bytes()),
        None => "it is longer than any package can be".into(),
    }
}

/// The digest table: the digests of all chunks, one after another.
pub(super) fn table(chunk_size: ChunkSize, image: &[u8]) -> Vec<u8> {
    let digest = |chunk: &[u8]| {
        let mut hasher = chunk_hasher(&mut SoftwareCrypto);
        hasher.update(chunk);
        hasher.finish().0
    };
    image
        .chunks(chunk_size.bytes() as usize)
        .flat_map(digest)
        .collect()
}

/// The digests of the table's pages, however many.
pub(super) fn page_digests(chunk_size: ChunkSize, table: &[u8]) -> Vec<Digest> {
    let digest = |page: &[u8]| {
        let mut hasher = page_hasher(&mut SoftwareCrypto);
        hasher.update(page);
        hasher.finish()
    };
    table
        .chunks(chunk_size.bytes() as usize)
        .map(digest)
        .collect()
}

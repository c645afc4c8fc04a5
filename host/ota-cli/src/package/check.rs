//! Checking a package: against itself, and as a device does.

use anyhow::{Context as _, Result, ensure};
use ota_bootloader::BOOT_FORMAT;
use ota_image::{Distribution, Limits, Manifest, PageError, SoftwareCrypto, Verified, sha256_of};

use super::{Package, build};
use crate::input::check_payload;
use crate::keys::Anchors;
use crate::refusal::Refusal;

/// What a device is, as far as it is known: what is `None` is taken from the manifest itself, and
/// so not checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// Who made it.
    pub vendor: Option<[u8; 16]>,
    /// Which kind it is.
    pub class: Option<[u8; 16]>,
    /// Its hardware revision.
    pub hardware: Option<u16>,
    /// The addresses that images for its two slots are linked for.
    pub load_addresses: Option<[u32; 2]>,
    /// Bytes that an image may occupy.
    pub slot_size: Option<u32>,
    /// Bytes that envelope and digest table may occupy together.
    pub bank_size: Option<u32>,
    /// Bytes of the largest chunk that it takes.
    pub max_chunk_size: Option<u32>,
    /// The lowest security counter that may run.
    pub floor: Option<u32>,
    /// Its bootloader's boot format; by default the newest that is known here.
    pub boot_format: Option<u8>,
    /// Boot keys that it knows to be revoked.
    pub revoked: u8,
}

impl Expected {
    /// The limits that the device's own code checks.
    #[must_use]
    pub fn limits(&self, manifest: &Manifest) -> Limits {
        Limits {
            vendor: self.vendor.unwrap_or(manifest.vendor),
            class: self.class.unwrap_or(manifest.class),
            hardware: self.hardware.unwrap_or(manifest.hardware_min),
            component: 0,
            load_address: self.load_address(manifest.load_address),
            slot_size: self.slot_size.unwrap_or(u32::MAX),
            bank_size: self.bank_size.unwrap_or(u32::MAX),
            max_chunk_size: self.max_chunk_size.unwrap_or(u32::MAX),
            floor: self.floor.unwrap_or(manifest.security_counter),
            boot_format: self.boot_format.unwrap_or(BOOT_FORMAT),
        }
    }

    /// The address of the slot that the image is for, or else of the first.
    fn load_address(&self, linked: u32) -> u32 {
        match self.load_addresses {
            Some([first, second]) if linked != second => first,
            _ => linked,
        }
    }
}

impl Package {
    /// Checks the package against its own manifest: length, every page, every chunk, the image.
    /// Says nothing about who made it.
    ///
    /// # Errors
    /// What is damaged first.
    pub fn check_contents(&self) -> Result<()> {
        let manifest = self.manifest()?;
        self.check_length(&manifest)?;
        let (table, image) = (self.table(&manifest)?, self.payload()?);
        let pages = build::page_digests(manifest.chunk_size, table);
        let wrong = pages
            .iter()
            .zip(manifest.pages.as_slice())
            .position(|(a, b)| a != b);
        if let Some(page) = wrong {
            return Err(Refusal::from(PageError::WrongDigest)).context(format!("page {page}"));
        }
        let actual = build::table(manifest.chunk_size, image);
        let wrong = actual
            .chunks(32)
            .zip(table.chunks(32))
            .position(|(a, b)| a != b);
        if let Some(chunk) = wrong {
            return Err(Refusal::from(ota_image::ChunkMismatch)).context(format!("chunk {chunk}"));
        }
        check_image(&manifest, image)
    }

    /// Makes every check that a device makes, with the device's own code: both signatures, the
    /// manifest as the client and as the bootloader reads it, whether the release is for the
    /// device, every page, every chunk, the image. And one that it cannot make: whether the payload
    /// is firmware at all, and not another kind of file.
    ///
    /// # Errors
    /// What a device would refuse it for first, with its code.
    pub fn verify(&self, anchors: &Anchors, device: &Expected) -> Result<Verified<Distribution>> {
        let (anchors, crypto) = (anchors.get()?, &mut SoftwareCrypto);
        let envelope = self.envelope()?;
        let verified = envelope
            .verify(crypto, &anchors, device.revoked)
            .map_err(Refusal::from)?;
        envelope
            .verify_boot(crypto, &anchors.boot(), device.revoked)
            .map_err(Refusal::from)?;
        verified
            .check(&device.limits(&verified))
            .map_err(Refusal::from)?;
        self.check_length(&verified)?;
        let (table, image) = (self.table(&verified)?, self.payload()?);
        check_pages(&verified, table)?;
        check_chunks(&verified, table, image)?;
        check_image(&verified, image)?;
        check_payload(image)?;
        Ok(verified)
    }

    /// Refuses a payload that is another kind of file, such as a web page: it could be signed, but
    /// never run.
    ///
    /// # Errors
    /// By the name of what it is.
    pub fn check_kind(&self) -> Result<()> {
        check_payload(self.payload()?)
    }

    fn check_length(&self, manifest: &Manifest) -> Result<()> {
        let (is, should) = (self.bytes.len() as u64, u64::from(manifest.package_len()));
        ensure!(
            is >= should,
            "the package has {is} bytes of {should}: it is cut short, copy it again"
        );
        ensure!(
            is <= should,
            "{} bytes follow the end of the package: copy it again",
            is - should
        );
        Ok(())
    }

    fn table(&self, manifest: &Manifest) -> Result<&[u8]> {
        let range = manifest.table_offset() as usize..manifest.payload_offset() as usize;
        self.bytes
            .get(range)
            .context("the package is cut short: copy it again")
    }
}

fn check_pages(verified: &Verified<Distribution>, table: &[u8]) -> Result<()> {
    for (page, bytes) in (0..).zip(table.chunks(verified.chunk_size.bytes() as usize)) {
        verified
            .verify_page(&mut SoftwareCrypto, page, bytes)
            .map_err(Refusal::from)
            .with_context(|| format!("page {page}"))?;
    }
    Ok(())
}

fn check_chunks(verified: &Verified<Distribution>, table: &[u8], image: &[u8]) -> Result<()> {
    let chunk_size = verified.chunk_size.bytes() as usize;
    let mut digests = vec![None; verified.chunk_size.digests_per_page() as usize];
    let mut chunks = (0_u32..).zip(image.chunks(chunk_size)).peekable();
    while let Some(&(first, _)) = chunks.peek() {
        let read = |offset: u32, buffer: &mut [u8]| {
            let from = table.get(offset as usize..offset as usize + buffer.len());
            from.map(|bytes| buffer.copy_from_slice(bytes))
                .ok_or("the table is cut short")
        };
        verified
            .read_digests(&mut SoftwareCrypto, first, &mut digests, read)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        for digest in digests.iter().flatten() {
            let Some((index, bytes)) = chunks.next() else {
                break;
            };
            digest
                .verify(&mut SoftwareCrypto, bytes)
                .map_err(Refusal::from)
                .with_context(|| format!("chunk {index}"))?;
        }
    }
    Ok(())
}

fn check_image(manifest: &Manifest, image: &[u8]) -> Result<()> {
    ensure!(
        sha256_of(&mut SoftwareCrypto, image) == manifest.image_digest,
        "the image's SHA-256 is not the one in the manifest: pack it again"
    );
    Ok(())
}

//! Firmware in the ESP32-C3's own image format: what `espflash write-bin` and `esptool` write, what
//! the mask ROM and the second stage load.

use std::collections::VecDeque;

use anyhow::{Context as _, Result};
use ota_esp32c3::image::{
    CHECKSUM_SEED, CHIP_ID, DIGEST_LEN, Image, ImageError, MAGIC, SEGMENT_HEADER_LEN, checksum,
    checksum_at,
};
use ota_esp32c3::memory::{Loader, Memory, PAGE, Place};
use sha2::{Digest as _, Sha256};

use crate::input::{self, Address, Part};
use crate::refusal::Refusal;

/// Flash is read on two lines, as every module can.
const FLASH_MODE_DIO: u8 = 2;
/// And at 40 MHz, the number for which is 0.
const FLASH_40_MHZ: u8 = 0;
/// The write-protect pin is not used.
const NO_WP_PIN: u8 = 0xEE;

/// What an application's descriptor begins with, which ESP-IDF's bootloader reads.
const DESCRIPTOR_MAGIC: u32 = 0xABCD_5432;
/// Where the digest of the ELF is in it.
const ELF_DIGEST: std::ops::Range<usize> = 0x90..0xB0;

/// Makes the image of an ELF, for a flash of this size.
///
/// Segments are taken by the address they run at. Mapped ones are put where the MMU can show them;
/// parts of the others, and zeros, fill the gaps.
///
/// # Errors
/// If it is no ELF for the chip, or one that no loader may load.
pub fn image(elf: &[u8], loader: Loader, flash_size: u32) -> Result<Vec<u8>> {
    image_of(
        elf,
        input::elf_parts(elf, Address::Virtual)?,
        loader,
        flash_size,
    )
}

/// Makes the image of these parts of an ELF.
pub(crate) fn image_of(
    elf: &[u8],
    parts: Vec<Part>,
    loader: Loader,
    flash_size: u32,
) -> Result<Vec<u8>> {
    let entry = input::risc_v_entry(elf)?;
    let parts = words(parts)?;
    let (mut mapped, loaded): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_mapped);
    if let Some(first) = mapped.first_mut() {
        name_elf(first, elf);
    }
    let mut out = Writer::new(entry, flash_size)?;
    out.fill(mapped, loaded.into())?;
    let bytes = out.finish()?;
    check(&bytes, loader)?;
    Ok(bytes)
}

/// Checks an image that was made elsewhere.
///
/// # Errors
/// If the loader must not, or would not, load it.
pub fn check(bytes: &[u8], loader: Loader) -> Result<()> {
    let refused = |error| anyhow::Error::from(Refusal::from(error));
    let image = Image::parse(bytes, loader).map_err(refused)?;
    image.check_sum().map_err(refused)?;
    if let Some((covered, digest)) = image.appended_digest()
        && Sha256::digest(covered).as_slice() != digest
    {
        return Err(refused(ImageError::WrongDigest));
    }
    Ok(())
}

/// What is to be loaded, by address; lengths are made multiples of four.
fn words(mut parts: Vec<Part>) -> Result<Vec<Part>> {
    parts.sort_by_key(|part| part.address);
    input::check_overlaps(&parts)?;
    for part in &mut parts {
        part.bytes.resize(part.bytes.len().next_multiple_of(4), 0);
    }
    Ok(parts)
}

fn is_mapped(part: &Part) -> bool {
    Place::find(part.address, 1).is_some_and(|place| place.memory == Memory::Flash)
}

/// Puts the ELF's SHA-256 into the application's descriptor, as `esptool` and `espflash` do: crash
/// reports say it, and tools find the ELF by it.
fn name_elf(part: &mut Part, elf: &[u8]) {
    if part.bytes.starts_with(&DESCRIPTOR_MAGIC.to_le_bytes())
        && let Some(place) = part.bytes.get_mut(ELF_DIGEST)
    {
        place.copy_from_slice(&Sha256::digest(elf));
    }
}

struct Writer {
    bytes: Vec<u8>,
    segments: usize,
    sum: u8,
}

impl Writer {
    fn new(entry: u32, flash_size: u32) -> Result<Self> {
        let megabytes = flash_size
            .is_multiple_of(1 << 20)
            .then_some(flash_size >> 20);
        let size = megabytes
            .and_then(|megabytes| [1, 2, 4, 8, 16].into_iter().position(|m| m == megabytes))
            .and_then(|number| u8::try_from(number).ok())
            .context("the chip's images are for flashes of 1, 2, 4, 8 or 16 MiB")?;
        let [id, id_high] = CHIP_ID.to_le_bytes();
        let mut bytes = vec![MAGIC, 0, FLASH_MODE_DIO, size << 4 | FLASH_40_MHZ];
        bytes.extend(entry.to_le_bytes());
        bytes.extend([NO_WP_PIN, 0, 0, 0, id, id_high]);
        // From any revision of the chip to any; a digest is appended.
        bytes.extend([0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 1]);
        Ok(Self {
            bytes,
            segments: 0,
            sum: CHECKSUM_SEED,
        })
    }

    /// Mapped parts at their places, the others in the gaps before them and at the end.
    fn fill(&mut self, mapped: Vec<Part>, mut loaded: VecDeque<Part>) -> Result<()> {
        for part in mapped {
            while let Some(gap) = self.gap(part.address) {
                self.filler(gap, &mut loaded)?;
            }
            self.segment(part.address, &part.bytes)?;
        }
        for part in loaded {
            self.segment(part.address, &part.bytes)?;
        }
        Ok(())
    }

    /// Bytes that are missing before a segment whose data has to lie at this address within its
    /// page. The header of what fills them is not among them.
    fn gap(&self, address: u32) -> Option<usize> {
        let page = PAGE as usize;
        let at = self.bytes.len() + SEGMENT_HEADER_LEN;
        let missing = (address as usize).wrapping_sub(at) % page;
        (missing != 0).then(|| missing.wrapping_sub(SEGMENT_HEADER_LEN) % page)
    }

    /// Something of at most this length: the beginning of a part for RAM, or else zeros.
    fn filler(&mut self, len: usize, loaded: &mut VecDeque<Part>) -> Result<()> {
        let wanted = len > SEGMENT_HEADER_LEN;
        let Some(mut part) = wanted.then(|| loaded.pop_front()).flatten() else {
            return self.segment(0, &vec![0; len]);
        };
        let rest = part.bytes.split_off(len.min(part.bytes.len()));
        self.segment(part.address, &part.bytes)?;
        if !rest.is_empty() {
            let address = part.address.wrapping_add(u32::try_from(len)?);
            loaded.push_front(Part {
                address,
                bytes: rest,
            });
        }
        Ok(())
    }

    fn segment(&mut self, address: u32, data: &[u8]) -> Result<()> {
        let len = u32::try_from(data.len())?;
        self.bytes.extend(address.to_le_bytes());
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend(data);
        self.sum = checksum(self.sum, data);
        self.segments += 1;
        Ok(())
    }

    /// The count, the checksum and the digest.
    fn finish(mut self) -> Result<Vec<u8>> {
        let count = u8::try_from(self.segments).context("more segments than a byte counts")?;
        if let Some(place) = self.bytes.get_mut(1) {
            *place = count;
        }
        self.bytes.resize(checksum_at(self.bytes.len()), 0);
        self.bytes.push(self.sum);
        let digest: [u8; DIGEST_LEN] = Sha256::digest(&self.bytes).into();
        self.bytes.extend(digest);
        Ok(self.bytes)
    }
}

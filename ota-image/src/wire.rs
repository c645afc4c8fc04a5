//! The fixed part of the body: postcard, written out. Frozen: nobody can skip what he does not
//! know in it, so whatever comes later is a TLV.
//!
//! Not by serde, because a bootloader has to carry this: its code for sixteen fields was five
//! times as large. `tests/promises/postcard.rs` compares the two.

use crate::values::MAX_PAGES;
use crate::{ChunkSize, Digest, EncodeError, Manifest, ManifestError, Pages, Version};

/// Decodes the fixed part and gives the rest. Refuses any form but the one that [`encode`]
/// writes.
pub(crate) fn decode(body: &[u8]) -> Result<(Manifest, &[u8]), ManifestError> {
    let mut fields = Reader(body);
    // The order of the fields is the order on the wire.
    let manifest = Manifest {
        vendor: fields.array()?,
        class: fields.array()?,
        hardware_min: fields.number()?,
        hardware_max: fields.number()?,
        component: fields.byte()?,
        load_address: fields.number()?,
        version: fields.version()?,
        sequence: fields.number()?,
        security_counter: fields.number()?,
        image_length: fields.number()?,
        image_digest: Digest(fields.array()?),
        chunk_size: ChunkSize::from_log2(fields.byte()?).ok_or(ManifestError::ChunkSize)?,
        pages: fields.pages()?,
        payload_format: fields.byte()?,
        lowest_boot_format: fields.byte()?,
        revoked_boot_keys: fields.byte()?,
    };
    Ok((manifest, fields.0))
}

/// Writes the fixed part into the beginning of `out` and says how long it is.
pub(crate) fn encode(manifest: &Manifest, out: &mut [u8]) -> Result<usize, EncodeError> {
    let mut fields = Writer { out, len: 0 };
    fields.put(&manifest.vendor)?;
    fields.put(&manifest.class)?;
    fields.number(manifest.hardware_min.into())?;
    fields.number(manifest.hardware_max.into())?;
    fields.put(&[manifest.component])?;
    fields.number(manifest.load_address.into())?;
    fields.text(manifest.version.as_str())?;
    fields.number(manifest.sequence)?;
    fields.number(manifest.security_counter.into())?;
    fields.number(manifest.image_length.into())?;
    fields.put(&manifest.image_digest.0)?;
    fields.put(&[manifest.chunk_size.log2()])?;
    fields.number(manifest.pages.count().into())?;
    for digest in manifest.pages.as_slice() {
        fields.put(&digest.0)?;
    }
    fields.put(&[manifest.payload_format])?;
    fields.put(&[manifest.lowest_boot_format])?;
    fields.put(&[manifest.revoked_boot_keys])?;
    Ok(fields.len)
}

/// Set in every byte of a number but the last.
const MORE: u8 = 0x80;

/// Takes fields from the beginning of what is left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], ManifestError> {
        let (field, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(ManifestError::Malformed)?;
        self.0 = rest;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ManifestError> {
        let bytes = self.bytes(N)?.first_chunk();
        bytes.copied().ok_or(ManifestError::Malformed)
    }

    fn byte(&mut self) -> Result<u8, ManifestError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A number in its shortest form that fits its type.
    fn number<T: TryFrom<u64>>(&mut self) -> Result<T, ManifestError> {
        T::try_from(self.varint()?).map_err(|_| ManifestError::Malformed)
    }

    #[inline(never)]
    fn varint(&mut self) -> Result<u64, ManifestError> {
        let before_last = self.0.iter().take_while(|byte| **byte & MORE != 0).count();
        let digits = self.bytes(before_last + 1)?;
        let mut value = 0_u64;
        for digit in digits.iter().rev() {
            if value >> (u64::BITS - 7) != 0 {
                return Err(ManifestError::Malformed);
            }
            value = value << 7 | u64::from(digit & !MORE);
        }
        if before_last > 0 && digits.last() == Some(&0) {
            return Err(ManifestError::NotMinimal);
        }
        Ok(value)
    }

    fn version(&mut self) -> Result<Version, ManifestError> {
        let len = self.number()?;
        let text = self.bytes(len)?;
        if text.iter().any(|byte| !byte.is_ascii()) {
            return Err(ManifestError::Malformed);
        }
        Version::from_bytes(text)
    }

    fn pages(&mut self) -> Result<Pages, ManifestError> {
        let count: usize = self.number()?;
        if count > MAX_PAGES {
            return Err(ManifestError::Malformed);
        }
        let mut pages = Pages::empty();
        for _ in 0..count {
            let digest = Digest(self.array()?);
            pages.push(digest).ok_or(ManifestError::Malformed)?;
        }
        Ok(pages)
    }
}

/// Puts fields one after another.
struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn put(&mut self, field: &[u8]) -> Result<(), EncodeError> {
        let end = self.len + field.len();
        let place = self.out.get_mut(self.len..end);
        let place = place.ok_or(EncodeError::BufferTooSmall)?;
        for (to, from) in place.iter_mut().zip(field) {
            *to = *from;
        }
        self.len = end;
        Ok(())
    }

    fn number(&mut self, mut value: u64) -> Result<(), EncodeError> {
        loop {
            let [low, ..] = value.to_le_bytes();
            value >>= 7;
            if value == 0 {
                return self.put(&[low]);
            }
            self.put(&[low | MORE])?;
        }
    }

    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.number(text.len() as u64)?;
        self.put(text.as_bytes())
    }
}

//! The fixed part of the body, as postcard sees it. Frozen: postcard cannot skip what it does not
//! know, so whatever comes later is a TLV.

use core::fmt;

use postcard::ser_flavors::{Flavor, Slice};
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ChunkSize, Digest, EncodeError, Manifest, ManifestError, Pages, Version};

/// The order of the fields is the order on the wire.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fixed<'a> {
    vendor: [u8; 16],
    class: [u8; 16],
    hardware_min: u16,
    hardware_max: u16,
    component: u8,
    load_address: u32,
    version: &'a str,
    sequence: u64,
    security_counter: u32,
    image_length: u32,
    image_digest: [u8; 32],
    chunk_size_log2: u8,
    pages: WirePages,
    payload_format: u8,
    lowest_boot_format: u8,
    revoked_boot_keys: u8,
}

impl<'a> Fixed<'a> {
    /// Decodes the fixed part and gives the rest. Refuses any form but the one that
    /// [`encode`](Self::encode) writes: postcard takes padded numbers, so the decoded value is
    /// encoded again and compared.
    pub(crate) fn decode(body: &'a [u8]) -> Result<(Self, &'a [u8]), ManifestError> {
        let (fixed, rest) =
            postcard::take_from_bytes::<Self>(body).map_err(|_| ManifestError::Malformed)?;
        let same = postcard::serialize_with_flavor(&fixed, Compare { expected: body });
        // What the comparison left over must be what decoding left over.
        match same {
            Ok(left) if left.len() == rest.len() => Ok((fixed, rest)),
            _ => Err(ManifestError::NotMinimal),
        }
    }

    pub(crate) fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        postcard::serialize_with_flavor(self, Slice::new(out))
            .map(|written: &mut [u8]| written.len())
            .map_err(|_| EncodeError::BufferTooSmall)
    }

    pub(crate) fn of(manifest: &'a Manifest) -> Self {
        Self {
            vendor: manifest.vendor,
            class: manifest.class,
            hardware_min: manifest.hardware_min,
            hardware_max: manifest.hardware_max,
            component: manifest.component,
            load_address: manifest.load_address,
            version: manifest.version.as_str(),
            sequence: manifest.sequence,
            security_counter: manifest.security_counter,
            image_length: manifest.image_length,
            image_digest: manifest.image_digest.0,
            chunk_size_log2: manifest.chunk_size.log2(),
            pages: WirePages(manifest.pages.clone()),
            payload_format: manifest.payload_format,
            lowest_boot_format: manifest.lowest_boot_format,
            revoked_boot_keys: manifest.revoked_boot_keys,
        }
    }

    pub(crate) fn into_manifest(self) -> Result<Manifest, ManifestError> {
        let chunk_size = ChunkSize::from_log2(self.chunk_size_log2);
        Ok(Manifest {
            vendor: self.vendor,
            class: self.class,
            hardware_min: self.hardware_min,
            hardware_max: self.hardware_max,
            component: self.component,
            load_address: self.load_address,
            version: Version::new(self.version)?,
            sequence: self.sequence,
            security_counter: self.security_counter,
            image_length: self.image_length,
            image_digest: Digest(self.image_digest),
            chunk_size: chunk_size.ok_or(ManifestError::ChunkSize)?,
            pages: self.pages.0,
            payload_format: self.payload_format,
            lowest_boot_format: self.lowest_boot_format,
            revoked_boot_keys: self.revoked_boot_keys,
        })
    }
}

/// A count, then the digests.
struct WirePages(Pages);

impl Serialize for WirePages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digests = self.0.as_slice();
        let mut seq = serializer.serialize_seq(Some(digests.len()))?;
        for digest in digests {
            seq.serialize_element(&digest.0)?;
        }
        seq.end()
    }
}

impl<'de> Deserialize<'de> for WirePages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PagesVisitor)
    }
}

struct PagesVisitor;

impl<'de> Visitor<'de> for PagesVisitor {
    type Value = WirePages;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("at most 16 digests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<WirePages, A::Error> {
        let mut pages = Pages::empty();
        while let Some(digest) = seq.next_element()? {
            let full = || serde::de::Error::custom("more than 16 digests");
            pages.push(Digest(digest)).ok_or_else(full)?;
        }
        Ok(WirePages(pages))
    }
}

/// Takes what is encoded and compares it with what is expected, so that no buffer is needed.
struct Compare<'a> {
    expected: &'a [u8],
}

impl<'a> Flavor for Compare<'a> {
    type Output = &'a [u8];

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        match self.expected.split_first() {
            Some((first, rest)) if *first == byte => {
                self.expected = rest;
                Ok(())
            }
            _ => Err(postcard::Error::DeserializeBadEncoding),
        }
    }

    fn finalize(self) -> postcard::Result<&'a [u8]> {
        Ok(self.expected)
    }
}

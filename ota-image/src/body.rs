//! The manifest's bytes: a fixed part in postcard, then TLVs until the end.

use core::fmt;

use crate::values::MAX_PAGES;
use crate::{MAX_BODY, Manifest, wire};

/// Tags of TLVs that are reserved. None is understood by this version; a reader for whom one is
/// critical refuses the release.
pub mod tag {
    /// Digest of the image that a delta starts from.
    pub const BASE_DIGEST: u16 = 1;
    /// Versions that must be installed before.
    pub const REQUIRED_VERSIONS: u16 = 2;
    /// How the payload is encrypted.
    pub const ENCRYPTION: u16 = 3;
    /// When the release stops being valid.
    pub const NOT_AFTER: u16 = 4;

    /// Added to a tag: a client that does not know it must refuse the release.
    pub const CRITICAL_FOR_CLIENT: u16 = 0x8000;
    /// Added to a tag: a bootloader that does not know it must refuse the release.
    pub const CRITICAL_FOR_BOOTLOADER: u16 = 0x4000;
    /// The tag's number without the two bits.
    pub const NUMBER: u16 = 0x3FFF;
}

/// The first number of a tag. None has 0, so that zeros are never TLVs.
const FIRST_NUMBER: u16 = 1;
/// Bytes of a TLV before its value: tag and length.
const TLV_HEADER: usize = 4;

/// Who reads a manifest, and so which of the unknown fields stop it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// Refuses unknown fields that are critical for the client.
    Client,
    /// Refuses unknown fields that are critical for the bootloader.
    Bootloader,
    /// Refuses none: for tools that show a manifest and do not act on it.
    Inspector,
}

impl Reader {
    const fn critical_bit(self) -> u16 {
        match self {
            Self::Client => tag::CRITICAL_FOR_CLIENT,
            Self::Bootloader => tag::CRITICAL_FOR_BOOTLOADER,
            Self::Inspector => 0,
        }
    }
}

/// A field that was added after version 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tlv<'a> {
    /// Number and the two critical bits: see [`tag`].
    pub tag: u16,
    /// The value; its meaning is the tag's.
    pub value: &'a [u8],
}

/// The TLVs of a body, in order; made by [`Manifest::decode_unverified`].
#[derive(Clone, Debug)]
pub struct Tlvs<'a>(&'a [u8]);

impl<'a> Iterator for Tlvs<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (tlv, rest) = split_tlv(self.0)?;
        self.0 = rest;
        Some(tlv)
    }
}

fn split_tlv(bytes: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    Some((
        Tlv {
            tag: u16::from_le_bytes(*tag),
            value,
        },
        rest,
    ))
}

impl Manifest {
    /// Decodes a body **that nobody has authenticated**, for tools that show it, and for fuzzing.
    /// Devices call [`Envelope::verify`](crate::Envelope::verify).
    ///
    /// # Errors
    /// [`ManifestError`] says what is not as it must be.
    pub fn decode_unverified(
        body: &[u8],
        reader: Reader,
    ) -> Result<(Self, Tlvs<'_>), ManifestError> {
        let (manifest, tlvs) = wire::decode(body)?;
        manifest.check_form()?;
        check_tlvs(tlvs, reader)?;
        Ok((manifest, Tlvs(tlvs)))
    }

    /// Writes the body into the beginning of `out` and says how long it is; [`MAX_BODY`] bytes
    /// are always enough.
    ///
    /// # Errors
    /// [`EncodeError`]; what is written on success decodes again.
    pub fn encode(&self, tlvs: &[Tlv<'_>], out: &mut [u8]) -> Result<usize, EncodeError> {
        self.check_form().map_err(EncodeError::Manifest)?;
        let mut len = wire::encode(self, out)?;
        let mut lowest = FIRST_NUMBER;
        for tlv in tlvs {
            let number = tlv.tag & tag::NUMBER;
            if number < lowest {
                return Err(EncodeError::TlvOrder);
            }
            lowest = number + 1;
            let place = out.get_mut(len..).ok_or(EncodeError::BufferTooSmall)?;
            len += write_tlv(tlv, place)?;
        }
        if len > MAX_BODY {
            Err(EncodeError::BodyLength)
        } else {
            Ok(len)
        }
    }

    /// What the types do not say: relations between fields.
    fn check_form(&self) -> Result<(), ManifestError> {
        if self.hardware_min > self.hardware_max {
            return Err(ManifestError::HardwareRange);
        }
        if self.image_length == 0 {
            return Err(ManifestError::EmptyImage);
        }
        if self
            .payload_offset()
            .checked_add(self.image_length)
            .is_none()
        {
            return Err(ManifestError::TooLong);
        }
        if self.pages.count() != self.page_count() {
            return Err(ManifestError::PageCount);
        }
        Ok(())
    }
}

fn check_tlvs(mut bytes: &[u8], reader: Reader) -> Result<(), ManifestError> {
    let mut lowest = FIRST_NUMBER;
    while !bytes.is_empty() {
        let (tlv, rest) = split_tlv(bytes).ok_or(ManifestError::TlvTruncated)?;
        let number = tlv.tag & tag::NUMBER;
        if number < lowest {
            return Err(ManifestError::TlvOrder);
        }
        // No tag is known yet, so every critical one is an unknown one.
        if tlv.tag & reader.critical_bit() != 0 {
            return Err(ManifestError::UnknownCritical(tlv.tag));
        }
        lowest = number + 1;
        bytes = rest;
    }
    Ok(())
}

fn write_tlv(tlv: &Tlv<'_>, out: &mut [u8]) -> Result<usize, EncodeError> {
    let len = u16::try_from(tlv.value.len()).map_err(|_| EncodeError::BodyLength)?;
    let (header, rest) = out
        .split_first_chunk_mut::<TLV_HEADER>()
        .ok_or(EncodeError::BufferTooSmall)?;
    let ([t0, t1], [l0, l1]) = (tlv.tag.to_le_bytes(), len.to_le_bytes());
    *header = [t0, t1, l0, l1];
    if rest.len() < tlv.value.len() {
        return Err(EncodeError::BufferTooSmall);
    }
    for (to, from) in rest.iter_mut().zip(tlv.value) {
        *to = *from;
    }
    Ok(TLV_HEADER + tlv.value.len())
}

/// Why a body is not a manifest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ManifestError {
    /// The fixed part is cut short, a number does not fit, or text is not ASCII.
    Malformed,
    /// A number is not in its shortest form.
    NotMinimal,
    /// The version is empty, too long, or not visible ASCII.
    Version,
    /// The lowest hardware revision is above the highest.
    HardwareRange,
    /// The image has no bytes.
    EmptyImage,
    /// The package would not fit 32 bits.
    TooLong,
    /// The chunk size is not 1, 2, 4, 8 or 16 KiB.
    ChunkSize,
    /// Not as many page digests as length and chunk size make, or more than [`MAX_PAGES`].
    PageCount,
    /// The last TLV is cut short.
    TlvTruncated,
    /// TLVs are not in ascending order, one stands there twice, or one has the number 0.
    TlvOrder,
    /// A field that this reader must know and does not: its tag.
    UnknownCritical(u16),
}

impl ManifestError {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Malformed => 0x0301,
            Self::NotMinimal => 0x0302,
            Self::Version => 0x0303,
            Self::HardwareRange => 0x0304,
            Self::EmptyImage => 0x0305,
            Self::TooLong => 0x0306,
            Self::ChunkSize => 0x0307,
            Self::PageCount => 0x0308,
            Self::TlvTruncated => 0x0309,
            Self::TlvOrder => 0x030A,
            Self::UnknownCritical(_) => 0x030B,
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the manifest cannot be decoded: pack the release again",
            Self::NotMinimal => "a number in the manifest is padded: pack the release again",
            Self::Version => "the version is not 1 to 32 visible ASCII characters: choose another",
            Self::HardwareRange => "the lowest hardware revision is above the highest: swap them",
            Self::EmptyImage => "the image is empty: pack the right file",
            Self::TooLong => "the package is longer than 4 GiB: make the image smaller",
            Self::ChunkSize => "the chunk size is not 1, 2, 4, 8 or 16 KiB: choose one of these",
            Self::PageCount => {
                return write!(
                    f,
                    "the digest table has the wrong number of pages (at most {MAX_PAGES}): \
                     pack again, a long image with larger chunks"
                );
            }
            Self::TlvTruncated => "the manifest's last field is cut short: pack the release again",
            Self::TlvOrder => "the manifest's fields are not in order: pack the release again",
            Self::UnknownCritical(tag) => {
                return write!(
                    f,
                    "the release needs field {} (tag {tag:#06x}), which is not known here: \
                     first install a release that knows it",
                    tag & tag::NUMBER
                );
            }
        })
    }
}

impl core::error::Error for ManifestError {}

/// Why a manifest or an envelope cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EncodeError {
    /// The values do not make a manifest.
    Manifest(ManifestError),
    /// `out` is too short; [`MAX_BODY`] bytes are always enough.
    BufferTooSmall,
    /// The body is empty or longer than [`MAX_BODY`].
    BodyLength,
    /// TLVs are not in ascending order, one is given twice, or one has the number 0.
    TlvOrder,
    /// More than four signatures.
    TooManySignatures,
    /// A signature has role 0, which is never assigned.
    EmptySignature,
}

impl EncodeError {
    /// A stable number for logs.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Manifest(error) => error.code(),
            Self::BufferTooSmall => 0x0381,
            Self::BodyLength => 0x0382,
            Self::TlvOrder => 0x0383,
            Self::TooManySignatures => 0x0384,
            Self::EmptySignature => 0x0385,
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest(error) => return fmt::Display::fmt(error, f),
            Self::BufferTooSmall => "the buffer is too small for the manifest: give 731 bytes",
            Self::BodyLength => "the manifest does not fit 1 to 731 bytes: shorten its fields",
            Self::TlvOrder => "the fields' tags do not ascend: sort them, each once",
            Self::TooManySignatures => "more than 4 signatures: remove one that is not needed",
            Self::EmptySignature => "a signature has role 0: give it a role",
        })
    }
}

impl core::error::Error for EncodeError {}

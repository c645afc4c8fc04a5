//! The envelope: the only bytes that are looked at before they are authenticated.
//!
//! ```text
//! 0       magic                 8
//! 8       format version        2
//! 10      body length N         2
//! 12      body                  N
//! 12+N    signature count S     1
//! 13+N    signature entries     70 each
//! ..1024  zeros
//! ```

use core::fmt;

use crate::crypto::{RELEASE_DOMAIN, in_domain};
use crate::{Algorithm, Crypto, EncodeError, Hasher, ReleaseId, Role};

/// Length of every envelope, in bytes.
pub const ENVELOPE_LEN: usize = 1024;
/// First bytes of an envelope. The first is not ASCII and line ends of three systems follow, so
/// that a transfer in text mode is noticed here.
pub const MAGIC: [u8; 8] = *b"\x89OTA\r\n\x1a\n";
/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u16 = 1;
/// Most signatures an envelope can hold.
pub const MAX_SIGNATURES: usize = 4;
/// Length of a signature entry, in bytes.
pub const SIGNATURE_ENTRY_LEN: usize = 70;
/// Longest body, in bytes: what is left with four signatures.
pub const MAX_BODY: usize = ENVELOPE_LEN - HEADER_LEN - 1 - MAX_SIGNATURES * SIGNATURE_ENTRY_LEN;

/// Magic, format version, body length.
const HEADER_LEN: usize = 12;
/// Separates what is signed here from anything else signed with the same key.
pub(crate) const DOMAIN: [u8; 6] = *b"ota-v1";

/// An envelope whose frame is sound. **Nothing in it is authenticated**: use
/// [`verify`](Self::verify) or [`verify_boot`](Self::verify_boot).
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    body: &'a [u8],
    body_len: u16,
    signatures: &'a [[u8; SIGNATURE_ENTRY_LEN]],
}

impl<'a> Envelope<'a> {
    /// Splits the first [`ENVELOPE_LEN`] bytes of a package, no more and no fewer, into body and
    /// signatures.
    ///
    /// # Errors
    /// [`FrameError`] says which part of the frame is not as it must be.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        if bytes.len() != ENVELOPE_LEN {
            return Err(FrameError::WrongLength);
        }
        let (magic, rest) = bytes
            .split_first_chunk::<8>()
            .ok_or(FrameError::WrongLength)?;
        if *magic != MAGIC {
            return Err(FrameError::WrongMagic);
        }
        let (version, rest) = take_u16(rest)?;
        if version != FORMAT_VERSION {
            return Err(FrameError::UnknownFormat(version));
        }
        let (body_len, rest) = take_u16(rest)?;
        let (body, rest) = take_body(rest, body_len)?;
        Ok(Self {
            body,
            body_len,
            signatures: take_signatures(rest)?,
        })
    }

    /// The manifest body, unauthenticated.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The signature entries, whether or not their roles and algorithms are known.
    pub fn signatures(&self) -> impl ExactSizeIterator<Item = SignatureEntry> + use<'a> {
        self.signatures.iter().map(SignatureEntry::from_bytes)
    }

    /// The id of the release that this envelope claims to be: a name, and no proof of anything.
    pub fn release_id<C: Crypto>(&self, crypto: &mut C) -> ReleaseId {
        let mut hasher = in_domain(crypto, RELEASE_DOMAIN);
        hasher.update(&DOMAIN);
        hasher.update(&FORMAT_VERSION.to_le_bytes());
        hasher.update(self.body);
        ReleaseId::new(hasher.finish())
    }

    pub(crate) const fn body_len(&self) -> u16 {
        self.body_len
    }
}

fn take_u16(bytes: &[u8]) -> Result<(u16, &[u8]), FrameError> {
    let (value, rest) = bytes.split_first_chunk().ok_or(FrameError::WrongLength)?;
    Ok((u16::from_le_bytes(*value), rest))
}

fn take_body(bytes: &[u8], len: u16) -> Result<(&[u8], &[u8]), FrameError> {
    let len = usize::from(len);
    if len == 0 || len > MAX_BODY {
        return Err(FrameError::BodyLength);
    }
    bytes.split_at_checked(len).ok_or(FrameError::BodyLength)
}

fn take_signatures(bytes: &[u8]) -> Result<&[[u8; SIGNATURE_ENTRY_LEN]], FrameError> {
    let (count, rest) = bytes.split_first().ok_or(FrameError::WrongLength)?;
    let count = usize::from(*count);
    if count > MAX_SIGNATURES {
        return Err(FrameError::TooManySignatures);
    }
    let (entries, padding) = rest
        .split_at_checked(count * SIGNATURE_ENTRY_LEN)
        .ok_or(FrameError::WrongLength)?;
    let (entries, _) = entries.as_chunks();
    // Padding that was counted as a signature would otherwise be a second form of an envelope.
    if entries.iter().any(|entry| entry.first() == Some(&0)) {
        return Err(FrameError::EmptySignature);
    }
    if padding.iter().any(|byte| *byte != 0) {
        return Err(FrameError::BadPadding);
    }
    Ok(entries)
}

/// One signature as it stands in an envelope. Role and algorithm are numbers here, because an
/// envelope may carry some that this version does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignatureEntry {
    /// A [`Role`], or a number that is not known; never 0.
    pub role: u8,
    /// An [`Algorithm`], or a number that is not known.
    pub algorithm: u8,
    /// A hint: see [`PublicKey::key_id`](crate::PublicKey::key_id).
    pub key_id: [u8; 4],
    /// The signature: `R || S` for Ed25519, `r || s` for P-256.
    pub signature: [u8; 64],
}

impl SignatureEntry {
    /// An entry of a known role and algorithm.
    #[must_use]
    pub const fn new(
        role: Role,
        algorithm: Algorithm,
        key_id: [u8; 4],
        signature: [u8; 64],
    ) -> Self {
        Self {
            role: role as u8,
            algorithm: algorithm as u8,
            key_id,
            signature,
        }
    }

    fn from_bytes(bytes: &[u8; SIGNATURE_ENTRY_LEN]) -> Self {
        let [role, algorithm, a, b, c, d, signature @ ..] = *bytes;
        Self {
            role,
            algorithm,
            key_id: [a, b, c, d],
            signature,
        }
    }
}

/// The first part of a signed message; the body is the rest.
///
/// "ota-v1", role, algorithm, format version, body length. `body_len` is at most [`MAX_BODY`].
#[must_use]
pub const fn signing_header(role: Role, algorithm: Algorithm, body_len: u16) -> [u8; 12] {
    let [o, t, a, dash, v, one] = DOMAIN;
    let [version_low, version_high] = FORMAT_VERSION.to_le_bytes();
    let [len_low, len_high] = body_len.to_le_bytes();
    let (role, algorithm) = (role as u8, algorithm as u8);
    [
        o,
        t,
        a,
        dash,
        v,
        one,
        role,
        algorithm,
        version_low,
        version_high,
        len_low,
        len_high,
    ]
}

/// Puts a body and its signatures into an envelope; with no signatures, an unsigned one.
///
/// # Errors
/// [`EncodeError::BodyLength`], [`EncodeError::TooManySignatures`],
/// [`EncodeError::EmptySignature`] (role 0).
pub fn write_envelope(
    body: &[u8],
    signatures: &[SignatureEntry],
) -> Result<[u8; ENVELOPE_LEN], EncodeError> {
    let count = match u8::try_from(signatures.len()) {
        Ok(count) if signatures.len() <= MAX_SIGNATURES => count,
        _ => return Err(EncodeError::TooManySignatures),
    };
    if signatures.iter().any(|entry| entry.role == 0) {
        return Err(EncodeError::EmptySignature);
    }
    let body_len = match u16::try_from(body.len()) {
        Ok(len) if len != 0 && body.len() <= MAX_BODY => len,
        _ => return Err(EncodeError::BodyLength),
    };
    let mut envelope = [0; ENVELOPE_LEN];
    let mut out = envelope.iter_mut();
    let mut put = |bytes: &[u8]| {
        for (from, to) in bytes.iter().zip(&mut out) {
            *to = *from;
        }
    };
    put(&MAGIC);
    put(&FORMAT_VERSION.to_le_bytes());
    put(&body_len.to_le_bytes());
    put(body);
    put(&[count]);
    for entry in signatures {
        put(&[entry.role, entry.algorithm]);
        put(&entry.key_id);
        put(&entry.signature);
    }
    Ok(envelope)
}

/// Why bytes are not an envelope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameError {
    /// Not exactly [`ENVELOPE_LEN`] bytes.
    WrongLength,
    /// The first eight bytes are not [`MAGIC`].
    WrongMagic,
    /// The format version is another one.
    UnknownFormat(u16),
    /// The body is empty or longer than [`MAX_BODY`].
    BodyLength,
    /// More than [`MAX_SIGNATURES`] signatures.
    TooManySignatures,
    /// A signature entry has role 0, which is never assigned.
    EmptySignature,
    /// Something follows the last signature.
    BadPadding,
}

impl FrameError {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::WrongLength => 0x0101,
            Self::WrongMagic => 0x0102,
            Self::UnknownFormat(_) => 0x0103,
            Self::BodyLength => 0x0104,
            Self::TooManySignatures => 0x0105,
            Self::EmptySignature => 0x0106,
            Self::BadPadding => 0x0107,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongLength => "the envelope is not 1024 bytes long: fetch it again, whole",
            Self::WrongMagic => "this is not an update package: check the file or the URL",
            Self::UnknownFormat(version) => {
                return write!(
                    f,
                    "package format {version} is not known (only {FORMAT_VERSION}): \
                     first install a release that knows it"
                );
            }
            Self::BodyLength => "the manifest's length is impossible: fetch the package again",
            Self::TooManySignatures => "more than 4 signatures: fetch the package again",
            Self::EmptySignature => "a signature is counted but absent: fetch the package again",
            Self::BadPadding => "bytes follow the last signature: fetch the package again",
        })
    }
}

impl core::error::Error for FrameError {}

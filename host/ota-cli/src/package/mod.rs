//! `.ota` packages: envelope, digest table, payload.

mod build;
mod check;
mod sign;

use std::path::Path;

use anyhow::{Context as _, Result};
use ota_image::{
    ENVELOPE_LEN, Envelope, FrameError, Manifest, Reader, ReleaseId, SignatureEntry,
    SoftwareCrypto, Tlv,
};

pub use build::Recipe;
pub use check::Expected;
pub use sign::Signed;

use crate::files::{self, Access, Existing};
use crate::refusal::Refusal;

/// A package in memory. Its frame is sound; nothing else is known of it before
/// [`check_contents`](Self::check_contents) or [`verify`](Self::verify).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    bytes: Vec<u8>,
}

impl Package {
    /// Reads a package.
    ///
    /// # Errors
    /// If the file cannot be read, or does not begin with an envelope.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_bytes(files::read(path)?).with_context(|| path.display().to_string())
    }

    /// Takes a package's bytes.
    ///
    /// # Errors
    /// If they do not begin with an envelope.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Refusal> {
        let package = Self { bytes };
        package.envelope()?;
        Ok(package)
    }

    /// Writes the package: whole, or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        files::write(path, &self.bytes, Access::Everyone, Existing::Replace)
    }

    /// The whole package.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The envelope, unauthenticated.
    ///
    /// # Errors
    /// None after construction.
    pub fn envelope(&self) -> Result<Envelope<'_>, Refusal> {
        let bytes = self
            .bytes
            .get(..ENVELOPE_LEN)
            .ok_or(FrameError::WrongLength)?;
        Ok(Envelope::parse(bytes)?)
    }

    /// The release that the package claims to be.
    ///
    /// # Errors
    /// None after construction.
    pub fn release_id(&self) -> Result<ReleaseId, Refusal> {
        Ok(self.envelope()?.release_id(&mut SoftwareCrypto))
    }

    /// The manifest, **unauthenticated**: for showing it, and for checks before signing.
    ///
    /// # Errors
    /// If the envelope's body is no manifest.
    pub fn manifest(&self) -> Result<Manifest, Refusal> {
        Ok(Manifest::decode_unverified(self.envelope()?.body(), Reader::Inspector)?.0)
    }

    /// Fields that were added to the format after version 1, unauthenticated.
    ///
    /// # Errors
    /// If the envelope's body is no manifest.
    pub fn fields(&self) -> Result<Vec<Tlv<'_>>, Refusal> {
        let (_, fields) = Manifest::decode_unverified(self.envelope()?.body(), Reader::Inspector)?;
        Ok(fields.collect())
    }

    /// The signatures, unchecked.
    ///
    /// # Errors
    /// None after construction.
    pub fn signatures(&self) -> Result<Vec<SignatureEntry>, Refusal> {
        Ok(self.envelope()?.signatures().collect())
    }

    /// Envelope and digest table: what a manifest bank holds.
    ///
    /// # Errors
    /// If the package is cut short, or its body is no manifest.
    pub fn bank(&self) -> Result<&[u8]> {
        let end = self.manifest()?.payload_offset() as usize;
        self.bytes
            .get(..end)
            .context("the package is cut short: copy it again")
    }

    /// The payload: for payload format 0, the image as it lies in a slot.
    ///
    /// # Errors
    /// If the package is cut short, or its body is no manifest.
    pub fn payload(&self) -> Result<&[u8]> {
        let start = self.manifest()?.payload_offset() as usize;
        self.bytes
            .get(start..)
            .context("the package is cut short: copy it again")
    }
}

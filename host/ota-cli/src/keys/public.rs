//! Public keys: `PREFIX.pub`, and the set of them that a device trusts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use ed25519_dalek::pkcs8::PublicKeyBytes;
use ota_image::{PublicKey, Role, SoftwareCrypto, TrustAnchors};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::spki::SubjectPublicKeyInfoRef;
use p256::pkcs8::{Document, EncodePublicKey as _, LineEnding};

use super::role;
use crate::files;
use crate::refusal::Refusal;

/// A public key and the role that its file gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelledKey {
    /// What the key is for, if the file says it.
    pub role: Option<Role>,
    /// The key.
    pub key: PublicKey,
}

impl LabelledKey {
    /// Reads a `.pub` file: SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// If it cannot be read, is no public key of a known algorithm, or one that no signature can
    /// be trusted by.
    pub fn load(path: &Path) -> Result<Self> {
        let text = files::read_text(path)?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads what a `.pub` file contains.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str) -> Result<Self> {
        let role = role::find(text)?;
        let Ok((label, document)) = Document::from_pem(text) else {
            bail!("no public key in PEM: give a .pub file");
        };
        match label {
            "PUBLIC KEY" => {}
            "PRIVATE KEY" => bail!("this is a private key: give the .pub file"),
            other => bail!("a PEM block of {other:?}, not of a public key: give a .pub file"),
        }
        let key = decode(document.as_bytes())?;
        SoftwareCrypto::validate(&key).map_err(Refusal::from)?;
        Ok(Self { role, key })
    }

    /// What the `.pub` file contains.
    ///
    /// # Errors
    /// If the key is no point of its curve.
    pub fn to_pem(&self) -> Result<String> {
        let pem = match &self.key {
            PublicKey::Ed25519(bytes) => PublicKeyBytes(*bytes).to_public_key_pem(LineEnding::LF),
            PublicKey::P256(bytes) => {
                let mut point = vec![4];
                point.extend_from_slice(bytes);
                p256::PublicKey::from_sec1_bytes(&point)
                    .context("not a point of P-256")?
                    .to_public_key_pem(LineEnding::LF)
            }
        };
        let pem = pem.context("the key cannot be written in PEM")?;
        Ok(self.role.map(role::line).unwrap_or_default() + &pem)
    }

    /// The key's role, from its file or as asked for.
    ///
    /// # Errors
    /// If neither says it, or both and not the same.
    pub fn role_or(&self, asked: Option<Role>) -> Result<Role> {
        role::require(role::settle(self.role, asked)?)
    }
}

fn decode(der: &[u8]) -> Result<PublicKey> {
    let info = SubjectPublicKeyInfoRef::try_from(der).context("not a SubjectPublicKeyInfo")?;
    if info.algorithm.oid == ed25519_dalek::pkcs8::ALGORITHM_OID {
        let key = PublicKeyBytes::try_from(info).context("not an Ed25519 key")?;
        return Ok(PublicKey::Ed25519(key.to_bytes()));
    }
    let key = p256::PublicKey::try_from(info)
        .ok()
        .context("neither an Ed25519 nor a P-256 key")?;
    Ok(PublicKey::P256(p256_bytes(&key)?))
}

/// `x || y` of a point.
pub(super) fn p256_bytes(key: &p256::PublicKey) -> Result<[u8; 64]> {
    // SEC 1, uncompressed: the byte 4, then `x || y`.
    key.to_sec1_point(false)
        .as_bytes()
        .last_chunk()
        .copied()
        .context("not a point of P-256")
}

/// The first bytes of the key's digest, as in envelopes, in hexadecimal.
#[must_use]
pub fn key_id(key: &PublicKey) -> String {
    hex(&key.key_id(&mut SoftwareCrypto))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The public keys that a device trusts, read from files.
#[derive(Debug, Clone)]
pub struct Anchors {
    release: Vec<PublicKey>,
    boot: Vec<PublicKey>,
}

impl Anchors {
    /// Reads the keys of both roles; the order of boot keys is that of the revocation mask's bits.
    ///
    /// # Errors
    /// If a file cannot be read, says that it is for the other role, or if the keys make no trust
    /// anchors: none or too many for a role, the same twice, the same for both roles.
    pub fn load(release: &[PathBuf], boot: &[PathBuf]) -> Result<Self> {
        let keys = |paths: &[PathBuf], role| -> Result<Vec<PublicKey>> {
            paths.iter().map(|path| load_for(path, role)).collect()
        };
        Self::new(keys(release, Role::Release)?, keys(boot, Role::Boot)?)
    }

    /// Takes keys that are already there.
    ///
    /// # Errors
    /// If the keys make no trust anchors.
    pub fn new(release: Vec<PublicKey>, boot: Vec<PublicKey>) -> Result<Self> {
        let anchors = Self { release, boot };
        anchors.get()?;
        Ok(anchors)
    }

    /// The trust anchors, as the device's code takes them.
    ///
    /// # Errors
    /// None after [`new`](Self::new).
    pub fn get(&self) -> Result<TrustAnchors<'_>, Refusal> {
        Ok(TrustAnchors::new(&self.release, &self.boot)?)
    }
}

fn load_for(path: &Path, role: Role) -> Result<PublicKey> {
    let labelled = LabelledKey::load(path)?;
    labelled
        .role_or(Some(role))
        .with_context(|| path.display().to_string())?;
    Ok(labelled.key)
}

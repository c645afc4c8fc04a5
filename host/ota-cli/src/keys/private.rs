//! Private keys: `PREFIX.key`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use ed25519_dalek::pkcs8::KeypairBytes;
use ota_image::{Algorithm, PublicKey, Role};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding, PrivateKeyInfoRef, SecretDocument};
use zeroize::{Zeroize as _, Zeroizing};

use super::public::{LabelledKey, p256_bytes};
use super::role;
use crate::files;

/// A key that signs, and its role. Its memory is overwritten when it is dropped.
pub struct PrivateKey {
    role: Role,
    secret: Secret,
}

enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

/// A signature algorithm as it is written on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlgorithmArg {
    /// Ed25519: small and fast, the default.
    Ed25519,
    /// ECDSA on P-256: what most HSMs and chips with a public-key engine can do.
    P256,
}

impl PrivateKey {
    /// Makes a new key from the operating system's entropy.
    ///
    /// # Errors
    /// If the system has none.
    pub fn generate(role: Role, algorithm: Algorithm) -> Result<Self> {
        let secret = match algorithm {
            Algorithm::Ed25519 => Secret::Ed25519((&*entropy()?).into()),
            // A number that is not below the group's order comes up once in four billion times.
            Algorithm::P256 => loop {
                if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&*entropy()?) {
                    break Secret::P256(key);
                }
            },
        };
        Ok(Self { role, secret })
    }

    /// Reads a `.key` file: PKCS#8 in PEM, not encrypted. `role` is for files that do not say it.
    ///
    /// # Errors
    /// If it cannot be read, is no private key of a known algorithm, has no role or another one.
    pub fn load(path: &Path, role: Option<Role>) -> Result<Self> {
        let text = Zeroizing::new(files::read_text(path)?);
        Self::parse(&text, role).with_context(|| path.display().to_string())
    }

    /// Reads what a `.key` file contains.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, role: Option<Role>) -> Result<Self> {
        let in_file = role::find(text)?;
        let Ok((label, document)) = SecretDocument::from_pem(text) else {
            bail!("no private key in PEM: give a .key file");
        };
        check_label(label)?;
        let secret = decode(document.as_bytes())?;
        Ok(Self {
            role: role::require(role::settle(in_file, role)?)?,
            secret,
        })
    }

    /// What the `.key` file contains.
    ///
    /// # Errors
    /// None that is known of: the encoder's are passed on.
    pub fn to_pem(&self) -> Result<Zeroizing<String>> {
        let pem = match &self.secret {
            Secret::Ed25519(key) => {
                // Version 1, without the public key: OpenSSL does not read version 2.
                let mut pair = KeypairBytes {
                    secret_key: key.to_bytes(),
                    public_key: None,
                };
                let pem = pair.to_pkcs8_pem(LineEnding::LF);
                pair.secret_key.zeroize();
                pem
            }
            Secret::P256(key) => p256::SecretKey::from(key).to_pkcs8_pem(LineEnding::LF),
        };
        let pem = pem.context("the key cannot be written in PEM")?;
        Ok(Zeroizing::new(role::line(self.role) + &pem))
    }

    /// What the key is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The public key, with its role.
    ///
    /// # Errors
    /// None that is known of.
    pub fn public(&self) -> Result<LabelledKey> {
        let key = match &self.secret {
            Secret::Ed25519(key) => PublicKey::Ed25519(key.verifying_key().to_bytes()),
            Secret::P256(key) => PublicKey::P256(p256_bytes(&key.verifying_key().into())?),
        };
        Ok(LabelledKey {
            role: Some(self.role),
            key,
        })
    }

    /// Signs a message. P-256 signatures are deterministic (RFC 6979), with `s` in the lower half.
    ///
    /// # Errors
    /// None that is known of.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        match &self.secret {
            Secret::Ed25519(key) => Ok(key.try_sign(message)?.to_bytes()),
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message)?;
                Ok(signature.normalize_s().to_bytes().into())
            }
        }
    }
}

impl From<AlgorithmArg> for Algorithm {
    fn from(algorithm: AlgorithmArg) -> Self {
        match algorithm {
            AlgorithmArg::Ed25519 => Self::Ed25519,
            AlgorithmArg::P256 => Self::P256,
        }
    }
}

fn check_label(label: &str) -> Result<()> {
    match label {
        "PRIVATE KEY" => Ok(()),
        "PUBLIC KEY" => bail!("this is a public key: give the .key file"),
        "ENCRYPTED PRIVATE KEY" => {
            bail!("this key is encrypted: decrypt it with `openssl pkcs8`, or use --sign-with")
        }
        "EC PRIVATE KEY" => {
            bail!("an EC key in the old form: convert it with `openssl pkcs8 -topk8 -nocrypt`")
        }
        other => bail!("a PEM block of {other:?}, not of a private key: give a .key file"),
    }
}

fn decode(der: &[u8]) -> Result<Secret> {
    let info = PrivateKeyInfoRef::try_from(der)
        .ok()
        .context("not a key in PKCS#8")?;
    if info.algorithm.oid == ed25519_dalek::pkcs8::ALGORITHM_OID {
        let key = ed25519_dalek::SigningKey::try_from(info)
            .ok()
            .context("not an Ed25519 key")?;
        return Ok(Secret::Ed25519(key));
    }
    let key = p256::SecretKey::try_from(info)
        .ok()
        .context("neither an Ed25519 nor a P-256 key")?;
    Ok(Secret::P256(key.into()))
}

fn entropy() -> Result<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).context("the system gives no random numbers")?;
    Ok(seed)
}

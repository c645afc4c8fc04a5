//! Signatures in a package.

use anyhow::{Result, bail, ensure};
use ota_image::{
    Algorithm, Crypto as _, ENVELOPE_LEN, MAX_SIGNATURES, PublicKey, Role, SignatureEntry,
    SoftwareCrypto, signing_header, write_envelope,
};

use super::Package;
use crate::keys::{PrivateKey, role_name};
use crate::refusal::Refusal;

impl Package {
    /// The bytes that a key of this role and algorithm signs.
    ///
    /// # Errors
    /// None after construction.
    pub fn message(&self, role: Role, algorithm: Algorithm) -> Result<Vec<u8>> {
        let body = self.envelope()?.body();
        let header = signing_header(role, algorithm, u16::try_from(body.len())?);
        Ok([header.as_slice(), body].concat())
    }

    /// Signs with a private key, in its role.
    ///
    /// # Errors
    /// As [`add_signature`](Self::add_signature).
    pub fn sign(&mut self, key: &PrivateKey) -> Result<Signed> {
        let public = key.public()?.key;
        self.check_before_signing(key.role(), &public)?;
        let signature = key.sign(&self.message(key.role(), public.algorithm())?)?;
        self.add_signature(key.role(), &public, &signature)
    }

    /// What must hold before a key is asked for a signature.
    ///
    /// # Errors
    /// If the package is damaged or holds no firmware, or if this key has signed in the other role already: two
    /// roles are worth two signatures only as long as no key gives both.
    pub fn check_before_signing(&self, role: Role, key: &PublicKey) -> Result<()> {
        self.check_contents()?;
        self.check_kind()?;
        let other = match role {
            Role::Release => Role::Boot,
            Role::Boot => Role::Release,
        };
        let message = self.message(other, key.algorithm())?;
        for entry in self.signatures()? {
            if entry.role == other as u8
                && SoftwareCrypto
                    .verify(key, &[&message], &entry.signature)
                    .is_ok()
            {
                bail!(
                    "this key has signed as the {} key already: generate another for {}",
                    role_name(other),
                    role_name(role)
                );
            }
        }
        Ok(())
    }

    /// Adds a signature, or replaces the one by the same key in the same role. It is verified
    /// first.
    ///
    /// # Errors
    /// If the signature is not good, if [`check_before_signing`](Self::check_before_signing)
    /// refuses, or if there are four others already.
    pub fn add_signature(
        &mut self,
        role: Role,
        key: &PublicKey,
        signature: &[u8; 64],
    ) -> Result<Signed> {
        self.check_before_signing(role, key)?;
        let algorithm = key.algorithm();
        let message = self.message(role, algorithm)?;
        SoftwareCrypto
            .verify(key, &[&message], signature)
            .map_err(Refusal::from)?;
        let entry = SignatureEntry {
            role: role as u8,
            algorithm: algorithm as u8,
            key_id: key.key_id(&mut SoftwareCrypto),
            signature: *signature,
        };
        self.put(entry)
    }

    fn put(&mut self, entry: SignatureEntry) -> Result<Signed> {
        let mut entries = self.signatures()?;
        let who = |e: &SignatureEntry| (e.role, e.algorithm, e.key_id);
        let signed = match entries.iter_mut().find(|e| who(e) == who(&entry)) {
            Some(old) => {
                *old = entry;
                Signed::Replaced
            }
            None => {
                ensure!(
                    entries.len() < MAX_SIGNATURES,
                    "the package has {MAX_SIGNATURES} signatures already: pack it again without \
                     those that are not needed"
                );
                entries.push(entry);
                Signed::Added
            }
        };
        let envelope = write_envelope(self.envelope()?.body(), &entries).map_err(Refusal::from)?;
        self.bytes.splice(..ENVELOPE_LEN, envelope);
        Ok(signed)
    }
}

/// What became of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// It was added.
    Added,
    /// It took the place of an earlier one by the same key in the same role.
    Replaced,
}

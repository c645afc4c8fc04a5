//! Cryptography in software, by well-kept crates.

use sha2::Digest as _;

use crate::{Algorithm, BadSignature, Crypto, Digest, Hasher, KeyError, PublicKey};

/// SHA-256 by `sha2`, and the algorithms whose features are enabled: `ed25519` by
/// `ed25519-compact`, `p256` by the crate of that name.
///
/// A key whose feature is off verifies nothing: [`supports`](Self::supports) tells, at compile
/// time if need be.
#[derive(Clone, Copy, Default, Debug)]
pub struct SoftwareCrypto;

/// A SHA-256 computation by `sha2`.
#[derive(Clone, Default)]
pub struct SoftwareHasher(sha2::Sha256);

impl Hasher for SoftwareHasher {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl Crypto for SoftwareCrypto {
    type Hasher<'a> = SoftwareHasher;

    fn sha256(&mut self) -> SoftwareHasher {
        SoftwareHasher::default()
    }

    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        match key {
            PublicKey::Ed25519(key) => ed25519::verify(key, message, signature),
            PublicKey::P256(key) => p256::verify(key, message, signature),
        }
    }
}

impl SoftwareCrypto {
    /// Whether the algorithm's feature is enabled.
    #[must_use]
    pub const fn supports(algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Ed25519 => cfg!(feature = "ed25519"),
            Algorithm::P256 => cfg!(feature = "p256"),
        }
    }

    /// Checks that a key can verify anything at all: for tools, before a key is built into
    /// firmware. Verification refuses such keys by itself.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is no canonical point of the curve or one of small order;
    /// [`KeyError::Unsupported`] if the algorithm's feature is off.
    pub fn validate(key: &PublicKey) -> Result<(), KeyError> {
        if !Self::supports(key.algorithm()) {
            return Err(KeyError::Unsupported);
        }
        let valid = match key {
            PublicKey::Ed25519(key) => ed25519::is_valid(key),
            PublicKey::P256(key) => p256::is_valid(key),
        };
        if valid {
            Ok(())
        } else {
            Err(KeyError::Invalid)
        }
    }
}

#[cfg(feature = "ed25519")]
mod ed25519 {
    use ed25519_compact::{PublicKey, Signature};

    use crate::BadSignature;

    /// Cofactored; small-order keys, small-order `R`, non-canonical points and scalars refused.
    pub(super) fn verify(
        key: &[u8; 32],
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        let key = PublicKey::new(*key);
        let mut state = key
            .verify_incremental(&Signature::new(*signature))
            .map_err(|_| BadSignature)?;
        for part in message {
            state.absorb(part);
        }
        state.verify().map_err(|_| BadSignature)
    }

    pub(super) fn is_valid(key: &[u8; 32]) -> bool {
        PublicKey::new(*key).validate().is_ok()
    }
}

#[cfg(not(feature = "ed25519"))]
mod ed25519 {
    pub(super) fn verify(
        _: &[u8; 32],
        _: &[&[u8]],
        _: &[u8; 64],
    ) -> Result<(), crate::BadSignature> {
        Err(crate::BadSignature)
    }

    pub(super) fn is_valid(_: &[u8; 32]) -> bool {
        false
    }
}

#[cfg(feature = "p256")]
mod p256 {
    use p256::ecdsa::signature::hazmat::PrehashVerifier;
    use p256::ecdsa::{Signature, VerifyingKey};
    use sha2::Digest as _;

    use crate::BadSignature;

    /// Refuses `s` above half the group's order: otherwise anyone could turn a signature into a
    /// second valid one.
    pub(super) fn verify(
        key: &[u8; 64],
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        let key = parse(key).ok_or(BadSignature)?;
        let signature = Signature::from_slice(signature).map_err(|_| BadSignature)?;
        if signature.normalize_s() != signature {
            return Err(BadSignature);
        }
        let mut hasher = sha2::Sha256::new();
        for part in message {
            hasher.update(part);
        }
        key.verify_prehash(&hasher.finalize(), &signature)
            .map_err(|_| BadSignature)
    }

    pub(super) fn is_valid(key: &[u8; 64]) -> bool {
        parse(key).is_some()
    }

    /// A point in the uncompressed form of SEC 1 is the byte 4, then `x`, then `y`.
    fn parse(key: &[u8; 64]) -> Option<VerifyingKey> {
        let mut sec1 = [4; 65];
        sec1.last_chunk_mut::<64>()?.copy_from_slice(key);
        VerifyingKey::from_sec1_bytes(&sec1).ok()
    }
}

#[cfg(not(feature = "p256"))]
mod p256 {
    pub(super) fn verify(
        _: &[u8; 64],
        _: &[&[u8]],
        _: &[u8; 64],
    ) -> Result<(), crate::BadSignature> {
        Err(crate::BadSignature)
    }

    pub(super) fn is_valid(_: &[u8; 64]) -> bool {
        false
    }
}

//! What the rest of the crate asks of cryptography, so that a smaller library, or a chip's hash
//! and public-key engine, can take the place of [`SoftwareCrypto`](crate::SoftwareCrypto).

use core::fmt;

use crate::{Digest, PublicKey};

/// First byte hashed into a chunk's digest.
const CHUNK_DOMAIN: u8 = 0;
/// First byte hashed into a table page's digest, so that a page never passes for a chunk.
const PAGE_DOMAIN: u8 = 1;
/// First byte hashed into a release id.
pub(crate) const RELEASE_DOMAIN: u8 = 2;

/// A SHA-256 computation under way.
pub trait Hasher {
    /// Adds `bytes` to what is hashed.
    fn update(&mut self, bytes: &[u8]);
    /// The digest of everything added.
    fn finish(self) -> Digest;
}

/// SHA-256 and the verification of signatures.
///
/// An implementation must be strict. Ed25519: encodings canonical, public keys of small order
/// refused, the equation multiplied by the cofactor (RFC 8032, section 5.1.7). P-256: SHA-256,
/// `r` and `s` in range, `s` at most half the order of the group.
pub trait Crypto {
    /// A SHA-256 computation; borrows the engine, because a chip has one.
    type Hasher<'a>: Hasher
    where
        Self: 'a;

    /// Starts a SHA-256 computation.
    fn sha256(&mut self) -> Self::Hasher<'_>;

    /// Checks `signature` by `key` over the parts of `message`, in order, with nothing between.
    ///
    /// # Errors
    /// [`BadSignature`] if it is not a valid signature, if the key is not a valid key, or if this
    /// implementation lacks the key's algorithm.
    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature>;
}

impl<T: Crypto> Crypto for &mut T {
    type Hasher<'a>
        = T::Hasher<'a>
    where
        Self: 'a;

    fn sha256(&mut self) -> Self::Hasher<'_> {
        (**self).sha256()
    }

    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        (**self).verify(key, message, signature)
    }
}

/// A signature does not verify.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadSignature;

impl BadSignature {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(self) -> u16 {
        0x0200
    }
}

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify: check that it was made with this key")
    }
}

impl core::error::Error for BadSignature {}

/// SHA-256 of `bytes`.
pub fn sha256_of<C: Crypto>(crypto: &mut C, bytes: &[u8]) -> Digest {
    let mut hasher = crypto.sha256();
    hasher.update(bytes);
    hasher.finish()
}

/// Starts the digest of a chunk, for callers that stream it from flash: add the chunk's bytes,
/// finish, and ask [`ChunkDigest::matches_digest`](crate::ChunkDigest::matches_digest).
pub fn chunk_hasher<C: Crypto>(crypto: &mut C) -> C::Hasher<'_> {
    in_domain(crypto, CHUNK_DOMAIN)
}

/// Starts the digest of a page of the digest table, for whoever builds packages.
pub fn page_hasher<C: Crypto>(crypto: &mut C) -> C::Hasher<'_> {
    in_domain(crypto, PAGE_DOMAIN)
}

/// Starts a digest whose first byte is `domain`.
pub(crate) fn in_domain<C: Crypto>(crypto: &mut C, domain: u8) -> C::Hasher<'_> {
    let mut hasher = crypto.sha256();
    hasher.update(&[domain]);
    hasher
}

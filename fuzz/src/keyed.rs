//! Signatures that cost no elliptic curve, so that the fuzzer gets behind them quickly.

use ota_image::{
    Algorithm, BadSignature, Crypto, Hasher, PublicKey, Role, SignatureEntry, SoftwareCrypto,
    SoftwareHasher, signing_header,
};

/// The release key of these signatures.
pub(crate) const RELEASE: PublicKey = PublicKey::Ed25519([1; 32]);
/// The boot key of these signatures.
pub(crate) const BOOT: PublicKey = PublicKey::Ed25519([2; 32]);

/// A signature is two hashes over key and message. Whoever has the public key can make one; but
/// one that was not made does not verify.
#[derive(Clone, Copy)]
pub(crate) struct KeyedHash;

fn signature(key: &PublicKey, message: &[&[u8]]) -> [u8; 64] {
    let half = |number| {
        let mut hasher = SoftwareCrypto.sha256();
        hasher.update(&[number]);
        hasher.update(key.as_bytes());
        message.iter().for_each(|part| hasher.update(part));
        hasher.finish().0
    };
    let mut both = [0; 64];
    both[..32].copy_from_slice(&half(0));
    both[32..].copy_from_slice(&half(1));
    both
}

/// The signature of a body.
pub(crate) fn sign(role: Role, key: &PublicKey, body: &[u8]) -> SignatureEntry {
    let len = u16::try_from(body.len()).expect("a short body");
    let header = signing_header(role, Algorithm::Ed25519, len);
    SignatureEntry {
        role: role as u8,
        algorithm: Algorithm::Ed25519 as u8,
        key_id: key.key_id(&mut KeyedHash),
        signature: signature(key, &[&header, body]),
    }
}

impl Crypto for KeyedHash {
    type Hasher<'a> = SoftwareHasher;

    fn sha256(&mut self) -> SoftwareHasher {
        SoftwareCrypto.sha256()
    }

    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        found: &[u8; 64],
    ) -> Result<(), BadSignature> {
        if *found == signature(key, message) {
            Ok(())
        } else {
            Err(BadSignature)
        }
    }
}

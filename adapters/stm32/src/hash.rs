//! SHA-256 by the chip.

use embassy_stm32::hash::{Algorithm, Context, DataType, Hash, Instance};
use embassy_stm32::mode::Blocking;
use ota_image::{BadSignature, Crypto, Digest, Hasher, PublicKey};

/// SHA-256 by the hash peripheral, signatures by another [`Crypto`].
pub struct HashCrypto<'d, T: Instance, C> {
    hash: Hash<'d, T, Blocking>,
    signatures: C,
}

impl<'d, T: Instance, C> HashCrypto<'d, T, C> {
    /// Hashes with this peripheral, and verifies with `signatures`.
    pub const fn new(hash: Hash<'d, T, Blocking>, signatures: C) -> Self {
        Self { hash, signatures }
    }
}

/// A SHA-256 computation in the hash peripheral.
pub struct ChipHasher<'a, 'd, T: Instance> {
    hash: &'a mut Hash<'d, T, Blocking>,
    context: Context<'static>,
}

impl<T: Instance> Hasher for ChipHasher<'_, '_, T> {
    fn update(&mut self, bytes: &[u8]) {
        self.hash.update_blocking(&mut self.context, bytes);
    }

    fn finish(self) -> Digest {
        let mut digest = Digest([0; 32]);
        self.hash.finish_blocking(self.context, &mut digest.0);
        digest
    }
}

impl<'d, T: Instance, C: Crypto> Crypto for HashCrypto<'d, T, C> {
    type Hasher<'a>
        = ChipHasher<'a, 'd, T>
    where
        Self: 'a;

    fn sha256(&mut self) -> Self::Hasher<'_> {
        let context = self.hash.start(Algorithm::SHA256, DataType::Width8, None);
        ChipHasher {
            hash: &mut self.hash,
            context,
        }
    }

    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        self.signatures.verify(key, message, signature)
    }
}

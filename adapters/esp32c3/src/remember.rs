//! Signatures that were verified before are not verified again.

use ota_image::{BadSignature, Crypto, Digest, Hasher, PublicKey};

/// As many as a boot asks for: those of the two banks.
const REMEMBERED: usize = 2;

/// Another [`Crypto`] that does not verify the same signature twice: one takes a tenth of a second
/// and more, and a boot asks up to three times for the same.
///
/// What is remembered is the SHA-256 of key, signature and message, in RAM, for as long as this lives.
pub struct Remember<C> {
    crypto: C,
    valid: [Option<Digest>; REMEMBERED],
}

impl<C: Crypto> Remember<C> {
    /// Remembers nothing yet.
    pub const fn new(crypto: C) -> Self {
        Self {
            crypto,
            valid: [None; REMEMBERED],
        }
    }

    /// Of all that decides whether a signature is valid. What is before the message has one length.
    fn question(&mut self, key: &PublicKey, message: &[&[u8]], signature: &[u8; 64]) -> Digest {
        let mut hasher = self.crypto.sha256();
        let mut padded = [0; 64];
        let (algorithm, key): (u8, &[u8]) = match key {
            PublicKey::Ed25519(key) => (0, key),
            PublicKey::P256(key) => (1, key),
        };
        for (place, byte) in padded.iter_mut().zip(key) {
            *place = *byte;
        }
        hasher.update(&[algorithm]);
        hasher.update(&padded);
        hasher.update(signature);
        for part in message {
            hasher.update(part);
        }
        hasher.finish()
    }
}

impl<C: Crypto> Crypto for Remember<C> {
    type Hasher<'a>
        = C::Hasher<'a>
    where
        Self: 'a;

    fn sha256(&mut self) -> C::Hasher<'_> {
        self.crypto.sha256()
    }

    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        let question = self.question(key, message, signature);
        if self.valid.contains(&Some(question)) {
            return Ok(());
        }
        self.crypto.verify(key, message, signature)?;
        self.valid.rotate_right(1);
        self.valid[0] = Some(question);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ota_image::{SoftwareCrypto, SoftwareHasher};

    /// Takes a signature for valid that begins with a 1, and counts.
    struct Counting(u32);

    impl Crypto for Counting {
        type Hasher<'a> = SoftwareHasher;

        fn sha256(&mut self) -> SoftwareHasher {
            SoftwareCrypto.sha256()
        }

        fn verify(
            &mut self,
            _: &PublicKey,
            _: &[&[u8]],
            signature: &[u8; 64],
        ) -> Result<(), BadSignature> {
            self.0 += 1;
            if signature[0] == 1 {
                Ok(())
            } else {
                Err(BadSignature)
            }
        }
    }

    const KEY: PublicKey = PublicKey::Ed25519([7; 32]);
    const GOOD: [u8; 64] = [1; 64];

    #[test]
    fn a_valid_signature_is_verified_once() {
        let mut crypto = Remember::new(Counting(0));
        for _ in 0..3 {
            assert_eq!(crypto.verify(&KEY, &[b"ab", b"c"], &GOOD), Ok(()));
        }
        // The parts are not what is signed.
        assert_eq!(crypto.verify(&KEY, &[b"a", b"bc"], &GOOD), Ok(()));
        assert_eq!(crypto.crypto.0, 1);
    }

    #[test]
    fn another_key_message_or_signature_is_another_question() {
        let mut crypto = Remember::new(Counting(0));
        let (mut other, mut point) = (GOOD, [7; 64]);
        other[63] = 0;
        let one = PublicKey::P256(point);
        point[63] = 0;
        let questions: [(PublicKey, &[u8], [u8; 64]); 6] = [
            (one, b"abc", GOOD),
            (PublicKey::P256(point), b"abc", GOOD),
            (KEY, b"abc", GOOD),
            (PublicKey::Ed25519([8; 32]), b"abc", GOOD),
            (KEY, b"abd", GOOD),
            (KEY, b"abc", other),
        ];
        for (asked, (key, message, signature)) in (1..).zip(&questions) {
            assert_eq!(crypto.verify(key, &[message], signature), Ok(()));
            assert_eq!(crypto.crypto.0, asked);
        }
    }

    #[test]
    fn an_invalid_signature_is_never_remembered() {
        let mut crypto = Remember::new(Counting(0));
        for _ in 0..2 {
            assert_eq!(crypto.verify(&KEY, &[b"abc"], &[0; 64]), Err(BadSignature));
        }
        assert_eq!(crypto.crypto.0, 2);
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut crypto = Remember::new(Counting(0));
        let mut ask = |message: &[u8]| {
            assert_eq!(crypto.verify(&KEY, &[message], &GOOD), Ok(()));
            crypto.crypto.0
        };
        assert_eq!((ask(b"1"), ask(b"2"), ask(b"1"), ask(b"3")), (1, 2, 2, 3));
        assert_eq!((ask(b"2"), ask(b"1")), (3, 4));
    }
}

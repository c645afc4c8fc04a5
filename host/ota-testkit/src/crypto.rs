//! Real cryptography that does not check the same signature twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ota_image::{BadSignature, Crypto, PublicKey, SoftwareCrypto};

type Seen = HashMap<(Vec<u8>, Vec<u8>, [u8; 64]), Result<(), BadSignature>>;

/// [`SoftwareCrypto`] with a memory: a sweep of cuts verifies the same few envelopes a hundred
/// thousand times. Clones share the memory.
#[derive(Clone, Default)]
pub struct RememberingCrypto {
    real: SoftwareCrypto,
    seen: Arc<Mutex<Seen>>,
}

impl Crypto for RememberingCrypto {
    type Hasher<'a> = <SoftwareCrypto as Crypto>::Hasher<'a>;

    fn sha256(&mut self) -> Self::Hasher<'_> {
        self.real.sha256()
    }

    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        let question = (key.as_bytes().to_vec(), message.concat(), *signature);
        let known = self
            .seen
            .lock()
            .expect("no test panics while it holds this")
            .get(&question)
            .copied();
        known.unwrap_or_else(|| {
            let answer = self.real.verify(key, message, signature);
            self.seen
                .lock()
                .expect("no test panics while it holds this")
                .insert(question, answer);
            answer
        })
    }
}

//! SHA-256 by the chip.

use core::marker::PhantomData;

use ota_image::{BadSignature, Crypto, Digest, Hasher, PublicKey};

use super::Register;

/// `SYSTEM_PERIP_CLK_EN1` and `SYSTEM_PERIP_RST_EN1`: bit 2 is the accelerator's. Digital signature and
/// HMAC use it, and hold it in reset while they are: bits 4 and 5.
const CLOCKS: Register = Register(0x600C_0014);
const RESETS: Register = Register(0x600C_001C);
const SHA: u32 = 1 << 2;
const HOLDERS: u32 = 1 << 4 | 1 << 5;

const MODE: Register = Register(0x6003_B000);
const SHA_256: u32 = 2;
/// Begins with a block; goes on with one.
const START: Register = Register(0x6003_B010);
const CONTINUE: Register = Register(0x6003_B014);
const BUSY: Register = Register(0x6003_B018);
/// The digest so far, and the block: their bytes in the order of memory.
const DIGEST: u32 = 0x6003_B040;
const MESSAGE: u32 = 0x6003_B080;

const BLOCK: usize = 64;
/// Where in the last block the length begins.
const LENGTH_AT: usize = BLOCK - 8;

/// SHA-256 by the chip's accelerator, signatures by another [`Crypto`].
pub struct HashCrypto<C> {
    signatures: C,
}

impl<C> HashCrypto<C> {
    /// Switches the accelerator on, and verifies with `signatures`.
    ///
    /// # Safety
    /// Nobody else may use the accelerator for as long as this lives: no other one of these, no
    /// driver of a HAL.
    #[must_use]
    pub unsafe fn new(signatures: C) -> Self {
        // SAFETY: affects the accelerator, which is this one's (the caller's promise), and two that have
        // no clock.
        unsafe {
            CLOCKS.change(0, SHA);
            RESETS.change(SHA | HOLDERS, 0);
            MODE.write(SHA_256);
        }
        Self { signatures }
    }
}

/// A SHA-256 computation in the accelerator.
pub struct ChipHasher<'a> {
    /// Bytes that do not make a block yet.
    rest: [u8; BLOCK],
    /// All bytes so far.
    len: usize,
    /// There is one accelerator.
    engine: PhantomData<&'a mut ()>,
}

impl ChipHasher<'_> {
    /// How many bytes of `rest` there are.
    const fn waiting(&self) -> usize {
        self.len % BLOCK
    }
}

/// Adds a block to the digest: the first one, or another one.
fn process(block: &[u8; BLOCK], first: bool) {
    let (words, _) = block.as_chunks::<4>();
    // SAFETY: the accelerator is ours for as long as there is a hasher. It is not busy here.
    unsafe {
        for (place, word) in (MESSAGE..).step_by(4).zip(words) {
            Register(place).write(u32::from_le_bytes(*word));
        }
        let how = if first { START } else { CONTINUE };
        how.write(1);
    }
    while BUSY.read() & 1 != 0 {}
}

impl Hasher for ChipHasher<'_> {
    fn update(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let waiting = self.waiting();
            let first = self.len < BLOCK;
            let done = match (waiting, bytes.first_chunk()) {
                (0, Some(block)) => {
                    process(block, first);
                    BLOCK
                }
                _ => {
                    let room = self.rest.get_mut(waiting..).unwrap_or_default();
                    let count = room.len().min(bytes.len());
                    for (place, byte) in room.iter_mut().zip(bytes) {
                        *place = *byte;
                    }
                    if waiting + count == BLOCK {
                        process(&self.rest, first);
                    }
                    count
                }
            };
            self.len += done;
            bytes = bytes.get(done..).unwrap_or_default();
        }
    }

    fn finish(mut self) -> Digest {
        // FIPS 180-4, section 5.1.1: a one, zeros, and the length in bits.
        let bits = (self.len as u64).wrapping_mul(8).to_be_bytes();
        self.update(&[0x80]);
        while self.waiting() != LENGTH_AT {
            self.update(&[0]);
        }
        self.update(&bits);
        let mut digest = [0; 32];
        let (words, _) = digest.as_chunks_mut::<4>();
        for (place, word) in (DIGEST..).step_by(4).zip(words) {
            *word = Register(place).read().to_le_bytes();
        }
        Digest(digest)
    }
}

impl<C: Crypto> Crypto for HashCrypto<C> {
    type Hasher<'a>
        = ChipHasher<'a>
    where
        Self: 'a;

    fn sha256(&mut self) -> ChipHasher<'_> {
        ChipHasher {
            rest: [0; BLOCK],
            len: 0,
            engine: PhantomData,
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

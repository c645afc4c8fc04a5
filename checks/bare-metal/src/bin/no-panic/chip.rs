//! Values that the compiler knows nothing of, and someone who needs every result.

use ota_client::{Fault, Reply};
use ota_image::{BadSignature, Crypto, Digest, Hasher, PublicKey};

unsafe extern "C" {
    fn chip_number() -> u32;
    fn chip_fill(bytes: *mut u8, len: usize);
    fn chip_show(number: u32);
    fn chip_hash(bytes: *const u8, len: usize);
    fn chip_verify(key: *const u8, signature: *const u8) -> u32;
}

/// Any number.
pub(crate) fn number() -> u32 {
    // SAFETY: is not run. So for all calls here.
    unsafe { chip_number() }
}

/// Any long number.
pub(crate) fn long() -> u64 {
    u64::from(number()) << 32 | u64::from(number())
}

/// Any bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // SAFETY: see `number`.
    unsafe { chip_fill(bytes.as_mut_ptr(), N) };
    bytes
}

/// As many of these bytes as nobody knows.
pub(crate) fn some<const N: usize>(bytes: &mut [u8; N]) -> &mut [u8] {
    // SAFETY: see `number`.
    unsafe { chip_fill(bytes.as_mut_ptr(), N) };
    bytes.get_mut(..number() as usize).unwrap_or_default()
}

/// Needs this result.
pub(crate) fn show(result: impl Into<u32>) {
    // SAFETY: see `number`.
    unsafe { chip_show(result.into()) }
}

/// Needs these bytes.
pub(crate) fn show_bytes(bytes: &[u8]) {
    // SAFETY: see `number`.
    unsafe { chip_hash(bytes.as_ptr(), bytes.len()) }
}

pub(crate) struct ChipCrypto;

pub(crate) struct ChipHasher;

impl Hasher for ChipHasher {
    fn update(&mut self, bytes: &[u8]) {
        show_bytes(bytes);
    }
    fn finish(self) -> Digest {
        Digest(bytes())
    }
}

impl Crypto for ChipCrypto {
    type Hasher<'a> = ChipHasher;

    fn sha256(&mut self) -> ChipHasher {
        ChipHasher
    }
    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        for part in message {
            show_bytes(part);
        }
        // SAFETY: see `number`.
        match unsafe { chip_verify(key.as_bytes().as_ptr(), signature.as_ptr()) } {
            0 => Ok(()),
            _ => Err(BadSignature),
        }
    }
}

/// Any fault.
pub(crate) fn fault() -> Fault {
    match number() {
        0 => Fault::Link,
        1 => Fault::Unavailable(7),
        2 => Fault::Changed,
        3 => Fault::NotFound,
        _ => Fault::Damaged,
    }
}

/// Any answer's head.
pub(crate) fn reply() -> Reply {
    Reply {
        offset: number(),
        length: number(),
        total: (number() == 0).then(number),
    }
}

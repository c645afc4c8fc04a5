#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::unreachable
    )
)]

#[cfg(test)]
extern crate std;

mod field;
mod point;
mod scalar;
#[cfg(test)]
mod tests;

use ota_image::{BadSignature, Crypto, PublicKey, SoftwareCrypto, SoftwareHasher};
use point::{MINUS_BASE, Point};
use sha2::{Digest, Sha512};

/// SHA-256 by `sha2`, as in [`SoftwareCrypto`], and Ed25519 in few bytes of code. A P-256 key
/// verifies nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct SmallCrypto;

impl Crypto for SmallCrypto {
    type Hasher<'a> = SoftwareHasher;

    fn sha256(&mut self) -> SoftwareHasher {
        SoftwareCrypto.sha256()
    }

    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        match key {
            PublicKey::Ed25519(key) => verify(key, message, signature).ok_or(BadSignature),
            PublicKey::P256(_) => Err(BadSignature),
        }
    }
}

/// 8(hA + R - SB) = 0: RFC 8032, section 5.1.7. `None` if it does not hold.
fn verify(key: &[u8; 32], message: &[&[u8]], signature: &[u8; 64]) -> Option<()> {
    let (r, s) = signature.split_first_chunk::<32>()?;
    let s = s.first_chunk::<32>()?;
    if !scalar::is_canonical(s) {
        return None;
    }
    let (a, r_point) = (decode(key)?, decode(r)?);
    let h = scalar::reduce(&hash(r, key, message));
    let difference = combine(s, &Point::decode(&MINUS_BASE)?, &h, &a).add(&r_point);
    difference.has_small_order().then_some(())
}

/// Points of small order are refused: with such a key, a signature would hold for many messages.
fn decode(bytes: &[u8; 32]) -> Option<Point> {
    Point::decode(bytes).filter(|point| !point.has_small_order())
}

fn hash(r: &[u8; 32], key: &[u8; 32], message: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha512::new();
    hasher.update(r);
    hasher.update(key);
    for part in message {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// `s` times `p` plus `t` times `q`, bit by bit from the top.
fn combine(s: &[u8; 32], p: &Point, t: &[u8; 32], q: &Point) -> Point {
    let both = p.add(q);
    let mut sum = Point::identity();
    for index in (0..scalar::BITS).rev() {
        sum = sum.add(&sum);
        match (scalar::bit(s, index), scalar::bit(t, index)) {
            (true, true) => sum = sum.add(&both),
            (true, false) => sum = sum.add(p),
            (false, true) => sum = sum.add(q),
            (false, false) => {}
        }
    }
    sum
}

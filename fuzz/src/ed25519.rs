//! The small Ed25519 verification against the one of `SoftwareCrypto`: the same answer for every
//! key, message and signature.

use ed25519_compact::{KeyPair, Seed};
use ota_image::{Crypto, PublicKey, SoftwareCrypto};
use ota_small_crypto::SmallCrypto;

use crate::input::Input;

/// Encodings of which verification has to be careful: points of order 1, 2, 4 and 8, encodings
/// that are not canonical, the prime, the order of the group.
const SPECIAL: [[u8; 32]; 8] = {
    let mut all = [[0; 32]; 8];
    all[0][0] = 1;
    all[1] = [0xFF; 32];
    all[1][0] = 0xEC;
    all[1][31] = 0x7F;
    all[3] = [
        0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98,
        0xF0, 0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53,
        0xFC, 0x05,
    ];
    all[4] = all[1];
    all[4][0] = 0xED;
    all[5] = [0xFF; 32];
    all[6][0] = 1;
    all[6][31] = 0x80;
    all[7] = [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    all
};

/// Adds the order of the group to a scalar: a second form of the same, to be refused.
fn plus_order(scalar: &mut [u8]) {
    let mut carry = 0;
    for (byte, add) in scalar.iter_mut().zip(SPECIAL[7]) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = ((sum & 0xFF) as u8, sum >> 8);
    }
}

/// Input: seed (32), number of changes, the changes, and the message. Whatever the changes are to, key and
/// signature were good before.
///
/// # Panics
/// If the two disagree, or refuse what was not changed.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let mut seed: [u8; 32] = input.array();
    seed[0] |= 1; // The library refuses a seed of zeros.
    let pair = KeyPair::from_seed(Seed::new(seed));
    let mut parts = [[0; 32]; 3];
    parts[0] = *pair.pk;
    let changes: Vec<[u8; 3]> = (0..input.byte() % 4).map(|_| input.array()).collect();
    let fresh: [u8; 32] = if changes.iter().any(|change| change[0] % 4 == 2) {
        input.array()
    } else {
        [0; 32]
    };
    let message = input.rest();
    let signature = pair.sk.sign(message, None);
    parts[1].copy_from_slice(&signature[..32]);
    parts[2].copy_from_slice(&signature[32..]);
    let honest = parts;
    for [kind, part, what] in changes {
        let part = &mut parts[usize::from(part) % 3];
        match kind % 4 {
            0 => part[usize::from(what) / 8] ^= 1 << (what % 8),
            1 => *part = SPECIAL[usize::from(what) % 8],
            2 => *part = fresh,
            _ => plus_order(part),
        }
    }
    let found = verify(&parts, message);
    assert!(found || parts != honest, "an honest signature is refused");
}

fn verify([key, r, s]: &[[u8; 32]; 3], message: &[u8]) -> bool {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s);
    let key = PublicKey::Ed25519(*key);
    let (front, back) = message.split_at(message.len() / 2);
    let small = SmallCrypto.verify(&key, &[front, back], &signature).is_ok();
    let large = SoftwareCrypto
        .verify(&key, &[front, back], &signature)
        .is_ok();
    assert_eq!(small, large, "{key:02x?} {signature:02x?} {message:02x?}");
    small
}

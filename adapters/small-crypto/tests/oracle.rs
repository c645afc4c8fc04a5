//! Against another implementation, and against the test vectors of Wycheproof.

use ed25519_compact::{KeyPair, Seed, Signature};
use ota_image::{Crypto, PublicKey};
use ota_small_crypto::SmallCrypto;
use proptest::prelude::*;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

fn small(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    SmallCrypto
        .verify(&PublicKey::Ed25519(*key), &[message], signature)
        .is_ok()
}

fn compact(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    ed25519_compact::PublicKey::new(*key)
        .verify(message, &Signature::new(*signature))
        .is_ok()
}

#[test]
fn the_vectors_of_wycheproof_verify_or_do_not_as_they_say() {
    let set = TestSet::load(TestName::Ed25519).expect("they can be read");
    let (mut good, mut bad) = (0, 0);
    for group in set.test_groups {
        let key: [u8; 32] = group.key.pk.as_ref().try_into().expect("32 bytes");
        for test in group.tests {
            // Of another length, it is no signature by its type.
            let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_ref()) else {
                assert_eq!(test.result, TestResult::Invalid);
                continue;
            };
            let expected = test.result == TestResult::Valid;
            let message = test.msg.as_ref();
            assert_eq!(small(&key, message, &signature), expected, "{}", test.tc_id);
            if expected {
                good += 1;
            } else {
                bad += 1;
            }
        }
    }
    assert!(good >= 60 && bad >= 30, "{good} good ones, {bad} bad ones");
}

#[test]
fn the_message_may_come_in_parts_and_other_algorithms_verify_nothing() {
    let pair = KeyPair::from_seed(Seed::new([3; 32]));
    let signature = *pair.sk.sign(b"one message", None);
    let key = PublicKey::Ed25519(*pair.pk);
    let mut crypto = SmallCrypto;
    assert!(
        crypto
            .verify(&key, &[b"one ", b"", b"message"], &signature)
            .is_ok()
    );
    assert!(
        crypto
            .verify(&key, &[b"one", b"message"], &signature)
            .is_err()
    );
    let other = PublicKey::P256([1; 64]);
    assert!(
        crypto
            .verify(&other, &[b"one message"], &signature)
            .is_err()
    );
}

/// A byte string that has `bit` changed.
fn flipped<const N: usize>(bytes: &[u8; N], bit: usize) -> [u8; N] {
    let mut bytes = *bytes;
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn good_signatures_verify_and_no_changed_one_does(
        seed: [u8; 32],
        message: Vec<u8>,
        bit in 0_usize..512,
    ) {
        let pair = KeyPair::from_seed(Seed::new(seed));
        let (signature, key) = (*pair.sk.sign(&message, None), *pair.pk);
        prop_assert!(small(&key, &message, &signature));
        prop_assert!(!small(&key, &message, &flipped(&signature, bit)));
        prop_assert!(!small(&flipped(&key, bit / 2), &message, &signature));
        let longer = [&message[..], b"!"].concat();
        prop_assert!(!small(&key, &longer, &signature));
    }

    #[test]
    fn both_implementations_agree_about_arbitrary_bytes(
        key: [u8; 32],
        r: [u8; 32],
        s: [u8; 32],
        message: Vec<u8>,
    ) {
        let signature: [u8; 64] = [r, s].concat().try_into().expect("64 bytes");
        prop_assert_eq!(small(&key, &message, &signature), compact(&key, &message, &signature));
    }
}

//! The signature vectors of Wycheproof against `SoftwareCrypto`.
//!
//! Provenance: the files `ed25519_test.json` and `ecdsa_secp256r1_sha256_p1363_test.json` of
//! <https://github.com/C2SP/wycheproof>, as the crate `wycheproof` 0.7 carries them (Apache-2.0).

use ota_image::{Crypto, PublicKey, SoftwareCrypto};
use wycheproof::{TestResult, ecdsa, eddsa};

/// The order of the group of P-256, big-endian.
const ORDER: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];

fn verifies(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    SoftwareCrypto.verify(key, &[message], signature).is_ok()
}

/// The order less `s`, if `s` is not above the order.
fn negated(s: [u8; 32]) -> Option<[u8; 32]> {
    let (mut out, mut borrow) = ([0; 32], false);
    for (to, (a, b)) in out.iter_mut().zip(ORDER.into_iter().zip(s)).rev() {
        let (difference, first) = a.overflowing_sub(b);
        let (difference, second) = difference.overflowing_sub(u8::from(borrow));
        (*to, borrow) = (difference, first || second);
    }
    (!borrow).then_some(out)
}

/// The signature with the order less `s` in the place of `s`: valid if and only if that one is,
/// and only one of the two has an `s` in the lower half.
fn twin(signature: &[u8; 64]) -> Option<[u8; 64]> {
    let mut twin = *signature;
    let s = twin.last_chunk_mut::<32>()?;
    *s = negated(*s)?;
    Some(twin)
}

/// The other signature has the smaller `s`.
fn is_high(signature: &[u8; 64]) -> bool {
    twin(signature).is_none_or(|twin| twin[32..] < signature[32..])
}

#[test]
fn ed25519_vectors_verify_or_do_not_as_they_say() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut good, mut bad, mut no_signature) = (0, 0, 0);
    for group in set.test_groups {
        let key = PublicKey::Ed25519(group.key.pk.as_ref().try_into().unwrap());
        for test in group.tests {
            let valid = test.result == TestResult::Valid;
            // Of another length, it is no signature by its type.
            let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_ref()) else {
                assert!(!valid, "{}", test.tc_id);
                no_signature += 1;
                continue;
            };
            let found = verifies(&key, test.msg.as_ref(), &signature);
            assert_eq!(found, valid, "{}: {}", test.tc_id, test.comment);
            *if valid { &mut good } else { &mut bad } += 1;
        }
    }
    assert_eq!((good, bad + no_signature), (88, 63));
    assert!(bad > 30, "{bad}");
}

/// Wycheproof follows X9.62, which takes both of the two signatures that differ in the sign of
/// `s`. This format takes only the one with `s` in the lower half. So a valid vector with a high
/// `s` has to be refused as it is, and to verify once its `s` is replaced by the order less `s`;
/// with an invalid one neither may.
#[test]
fn p256_vectors_verify_as_they_say_but_for_those_with_a_high_s() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let (mut low, mut high, mut bad, mut no_signature) = (0, 0, 0, 0);
    for group in set.test_groups {
        let point: &[u8] = group.key.key.as_ref();
        assert_eq!((point.len(), point[0]), (65, 4));
        let key = PublicKey::P256(point[1..].try_into().unwrap());
        for test in group.tests {
            let (valid, message) = (test.result == TestResult::Valid, test.msg.as_ref());
            let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_ref()) else {
                assert!(!valid, "{}", test.tc_id);
                no_signature += 1;
                continue;
            };
            let refused_for_form = is_high(&signature);
            let found = verifies(&key, message, &signature);
            let label = format!("{}: {}", test.tc_id, test.comment);
            assert_eq!(found, valid && !refused_for_form, "{label}");
            if refused_for_form && let Some(twin) = twin(&signature) {
                assert_eq!(verifies(&key, message, &twin), valid, "{label}, s negated");
            }
            match (valid, refused_for_form) {
                (true, false) => low += 1,
                (true, true) => high += 1,
                (false, _) => bad += 1,
            }
        }
    }
    assert_eq!((low, high, bad, no_signature), (103, 70, 68, 21));
}

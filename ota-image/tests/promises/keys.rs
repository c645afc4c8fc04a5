//! Strict cryptography, and sets of keys that make sense.

use ota_image::{
    Algorithm, BootKeys, Crypto, KeyError, PublicKey, Role, SoftwareCrypto, TrustAnchors,
};
use p256::ecdsa::signature::hazmat::PrehashVerifier;

use crate::common::{BOOT_ED, BOOT_ED_NEXT, BOOT_P256, RELEASE_ED, RELEASE_P256, TestKey};

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits: String = text.split_whitespace().collect();
    assert_eq!(digits.len(), 2 * N);
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
}

fn accepts(key: PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    SoftwareCrypto.verify(&key, &[message], signature).is_ok()
}

/// Order of the Ed25519 base point, little-endian.
const ED_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de14 00000000000000000000000000000010";
/// Order of P-256, big-endian.
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffff bce6faada7179e84f3b9cac2fc632551";

/// Every encoding, canonical or not, of the eight points of small order.
const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

#[test]
fn the_first_vector_of_rfc_8032_verifies() {
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let signature = hex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    assert!(accepts(PublicKey::Ed25519(hex(key)), b"", &signature));
    assert!(!accepts(PublicKey::Ed25519(hex(key)), b"x", &signature));
}

#[test]
fn a_vector_of_rfc_6979_verifies() {
    let key = hex(
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
         7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    );
    // The RFC's s is above half the order; this is the order minus it.
    let r = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
    let s = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
    let high: [u8; 64] = hex(&format!("{r}{s}"));
    assert!(!accepts(PublicKey::P256(key), b"sample", &high));
    assert!(accepts(
        PublicKey::P256(key),
        b"sample",
        &with_other_s(&high)
    ));
    assert!(!accepts(
        PublicKey::P256(key),
        b"simple",
        &with_other_s(&high)
    ));
}

#[test]
fn a_message_in_parts_is_their_concatenation() {
    for key in [RELEASE_ED, RELEASE_P256] {
        let signature = key.sign_message(b"one two three");
        let parts: [&[u8]; 5] = [b"one ", b"", b"two", b" ", b"three"];
        assert!(
            SoftwareCrypto
                .verify(&key.public(), &parts, &signature)
                .is_ok()
        );
    }
}

#[test]
fn weak_ed25519_keys_verify_nothing() {
    // R the neutral element and S zero satisfy the equation for every key of small order.
    let mut forged = [0; 64];
    forged[0] = 1;
    for encoding in SMALL_ORDER {
        let key = PublicKey::Ed25519(hex(encoding));
        for message in 0..64_u8 {
            assert!(!accepts(key, &[message], &forged), "{encoding}");
        }
        assert_eq!(
            SoftwareCrypto::validate(&key),
            Err(KeyError::Invalid),
            "{encoding}"
        );
    }
}

#[test]
fn a_scalar_of_ed25519_has_one_form() {
    let signature = BOOT_ED.sign_message(b"message");
    assert!(accepts(BOOT_ED.public(), b"message", &signature));
    let second = with_other_ed25519_s(&signature);
    assert!(!accepts(BOOT_ED.public(), b"message", &second));
}

/// `S` plus the order: the same number to whoever reduces it.
pub(crate) fn with_other_ed25519_s(signature: &[u8; 64]) -> [u8; 64] {
    let order: [u8; 32] = hex(ED_ORDER);
    let mut other = *signature;
    let mut carry = 0;
    for (byte, add) in other[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    other
}

/// `r` and the order minus `s`: mathematically a signature of the same message.
pub(crate) fn with_other_s(signature: &[u8; 64]) -> [u8; 64] {
    let order: [u8; 32] = hex(P256_ORDER);
    let mut other = *signature;
    let mut borrow = 0;
    for (byte, order) in other[32..].iter_mut().zip(order).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    assert_eq!(borrow, 0);
    other
}

#[test]
fn a_p256_signature_with_high_s_is_refused_although_it_is_a_signature() {
    let message = b"message";
    let low = BOOT_P256.sign_message(message);
    let high = with_other_s(&low);
    assert!(accepts(BOOT_P256.public(), message, &low));
    assert!(!accepts(BOOT_P256.public(), message, &high));

    let point = [&[4], BOOT_P256.public().as_bytes()].concat();
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
    let high = p256::ecdsa::Signature::from_slice(&high).unwrap();
    let digest = ota_image::sha256_of(&mut SoftwareCrypto, message);
    assert!(key.verify_prehash(&digest.0, &high).is_ok());
}

#[test]
fn p256_numbers_out_of_range_are_refused() {
    let good = BOOT_P256.sign_message(b"message");
    let order: [u8; 32] = hex(P256_ORDER);
    for place in [0..32, 32..64] {
        for value in [[0; 32], [0xFF; 32], order] {
            let mut bad = good;
            bad[place.clone()].copy_from_slice(&value);
            assert!(!accepts(BOOT_P256.public(), b"message", &bad));
        }
    }
}

#[test]
fn what_is_no_point_of_p256_is_no_key() {
    let PublicKey::P256(mut off_curve) = BOOT_P256.public() else {
        unreachable!()
    };
    off_curve[63] ^= 1;
    let signature = BOOT_P256.sign_message(b"message");
    for bytes in [[0; 64], [0xFF; 64], off_curve] {
        let key = PublicKey::P256(bytes);
        assert!(!accepts(key, b"message", &signature));
        assert_eq!(SoftwareCrypto::validate(&key), Err(KeyError::Invalid));
    }
}

#[test]
fn good_keys_validate() {
    for key in [RELEASE_ED, BOOT_ED, RELEASE_P256, BOOT_P256] {
        assert_eq!(SoftwareCrypto::validate(&key.public()), Ok(()));
        assert!(SoftwareCrypto::supports(key.algorithm));
    }
}

#[test]
fn key_ids_tell_keys_and_algorithms_apart() {
    let ids = [RELEASE_ED, BOOT_ED, BOOT_ED_NEXT, RELEASE_P256, BOOT_P256]
        .map(|key| key.public().key_id(&mut SoftwareCrypto));
    for (i, id) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(id));
    }
    let by_hand = [&[1], BOOT_ED.public().as_bytes()].concat();
    assert_eq!(
        ids[1],
        ota_image::sha256_of(&mut SoftwareCrypto, &by_hand).0[..4]
    );
}

#[test]
fn one_key_for_both_roles_is_refused() {
    for key in [BOOT_ED, BOOT_P256] {
        let release = [RELEASE_ED.public(), key.public()];
        let boot = [BOOT_ED_NEXT.public(), key.public()];
        assert_eq!(
            TrustAnchors::new(&release, &boot).unwrap_err(),
            KeyError::BothRoles
        );
    }
}

#[test]
fn a_role_has_one_to_eight_different_keys() {
    let distinct: Vec<_> = (0..9).map(|i| PublicKey::Ed25519([i; 32])).collect();
    let good = [RELEASE_ED.public()];
    assert_eq!(BootKeys::new(&[]).unwrap_err(), KeyError::Empty);
    assert_eq!(BootKeys::new(&distinct).unwrap_err(), KeyError::TooMany);
    assert_eq!(BootKeys::new(&distinct[..8]).unwrap().keys().len(), 8);
    let twice = [distinct[0], distinct[1], distinct[0]];
    assert_eq!(BootKeys::new(&twice).unwrap_err(), KeyError::Duplicate);
    assert_eq!(TrustAnchors::new(&[], &good).unwrap_err(), KeyError::Empty);
    assert_eq!(TrustAnchors::new(&good, &[]).unwrap_err(), KeyError::Empty);
    assert_eq!(
        TrustAnchors::new(&twice, &good).unwrap_err(),
        KeyError::Duplicate
    );
    assert_eq!(
        TrustAnchors::new(&distinct, &good).unwrap_err(),
        KeyError::TooMany
    );
}

#[test]
fn anchors_are_checked_at_compile_time_where_they_are_constant() {
    const RELEASE: [PublicKey; 1] = [PublicKey::Ed25519([1; 32])];
    const BOOT: [PublicKey; 2] = [PublicKey::P256([2; 64]), PublicKey::Ed25519([2; 32])];
    const ANCHORS: TrustAnchors<'_> = match TrustAnchors::new(&RELEASE, &BOOT) {
        Ok(anchors) => anchors,
        Err(_) => panic!("the keys are not right"),
    };
    const SHARED: bool = TrustAnchors::new(&BOOT, &BOOT).is_err();
    assert_eq!(
        (ANCHORS.release(), ANCHORS.boot().keys()),
        (&RELEASE[..], &BOOT[..])
    );
    const { assert!(SHARED) };
}

#[test]
fn the_numbers_of_roles_and_algorithms_are_fixed() {
    assert_eq!((Role::Release as u8, Role::Boot as u8), (1, 2));
    assert_eq!((Algorithm::Ed25519 as u8, Algorithm::P256 as u8), (1, 2));
    for number in 0..=255 {
        assert_eq!(Role::from_u8(number).is_some(), (1..=2).contains(&number));
        assert_eq!(
            Algorithm::from_u8(number).is_some(),
            (1..=2).contains(&number)
        );
        assert!(Role::from_u8(number).is_none_or(|role| role as u8 == number));
        assert!(Algorithm::from_u8(number).is_none_or(|algorithm| algorithm as u8 == number));
    }
}

#[test]
fn the_test_keys_say_that_they_are_test_keys() {
    for TestKey { secret, .. } in [RELEASE_ED, BOOT_ED, BOOT_ED_NEXT, RELEASE_P256, BOOT_P256] {
        assert!(secret.starts_with(b"TEST KEY, PUBLIC: "));
    }
}

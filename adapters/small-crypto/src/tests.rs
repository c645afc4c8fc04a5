//! Keys and signatures that nobody makes by accident: points of small order, and points off by one.

use std::vec::Vec;

use ed25519_compact::{PublicKey, Signature};
use sha2::{Digest, Sha512};

use crate::field::Field;
use crate::point::{MINUS_BASE, Point};
use crate::{combine, hash, scalar, verify};

/// A point of order eight: its multiples are all points of small order.
const TORSION: [u8; 32] = [
    0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
    0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
];
const MESSAGE: &[u8] = b"message";

fn small_order_points() -> Vec<Point> {
    let step = Point::decode(&TORSION).expect("on the curve");
    let mut point = Point::identity();
    (0..8)
        .map(|_| {
            point = point.add(&step);
            point
        })
        .collect()
}

fn base_times(scalar: &[u8; 32]) -> Point {
    let base = Point::decode(&MINUS_BASE).expect("on the curve").negate();
    combine(scalar, &base, &[0; 32], &base)
}

/// a times b plus c, modulo the order.
fn multiply_add(a: &[u8; 32], b: &[u8; 32], c: &[u8; 32]) -> [u8; 32] {
    let mut wide = [0_u32; 64];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            wide[i + j] += u32::from(*x) * u32::from(*y);
        }
    }
    for (sum, x) in wide.iter_mut().zip(c) {
        *sum += u32::from(*x);
    }
    let mut carry = 0;
    let bytes = wide.map(|sum| {
        carry += sum;
        let byte = u8::try_from(carry & 0xFF).expect("eight bits");
        carry >>= 8;
        byte
    });
    scalar::reduce(&bytes)
}

/// The scalar of a key, and the key off by a point.
fn key_off_by(point: &Point) -> ([u8; 32], [u8; 32]) {
    let mut digest = Sha512::digest(b"a seed");
    digest[31] &= 0x0F; // below the order
    let secret = *digest.first_chunk::<32>().expect("64 bytes");
    (secret, base_times(&secret).add(point).encode())
}

fn sign(secret: &[u8; 32], key: &[u8; 32], r: [u8; 32], nonce: &[u8; 32]) -> [u8; 64] {
    let h = scalar::reduce(&hash(&r, key, &[MESSAGE]));
    let s = multiply_add(&h, secret, nonce);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    signature
}

/// Whether it verifies; the other implementation has to agree.
fn verifies(key: &[u8; 32], signature: &[u8; 64]) -> bool {
    let ours = verify(key, &[MESSAGE], signature).is_some();
    let theirs = PublicKey::new(*key)
        .verify(MESSAGE, &Signature::new(*signature))
        .is_ok();
    assert_eq!(ours, theirs, "key {key:02x?}, signature {signature:02x?}");
    ours
}

#[test]
fn there_are_eight_points_of_small_order_and_others_are_not_among_them() {
    let mut encodings: Vec<_> = small_order_points().iter().map(Point::encode).collect();
    encodings.sort_unstable();
    encodings.dedup();
    assert_eq!(encodings.len(), 8);
    assert!(small_order_points().iter().all(Point::has_small_order));
    assert!(!base_times(&[7; 32]).has_small_order());
}

#[test]
fn a_key_of_small_order_verifies_nothing() {
    let mut forged = [0; 64];
    forged[0] = 1; // R is the identity, S is zero
    for point in small_order_points() {
        assert!(!verifies(&point.encode(), &forged));
    }
}

#[test]
fn an_r_of_small_order_is_refused_and_one_that_is_off_by_such_a_point_is_not() {
    let (secret, key) = key_off_by(&Point::identity());
    let mut nonce = [0; 32];
    nonce[0] = 42;
    for point in small_order_points() {
        let r = base_times(&nonce).add(&point).encode();
        assert!(verifies(&key, &sign(&secret, &key, r, &nonce)));
        assert!(!verifies(
            &key,
            &sign(&secret, &key, point.encode(), &[0; 32])
        ));
    }
}

#[test]
fn a_key_that_is_off_by_a_point_of_small_order_verifies() {
    let nonce = [5; 32];
    let r = base_times(&scalar::reduce(
        &[[5; 32], [0; 32]].concat().try_into().expect("64"),
    ));
    for point in small_order_points() {
        let (secret, key) = key_off_by(&point);
        assert!(verifies(&key, &sign(&secret, &key, r.encode(), &nonce)));
    }
}

#[test]
fn points_have_one_encoding_each() {
    let p = {
        let mut bytes = [0xFF; 32];
        bytes[0] = 0xED;
        bytes[31] = 0x7F;
        bytes
    };
    let mut encodings = Vec::new();
    for above in 0..19 {
        for sign in [0, 0x80] {
            let mut bytes = p;
            bytes[0] += above;
            bytes[31] |= sign;
            encodings.push(bytes);
        }
    }
    for low in [0x01, 0xEC] {
        let mut bytes = if low == 1 { [0; 32] } else { [0xFF; 32] };
        bytes[0] = low;
        bytes[31] |= 0x80; // x = 0, and odd
        encodings.push(bytes);
    }
    for encoding in encodings {
        assert!(Point::decode(&encoding).is_none(), "{encoding:02x?}");
        assert!(PublicKey::new(encoding).validate().is_err());
    }
}

#[test]
fn every_point_comes_back_from_its_encoding() {
    for seed in 0..50_u8 {
        let scalar = scalar::reduce(&Sha512::digest([seed]).into());
        let bytes = base_times(&scalar).encode();
        assert_eq!(Point::decode(&bytes).expect("a point").encode(), bytes);
        assert!(PublicKey::new(bytes).validate().is_ok());
    }
}

#[test]
fn numbers_modulo_p_are_written_in_one_way() {
    let mut p_minus_1 = [0xFF; 32];
    p_minus_1[0] = 0xEC;
    p_minus_1[31] = 0x7F;
    let minus_1 = Field::from_bytes(&p_minus_1);
    assert_eq!(minus_1.to_bytes(), p_minus_1);
    assert_eq!(minus_1.add(&Field::one()).to_bytes(), [0; 32]);
    assert_eq!(Field::ZERO.sub(&Field::one()).to_bytes(), p_minus_1);
    assert!(minus_1.mul(&minus_1).is(&Field::one()));
    for above in 0..19 {
        let mut bytes = p_minus_1;
        bytes[0] += 1 + above;
        let mut small = [0; 32];
        small[0] = above;
        assert_eq!(Field::from_bytes(&bytes).to_bytes(), small);
    }
}

#[test]
fn the_largest_limbs_stay_within_their_bounds() {
    // Debug builds check every addition and multiplication for overflow.
    let mut largest = Field::from_bytes(&[0xFF; 32]);
    for _ in 0..200 {
        let sum = largest.add(&largest);
        let square = sum.mul(&sum);
        assert_eq!(
            square.to_bytes(),
            Field::from_bytes(&sum.to_bytes())
                .mul(&Field::from_bytes(&sum.to_bytes()))
                .to_bytes()
        );
        largest = square.sub(&sum).sub(&square.negate());
    }
}

/// The order of the base point, lowest byte first.
fn order() -> [u8; 32] {
    let mut order = [0; 32];
    order[..16]
        .copy_from_slice(&27_742_317_777_372_353_535_851_937_790_883_648_493_u128.to_le_bytes());
    order[31] = 0x10;
    order
}

#[test]
fn whatever_small_order_is_in_key_and_r_the_factor_of_eight_takes_it_away() {
    let mut nonce = [0; 32];
    nonce[0] = 77;
    let r = base_times(&nonce);
    for in_key in small_order_points() {
        let (secret, key) = key_off_by(&in_key);
        for in_r in small_order_points() {
            let r = r.add(&in_r).encode();
            let signature = sign(&secret, &key, r, &nonce);
            assert!(verifies(&key, &signature));
            let mut other = signature;
            other[40] ^= 1;
            assert!(!verifies(&key, &other));
        }
    }
}

#[test]
fn an_s_is_written_in_one_way_only() {
    let (secret, key) = key_off_by(&Point::identity());
    let mut nonce = [0; 32];
    nonce[0] = 9;
    let signature = sign(&secret, &key, base_times(&nonce).encode(), &nonce);
    assert!(verifies(&key, &signature));
    let mut forged = signature;
    let mut more = 0;
    // S plus every multiple of the order that fits 32 bytes.
    while add(&mut forged[32..], &order()) {
        assert!(!verifies(&key, &forged));
        more += 1;
    }
    assert!(more >= 14, "{more}");
    // The order itself, and what is next to it.
    assert!(!scalar::is_canonical(&order()));
    let mut below = order();
    below[0] -= 1;
    assert!(scalar::is_canonical(&below));
    assert!(!scalar::is_canonical(&[0xFF; 32]));
}

/// Adds in place; `false` if the sum does not fit.
fn add(number: &mut [u8], other: &[u8; 32]) -> bool {
    let mut carry = 0;
    for (byte, other) in number.iter_mut().zip(other) {
        let sum = u16::from(*byte) + u16::from(*other) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    carry == 0
}

#[test]
fn a_scalar_is_reduced_to_its_remainder() {
    let wide = |low: [u8; 32], high: [u8; 32]| -> [u8; 64] {
        [low, high].concat().try_into().expect("64 bytes")
    };
    let mut below = order();
    below[0] -= 1;
    assert_eq!(scalar::reduce(&wide(order(), [0; 32])), [0; 32]);
    assert_eq!(scalar::reduce(&wide(below, [0; 32])), below);
    // 2^256 times the order, and one less than it.
    assert_eq!(scalar::reduce(&wide([0; 32], order())), [0; 32]);
    assert_eq!(scalar::reduce(&wide([0xFF; 32], below)), below);
    // 2^512 - 1 is one less than 2^256 times 2^256, each reduced by itself.
    let mut two_256 = [0; 64];
    two_256[32] = 1;
    let two_256 = scalar::reduce(&two_256);
    let mut one = [0; 32];
    one[0] = 1;
    let plus_1 = multiply_add(&one, &scalar::reduce(&[0xFF; 64]), &one);
    assert_eq!(multiply_add(&two_256, &two_256, &[0; 32]), plus_1);
}

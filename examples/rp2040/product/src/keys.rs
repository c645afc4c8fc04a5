//! Public keys from the files that `ota keygen` writes, while compiling.

use ota_image::PublicKey;

const MARKER: &[u8] = b"-----BEGIN PUBLIC KEY-----";
/// DER before the 32 bytes of an Ed25519 key: a sequence, its algorithm (1.3.101.112), a bit string.
const HEAD: [u8; 12] = [0x30, 42, 0x30, 5, 0x06, 3, 0x2B, 0x65, 0x70, 0x03, 33, 0];
/// The head and the key.
const LENGTH: usize = 44;

/// The key in a PEM file. Anything but an Ed25519 public key does not compile.
pub(crate) const fn ed25519(file: &[u8]) -> PublicKey {
    let der = base64(file, after_marker(file));
    let mut index = 0;
    while index < HEAD.len() {
        assert!(der[index] == HEAD[index], "not an Ed25519 public key");
        index += 1;
    }
    let mut key = [0; 32];
    index = 0;
    while index < key.len() {
        key[index] = der[HEAD.len() + index];
        index += 1;
    }
    PublicKey::Ed25519(key)
}

const fn after_marker(file: &[u8]) -> usize {
    let mut start = 0;
    while start + MARKER.len() < file.len() {
        let mut same = 0;
        while same < MARKER.len() && file[start + same] == MARKER[same] {
            same += 1;
        }
        if same == MARKER.len() {
            return start + same;
        }
        start += 1;
    }
    panic!("no public key in this file");
}

const fn base64(file: &[u8], from: usize) -> [u8; LENGTH] {
    let mut out = [0; LENGTH];
    let (mut at, mut filled) = (from, 0);
    let (mut bits, mut count) = (0_u32, 0);
    while filled < LENGTH {
        assert!(at < file.len(), "the key is too short");
        if let Some(value) = digit(file[at]) {
            bits = bits << 6 | value as u32;
            count += 6;
        }
        at += 1;
        if count >= 8 {
            count -= 8;
            out[filled] = (bits >> count & 0xFF) as u8;
            filled += 1;
        }
    }
    out
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        b'\r' | b'\n' => None,
        _ => panic!("the key is too short, or no base64"),
    }
}

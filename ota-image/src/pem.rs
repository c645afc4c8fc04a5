//! A public key out of its PEM file, also while compiling.

use crate::{KeyError, PublicKey};

const BEGIN: &[u8] = b"-----BEGIN PUBLIC KEY-----";
/// DER before the key: a sequence, its algorithm (1.3.101.112), a bit string (RFC 8410).
const ED25519: &[u8] = &[0x30, 42, 0x30, 5, 0x06, 3, 0x2B, 0x65, 0x70, 0x03, 33, 0];
/// The same for id-ecPublicKey and secp256r1 (RFC 5480), and the mark of an uncompressed point.
const P256: &[u8] = &[
    0x30, 89, 0x30, 19, 0x06, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 8, 0x2A, 0x86,
    0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 66, 0, 4,
];
/// The longer of the two, with its key.
const LONGEST: usize = P256.len() + 64;

impl PublicKey {
    /// The first public key in a PEM file, such as the `.pub` files of `ota keygen`; what stands
    /// before it is passed over. In a constant, another file does not compile:
    ///
    /// ```
    /// use ota_image::PublicKey;
    ///
    /// # const FILE: &[u8] = b"-----BEGIN PUBLIC KEY-----
    /// # MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
    /// # -----END PUBLIC KEY-----";
    /// # /*
    /// const FILE: &[u8] = include_bytes!("release.pub");
    /// # */
    /// const KEY: PublicKey = match PublicKey::from_pem(FILE) {
    ///     Ok(key) => key,
    ///     Err(_) => panic!("not a public key"),
    /// };
    /// # assert_eq!(KEY.as_bytes().len(), 32);
    /// ```
    ///
    /// Whether the key is a usable point of its curve is not looked at.
    ///
    /// # Errors
    /// [`KeyError::Encoding`] if there is no public key of Ed25519 or P-256 in it.
    pub const fn from_pem(file: &[u8]) -> Result<Self, KeyError> {
        let mut room = [0; LONGEST];
        let Some(der) = find_der(file, &mut room) else {
            return Err(KeyError::Encoding);
        };
        if let Some(key) = exactly(strip(der, ED25519)) {
            return Ok(Self::Ed25519(key));
        }
        match exactly(strip(der, P256)) {
            Some(key) => Ok(Self::P256(key)),
            None => Err(KeyError::Encoding),
        }
    }
}

/// What the base64 behind the marker says.
const fn find_der<'a>(file: &[u8], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut rest = file;
    loop {
        if let Some(text) = strip(rest, BEGIN) {
            let Some(length) = base64(text, room) else {
                return None;
            };
            return match room.split_at_checked(length) {
                Some((der, _)) => Some(der),
                None => None,
            };
        }
        rest = match rest {
            [_, tail @ ..] => tail,
            [] => return None,
        };
    }
}

/// What follows the prefix, if that is there.
const fn strip<'a>(bytes: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (mut bytes, mut prefix) = (bytes, prefix);
    while let [first, prefix_rest @ ..] = prefix {
        match bytes {
            [byte, rest @ ..] if *byte == *first => (bytes, prefix) = (rest, prefix_rest),
            _ => return None,
        }
    }
    Some(bytes)
}

/// The bytes, if there are just so many.
const fn exactly<const N: usize>(bytes: Option<&[u8]>) -> Option<[u8; N]> {
    match bytes {
        Some(bytes) if bytes.len() == N => match bytes.first_chunk() {
            Some(bytes) => Some(*bytes),
            None => None,
        },
        _ => None,
    }
}

/// How many bytes the text says, up to padding or the end marker. `None` if it is no base64, has no
/// end, or says more than there is room for.
const fn base64(text: &[u8], room: &mut [u8]) -> Option<usize> {
    let (mut text, mut room) = (text, room);
    let (mut bits, mut count, mut length) = (0_u32, 0, 0);
    while let [character, text_rest @ ..] = text {
        text = text_rest;
        let value = match *character {
            b'A'..=b'Z' => *character - b'A',
            b'a'..=b'z' => *character - b'a' + 26,
            b'0'..=b'9' => *character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\r' | b'\n' => continue,
            b'=' | b'-' => return Some(length),
            _ => return None,
        };
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            let [place, room_rest @ ..] = room else {
                return None;
            };
            *place = (bits >> count & 0xFF) as u8;
            room = room_rest;
            length += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC_8410: &[u8] = b"-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
    /// As in RFC 8410, section 10.1.
    const KEY: [u8; 32] = [
        0x19, 0xBF, 0x44, 0x09, 0x69, 0x84, 0xCD, 0xFE, 0x85, 0x41, 0xBA, 0xC1, 0x67, 0xDC, 0x3B,
        0x96, 0xC8, 0x50, 0x86, 0xAA, 0x30, 0xB6, 0xB6, 0xCB, 0x0C, 0x5C, 0x38, 0xAD, 0x70, 0x31,
        0x66, 0xE1,
    ];

    #[test]
    fn the_key_of_the_standard_is_read_while_compiling() {
        const READ: Result<PublicKey, KeyError> = PublicKey::from_pem(RFC_8410);
        assert_eq!(READ, Ok(PublicKey::Ed25519(KEY)));
    }

    #[test]
    fn a_file_that_is_cut_short_anywhere_is_no_key() {
        let text = RFC_8410.iter().position(|byte| *byte == b'=');
        for end in 0..text.expect("padding") {
            let read = PublicKey::from_pem(&RFC_8410[..end]);
            assert_eq!(read, Err(KeyError::Encoding), "{end}");
        }
    }

    #[test]
    fn a_key_with_another_algorithm_or_length_is_none() {
        let with = |at: usize, byte: u8| {
            let mut file = [0; RFC_8410.len()];
            file.copy_from_slice(RFC_8410);
            file[at] = byte;
            PublicKey::from_pem(&file)
        };
        let start = BEGIN.len() + 1;
        // Of the head every character matters; it ends inside of the sixteenth.
        for at in start..start + 16 {
            assert_eq!(with(at, b'/'), Err(KeyError::Encoding), "{at}");
        }
        assert_eq!(with(start + 30, b'!'), Err(KeyError::Encoding));
        assert_eq!(with(start + 30, b'\n'), Err(KeyError::Encoding));
        assert_eq!(with(start + 59, b'A'), Err(KeyError::Encoding));
        assert!(with(start + 30, b'/').is_ok());
    }

    #[test]
    fn a_text_of_any_length_has_its_room_or_is_none() {
        let mut file = [b'A'; 4096];
        file[..BEGIN.len()].copy_from_slice(BEGIN);
        for end in BEGIN.len()..file.len() {
            file[end] = b'-';
            let read = PublicKey::from_pem(&file[..=end]);
            assert_eq!(read, Err(KeyError::Encoding), "{end}");
            file[end] = b'A';
        }
    }
}

//! What is a private key, whatever its file is called.

/// As many bytes of a file as are looked at: a chain of certificates before the key is shorter.
pub(crate) const BEGINNING: u64 = 64 * 1024;

/// Whether a file that begins with these bytes holds a private key: in PEM, of any kind, also
/// encrypted and also behind other text; or in DER.
pub(crate) fn holds_private_key(beginning: &[u8]) -> bool {
    is_der(beginning) || is_pem(beginning)
}

/// The text may be UTF-16, which editors and shells make of it.
fn is_pem(beginning: &[u8]) -> bool {
    let control = |byte: &u8| *byte < b' ' && !b"\t\r\n\0".contains(byte);
    // Firmware may well contain a key of its own; before one in a file of its own stands text.
    let text = beginning.split(control).next().unwrap_or_default();
    let text: Vec<u8> = text.iter().copied().filter(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&text)
        .split("-----BEGIN ")
        .skip(1)
        .filter_map(|block| Some(block.split_once("-----")?.0))
        .any(|label| label.contains("PRIVATE KEY") && !label.contains('\n'))
}

/// A sequence that begins with a version as private keys do, and public ones and certificates do not:
/// PKCS#8 and PKCS#12 (a sequence follows), SEC1 (an octet string), PKCS#1 (a number).
fn is_der(beginning: &[u8]) -> bool {
    let contents = match beginning {
        [0x30, length, rest @ ..] if *length < 0x80 => rest,
        [0x30, 0x81, _, rest @ ..] | [0x30, 0x82, _, _, rest @ ..] => rest,
        _ => return false,
    };
    matches!(
        contents,
        [2, 1, 0 | 1 | 3, 0x30, ..] | [2, 1, 1, 4, ..] | [2, 1, 0, 2, ..]
    )
}

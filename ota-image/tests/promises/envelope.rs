//! The frame: what is looked at before anything is authenticated.

use ota_image::{
    Algorithm, EncodeError, Envelope, FrameError, MAX_BODY, Role, SignatureEntry, SoftwareCrypto,
    TrustAnchors, VerifyError, write_envelope,
};

use crate::common::{BOOT_ED, BOTH_ED, BOTH_P256, Package, RELEASE_ED, TestKey, parse, signed};

fn refusal(bytes: &[u8]) -> FrameError {
    Envelope::parse(bytes).unwrap_err()
}

fn verify(bytes: &[u8], keys: &[(Role, TestKey); 2]) -> Result<(), VerifyError> {
    let [release, boot] = [[keys[0].1.public()], [keys[1].1.public()]];
    let anchors = TrustAnchors::new(&release, &boot).unwrap();
    Envelope::parse(bytes)?.verify(&mut SoftwareCrypto, &anchors, 0)?;
    Ok(())
}

/// A key id says which signature to try first. It is not signed, and decides nothing.
fn is_in_a_key_id(offset: usize, body_len: usize) -> bool {
    let first = 12 + body_len + 1;
    [first, first + 70]
        .iter()
        .any(|entry| (entry + 2..entry + 6).contains(&offset))
}

fn every_flip_is_refused(keys: &[(Role, TestKey); 2]) {
    let (package, envelope) = signed(keys);
    assert_eq!(verify(&envelope, keys), Ok(()));
    let (mut refused, mut hints) = (0, 0);
    for bit in 0..envelope.len() * 8 {
        let mut damaged = envelope;
        damaged[bit / 8] ^= 1 << (bit % 8);
        let accepted = verify(&damaged, keys).is_ok();
        if is_in_a_key_id(bit / 8, package.body.len()) {
            assert!(accepted, "bit {bit} is in a hint and must decide nothing");
            hints += 1;
        } else {
            assert!(!accepted, "bit {bit} was flipped and nobody noticed");
            refused += 1;
        }
    }
    assert_eq!((refused, hints), (1024 * 8 - 2 * 32, 2 * 32));
}

#[test]
fn every_single_bit_flip_but_in_a_key_id_is_refused_with_ed25519() {
    every_flip_is_refused(&BOTH_ED);
}

#[test]
fn every_single_bit_flip_but_in_a_key_id_is_refused_with_p256() {
    every_flip_is_refused(&BOTH_P256);
}

#[test]
fn a_truncated_or_extended_envelope_is_refused() {
    let (_, envelope) = signed(&BOTH_ED);
    for len in 0..envelope.len() {
        assert_eq!(refusal(&envelope[..len]), FrameError::WrongLength);
    }
    let extended = [&envelope[..], &[0]].concat();
    assert_eq!(refusal(&extended), FrameError::WrongLength);
}

#[test]
fn something_other_than_a_package_is_told_apart() {
    assert_eq!(refusal(&[0; 1024]), FrameError::WrongMagic);
    assert_eq!(refusal(&[0xFF; 1024]), FrameError::WrongMagic);
    let (_, mut envelope) = signed(&BOTH_ED);
    envelope[4] = b'\n'; // "\r\n" became "\n\n": a transfer in text mode
    assert_eq!(refusal(&envelope), FrameError::WrongMagic);
}

#[test]
fn another_format_version_is_named_in_the_refusal() {
    let (_, mut envelope) = signed(&BOTH_ED);
    envelope[8..10].copy_from_slice(&0x0102_u16.to_le_bytes());
    assert_eq!(refusal(&envelope), FrameError::UnknownFormat(0x0102));
    assert!(refusal(&envelope).to_string().contains("258"));
}

#[test]
fn a_body_is_one_to_731_bytes() {
    assert_eq!(MAX_BODY, 731);
    let (_, envelope) = signed(&BOTH_ED);
    for len in [0, 732, 0xFFFF_u16] {
        let mut damaged = envelope;
        damaged[10..12].copy_from_slice(&len.to_le_bytes());
        assert_eq!(refusal(&damaged), FrameError::BodyLength);
    }
    for len in [1, 731] {
        let envelope = write_envelope(&vec![7; len], &[]).unwrap();
        assert_eq!(parse(&envelope).body(), vec![7; len]);
    }
    assert_eq!(write_envelope(&[], &[]), Err(EncodeError::BodyLength));
    assert_eq!(write_envelope(&[7; 732], &[]), Err(EncodeError::BodyLength));
    assert_eq!(
        write_envelope(&[7; 65_537], &[]),
        Err(EncodeError::BodyLength)
    );
}

#[test]
fn the_longest_body_leaves_room_for_four_signatures_and_not_a_byte_more() {
    let entry = SignatureEntry::new(Role::Boot, Algorithm::P256, *b"hint", [0xAB; 64]);
    let envelope = write_envelope(&[7; 731], &[entry; 4]).unwrap();
    assert_eq!(envelope[1023], 0xAB);
    assert_eq!(
        parse(&envelope).signatures().collect::<Vec<_>>(),
        [entry; 4]
    );
    assert_eq!(
        write_envelope(&[7], &[entry; 5]),
        Err(EncodeError::TooManySignatures)
    );
}

#[test]
fn more_than_four_signatures_are_refused() {
    let (package, envelope) = signed(&BOTH_ED);
    for count in 5..=255 {
        let mut damaged = envelope;
        damaged[12 + package.body.len()] = count;
        assert_eq!(refusal(&damaged), FrameError::TooManySignatures);
    }
}

#[test]
fn a_signature_that_is_counted_but_absent_is_refused() {
    let (package, mut envelope) = signed(&BOTH_ED);
    envelope[12 + package.body.len()] = 3;
    assert_eq!(refusal(&envelope), FrameError::EmptySignature);
    let entry = SignatureEntry {
        role: 0,
        algorithm: 1,
        key_id: [0; 4],
        signature: [0; 64],
    };
    assert_eq!(
        write_envelope(b"body", &[entry]),
        Err(EncodeError::EmptySignature)
    );
}

#[test]
fn any_byte_after_the_last_signature_is_refused() {
    let (package, envelope) = signed(&BOTH_ED);
    let end = 12 + package.body.len() + 1 + 2 * 70;
    for offset in end..1024 {
        let mut damaged = envelope;
        damaged[offset] = 1;
        assert_eq!(refusal(&damaged), FrameError::BadPadding);
    }
    // So a signature that is not counted any more is one, too.
    let mut damaged = envelope;
    damaged[12 + package.body.len()] = 1;
    assert_eq!(refusal(&damaged), FrameError::BadPadding);
}

#[test]
fn an_envelope_read_and_written_again_is_the_same() {
    let (_, bytes) = signed(&[(Role::Release, RELEASE_ED), (Role::Boot, BOOT_ED)]);
    let envelope = parse(&bytes);
    let entries: Vec<_> = envelope.signatures().collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(write_envelope(envelope.body(), &entries), Ok(bytes));
}

#[test]
fn the_release_id_is_of_the_body_and_not_of_the_signatures() {
    let package = Package::new(1, 1024);
    let other = package.clone().with(|manifest| manifest.sequence += 1);
    let id = |bytes: &[u8; 1024]| parse(bytes).release_id(&mut SoftwareCrypto);
    assert_eq!(id(&package.sign(&BOTH_ED)), id(&package.sign(&BOTH_P256)));
    assert_eq!(id(&package.sign(&BOTH_ED)), id(&package.sign(&[])));
    assert_ne!(id(&package.sign(&BOTH_ED)), id(&other.sign(&BOTH_ED)));
    let id = id(&package.sign(&[]));
    assert_eq!(id.short(), id.digest().0[..16]);
    assert_eq!(id.to_string().len(), 64);
}

//! Envelope and manifest: whatever decodes encodes to the same bytes, behind a signature and in
//! front of it, and a signature changes nothing about what decodes.

use ota_image::{
    Boot, BootKeys, Distribution, ENVELOPE_LEN, Envelope, MAX_BODY, Manifest, ManifestError,
    Reader, Role, SignatureEntry, SoftwareCrypto, Tlv, TrustAnchors, Verified, VerifyError,
    write_envelope,
};
use ota_testkit::{BOOT_SEED, RELEASE_SEED, public_key};

use crate::keyed::{self, KeyedHash};

/// Takes the input as an envelope, as a body, and as a body that somebody signed.
///
/// # Panics
/// If a promise does not hold.
pub fn check(input: &[u8]) {
    check_frame(input);
    check_body(input);
    if (1..=MAX_BODY).contains(&input.len()) {
        check_signed(input);
    }
}

fn check_frame(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes) else {
        return;
    };
    let entries: Vec<SignatureEntry> = envelope.signatures().collect();
    let again = write_envelope(envelope.body(), &entries).expect("it was one");
    assert_eq!(again, bytes, "a second form of an envelope");
    check_body(envelope.body());
    // The keys of the golden vectors and of the test kit; seeds are signed with these.
    let (release, boot) = ([public_key(RELEASE_SEED)], [public_key(BOOT_SEED)]);
    let anchors = TrustAnchors::new(&release, &boot).expect("two keys");
    let by_client = envelope.verify(&mut SoftwareCrypto, &anchors, 0);
    let by_bootloader = envelope.verify_boot(&mut SoftwareCrypto, &anchors.boot(), 0);
    if let (Ok(client), Ok(bootloader)) = (&by_client, &by_bootloader) {
        assert_eq!(**client, **bootloader);
        assert_eq!(client.id(), bootloader.id());
    }
    // Neither key made a signature for the other's role.
    let swapped = TrustAnchors::new(&boot, &release).expect("two keys");
    assert!(envelope.verify(&mut SoftwareCrypto, &swapped, 0).is_err());
    let revoked = envelope.verify_boot(&mut SoftwareCrypto, &anchors.boot(), 1);
    assert!(revoked.is_err(), "a revoked key counted");
}

/// Decodes for a reader, and encodes again.
fn decode(body: &[u8], reader: Reader) -> Result<Manifest, ManifestError> {
    let (manifest, tlvs) = Manifest::decode_unverified(body, reader)?;
    let tlvs: Vec<Tlv<'_>> = tlvs.collect();
    let mut again = vec![0; body.len().max(MAX_BODY)];
    match manifest.encode(&tlvs, &mut again) {
        Ok(len) => assert_eq!(&again[..len], body, "a second form of a body"),
        // Bodies that no envelope has room for decode as well.
        Err(error) => assert!(body.len() > MAX_BODY, "{error}"),
    }
    check_places(&manifest);
    Ok(manifest)
}

fn check_body(body: &[u8]) {
    let inspector = decode(body, Reader::Inspector);
    for reader in [Reader::Client, Reader::Bootloader] {
        match (decode(body, reader), &inspector) {
            (Ok(manifest), Ok(same)) => assert_eq!(manifest, *same),
            // Criticals stop the one they are critical for, and nothing else does.
            (Err(ManifestError::UnknownCritical(_)), _) => {}
            (Err(error), Err(same)) => assert_eq!(error, *same),
            (found, other) => panic!("{found:?} for {reader:?}, {other:?} for a tool"),
        }
    }
}

/// Chunks and pages lie one behind the other, and end where the package ends.
fn check_places(manifest: &Manifest) {
    let (chunks, pages) = (manifest.chunk_count(), manifest.page_count());
    assert!(chunks > 0 && pages > 0 && manifest.pages.count() == pages);
    let last = chunks - 1;
    let end = manifest.chunk_offset(last).zip(manifest.chunk_len(last));
    let end = end.map(|(offset, len)| offset + len);
    assert_eq!(end, Some(manifest.package_len()));
    let last_page = manifest.page_of_chunk(last).expect("a page");
    assert_eq!(last_page + 1, pages);
    let table_end = manifest
        .page_offset(last_page)
        .zip(manifest.page_len(last_page));
    let table_end = table_end.map(|(offset, len)| offset + len);
    assert_eq!(table_end, manifest.chunk_offset(0));
    for past in [chunks, u32::MAX] {
        assert_eq!(manifest.chunk_len(past), None);
        assert_eq!(manifest.chunk_offset(past), None);
        assert_eq!(manifest.page_of_chunk(past), None);
    }
}

fn check_signed(body: &[u8]) {
    let entries = [
        keyed::sign(Role::Release, &keyed::RELEASE, body),
        keyed::sign(Role::Boot, &keyed::BOOT, body),
    ];
    let signed = write_envelope(body, &entries).expect("a short body");
    let (client, bootloader) = verify(&signed);
    expect(client, decode(body, Reader::Client));
    expect(bootloader, decode(body, Reader::Bootloader));
    let unsigned = write_envelope(body, &[]).expect("a short body");
    let (client, bootloader) = verify(&unsigned);
    assert_eq!(client.err(), Some(VerifyError::ReleaseSignatureMissing));
    assert_eq!(bootloader.err(), Some(VerifyError::BootSignatureMissing));
    // One bit of the body, chosen by the body: the signatures do not hold any more.
    let mut changed = signed;
    changed[12 + usize::from(body[0]) % body.len()] ^= 1;
    let (client, bootloader) = verify(&changed);
    assert_eq!(client.err(), Some(VerifyError::ReleaseSignatureWrong));
    assert_eq!(bootloader.err(), Some(VerifyError::BootSignatureWrong));
}

type Outcome<L> = Result<Verified<L>, VerifyError>;

fn verify(envelope: &[u8; ENVELOPE_LEN]) -> (Outcome<Distribution>, Outcome<Boot>) {
    let (release, boot) = ([keyed::RELEASE], [keyed::BOOT]);
    let envelope = Envelope::parse(envelope).expect("an envelope");
    let anchors = TrustAnchors::new(&release, &boot).expect("two keys");
    let keys = BootKeys::new(&boot).expect("a key");
    (
        envelope.verify(&mut KeyedHash, &anchors, 0),
        envelope.verify_boot(&mut KeyedHash, &keys, 0),
    )
}

/// A good signature says nothing about form: what decodes is taken, what does not is refused
/// with the same error, and a release that revokes its own signer is refused.
fn expect<L>(found: Outcome<L>, decoded: Result<Manifest, ManifestError>) {
    match (found, decoded) {
        (Ok(verified), Ok(manifest)) => {
            assert_eq!(*verified, manifest);
            assert_eq!(manifest.revoked_boot_keys & 1, 0);
        }
        (Err(VerifyError::KeyRevoked), Ok(manifest)) => {
            assert_eq!(manifest.revoked_boot_keys & 1, 1);
        }
        (Err(VerifyError::Manifest(error)), Err(same)) => assert_eq!(error, same),
        (found, decoded) => panic!("{:?}, but decoding says {decoded:?}", found.map(|_| ())),
    }
}

//! Two roles, two keys: which signatures make a release count.

use ota_image::{
    Algorithm, Boot, BootKeys, Distribution, ManifestError, PublicKey, Role, SignatureEntry,
    SoftwareCrypto, TrustAnchors, Verified, VerifyError, write_envelope,
};

use crate::common::{
    BOOT_ED, BOOT_ED_NEXT, BOOT_P256, BOTH_ED, BOTH_P256, Counting, Package, RELEASE_ED,
    RELEASE_P256, TestKey, parse, sign_body, signed,
};

fn publics(keys: &[TestKey]) -> Vec<PublicKey> {
    keys.iter().map(TestKey::public).collect()
}

fn verify(
    envelope: &[u8],
    release: &[TestKey],
    boot: &[TestKey],
    revoked: u8,
) -> Result<Verified<Distribution>, VerifyError> {
    let (release, boot) = (publics(release), publics(boot));
    let anchors = TrustAnchors::new(&release, &boot).unwrap();
    parse(envelope).verify(&mut SoftwareCrypto, &anchors, revoked)
}

fn verify_boot(
    envelope: &[u8],
    boot: &[TestKey],
    revoked: u8,
) -> Result<Verified<Boot>, VerifyError> {
    let boot = publics(boot);
    parse(envelope).verify_boot(&mut SoftwareCrypto, &BootKeys::new(&boot).unwrap(), revoked)
}

/// The refusal by a device with one Ed25519 key for each role.
fn refusal(envelope: &[u8]) -> VerifyError {
    verify(envelope, &[RELEASE_ED], &[BOOT_ED], 0).unwrap_err()
}

fn boot_refusal(envelope: &[u8]) -> VerifyError {
    verify_boot(envelope, &[BOOT_ED], 0).unwrap_err()
}

#[test]
fn a_release_with_both_signatures_is_what_it_says() {
    let mixed = [(Role::Release, RELEASE_ED), (Role::Boot, BOOT_P256)];
    for keys in [BOTH_ED, BOTH_P256, mixed] {
        let (package, envelope) = signed(&keys);
        let id = parse(&envelope).release_id(&mut SoftwareCrypto);
        let by_client = verify(&envelope, &[keys[0].1], &[keys[1].1], 0).unwrap();
        assert_eq!((&*by_client, by_client.id()), (&package.manifest, id));
        let by_bootloader = verify_boot(&envelope, &[keys[1].1], 0).unwrap();
        assert_eq!(
            (&*by_bootloader, by_bootloader.id()),
            (&package.manifest, id)
        );
    }
}

#[test]
fn an_unsigned_release_is_refused() {
    let (_, envelope) = signed(&[]);
    assert_eq!(refusal(&envelope), VerifyError::ReleaseSignatureMissing);
    assert_eq!(boot_refusal(&envelope), VerifyError::BootSignatureMissing);
}

#[test]
fn a_stripped_boot_signature_is_noticed_before_the_download() {
    let (_, envelope) = signed(&BOTH_ED[..1]);
    assert_eq!(refusal(&envelope), VerifyError::BootSignatureMissing);
}

#[test]
fn a_stripped_release_signature_is_refused_by_the_client_and_no_matter_to_the_bootloader() {
    let (_, envelope) = signed(&BOTH_ED[1..]);
    assert_eq!(refusal(&envelope), VerifyError::ReleaseSignatureMissing);
    assert!(verify_boot(&envelope, &[BOOT_ED], 0).is_ok());
}

#[test]
fn keys_with_swapped_roles_are_refused() {
    let (_, envelope) = signed(&[(Role::Release, BOOT_ED), (Role::Boot, RELEASE_ED)]);
    assert_eq!(refusal(&envelope), VerifyError::ReleaseSignatureWrong);
    assert_eq!(boot_refusal(&envelope), VerifyError::BootSignatureWrong);
}

#[test]
fn a_signature_does_not_count_for_the_role_it_was_not_made_for() {
    let package = Package::new(1, 1024);
    let mut made_for_release = RELEASE_ED.sign(Role::Release, &package.body);
    let mut made_for_boot = BOOT_ED.sign(Role::Boot, &package.body);
    (made_for_release.role, made_for_boot.role) = (Role::Boot as u8, Role::Release as u8);
    let envelope = write_envelope(&package.body, &[made_for_release, made_for_boot]).unwrap();
    let swapped = verify(&envelope, &[BOOT_ED], &[RELEASE_ED], 0).unwrap_err();
    assert_eq!(swapped, VerifyError::ReleaseSignatureWrong);
}

#[test]
fn a_signature_of_another_body_is_refused() {
    let package = Package::new(1, 1024);
    let other = package
        .clone()
        .with(|manifest| manifest.security_counter += 1);
    let of_other = BOOT_ED.sign(Role::Boot, &other.body);
    let release = RELEASE_ED.sign(Role::Release, &package.body);
    let envelope = write_envelope(&package.body, &[release, of_other]).unwrap();
    assert_eq!(refusal(&envelope), VerifyError::BootSignatureWrong);
}

#[test]
fn another_key_of_the_right_role_is_refused() {
    let (_, envelope) = signed(&[(Role::Release, RELEASE_ED), (Role::Boot, BOOT_ED_NEXT)]);
    assert_eq!(refusal(&envelope), VerifyError::BootSignatureWrong);
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_envelopes_to_say() {
    let package = Package::new(1, 1024);
    let release = RELEASE_ED.sign(Role::Release, &package.body);
    let mut boot = BOOT_ED.sign(Role::Boot, &package.body);
    boot.algorithm = Algorithm::P256 as u8;
    let envelope = write_envelope(&package.body, &[release, boot]).unwrap();
    assert_eq!(refusal(&envelope), VerifyError::BootSignatureMissing);
}

#[test]
fn signatures_of_unknown_roles_and_algorithms_are_passed_over() {
    let package = Package::new(1, 1024);
    let entry = |role, algorithm| SignatureEntry {
        role,
        algorithm,
        key_id: BOOT_ED.public().key_id(&mut SoftwareCrypto),
        signature: [0x55; 64],
    };
    let release = RELEASE_ED.sign(Role::Release, &package.body);
    let boot = BOOT_ED.sign(Role::Boot, &package.body);
    let entries = [entry(9, 1), entry(2, 77), release, boot];
    let envelope = write_envelope(&package.body, &entries).unwrap();
    assert!(verify(&envelope, &[RELEASE_ED], &[BOOT_ED], 0).is_ok());
    let only_unknown = write_envelope(&package.body, &entries[..2]).unwrap();
    assert_eq!(refusal(&only_unknown), VerifyError::ReleaseSignatureMissing);
}

#[test]
fn any_key_of_a_role_will_do_whatever_the_hint_says() {
    let package = Package::new(1, 1024);
    let mut release = RELEASE_ED.sign(Role::Release, &package.body);
    let mut boot = BOOT_ED_NEXT.sign(Role::Boot, &package.body);
    release.key_id = [0; 4];
    boot.key_id = BOOT_ED.public().key_id(&mut SoftwareCrypto); // a lie
    let envelope = write_envelope(&package.body, &[release, boot]).unwrap();
    assert!(
        verify(
            &envelope,
            &[RELEASE_P256, RELEASE_ED],
            &[BOOT_ED, BOOT_ED_NEXT],
            0
        )
        .is_ok()
    );
}

#[test]
fn a_true_hint_saves_every_needless_verification() {
    let (_, envelope) = signed(&[
        (Role::Boot, BOOT_ED_NEXT),
        (Role::Boot, BOOT_ED),
        (Role::Release, RELEASE_ED),
    ]);
    let release = publics(&[RELEASE_P256, RELEASE_ED]);
    let boot = publics(&[BOOT_P256, BOOT_ED, BOOT_ED_NEXT]);
    let anchors = TrustAnchors::new(&release, &boot).unwrap();
    let mut crypto = Counting::default();
    parse(&envelope).verify(&mut crypto, &anchors, 0).unwrap();
    assert_eq!(crypto.verifications, 2);
}

#[test]
fn work_on_a_forgery_is_bounded_by_keys_times_signatures() {
    let package = Package::new(1, 1024);
    let forged = SignatureEntry::new(Role::Boot, Algorithm::Ed25519, [0; 4], [3; 64]);
    let envelope = write_envelope(&package.body, &[forged; 4]).unwrap();
    let boot = publics(&[BOOT_ED, BOOT_ED_NEXT]);
    let keys = BootKeys::new(&boot).unwrap();
    for revoked in 0..4 {
        let mut crypto = Counting::default();
        let error = parse(&envelope)
            .verify_boot(&mut crypto, &keys, revoked)
            .unwrap_err();
        assert!(matches!(
            error,
            VerifyError::BootSignatureWrong | VerifyError::BootSignatureMissing
        ));
        assert_eq!(crypto.verifications, 2 * 4, "revoked {revoked}");
    }
}

#[test]
fn crypto_can_be_lent() {
    let (_, envelope) = signed(&BOTH_ED);
    let boot = publics(&[BOOT_ED]);
    let mut crypto = SoftwareCrypto;
    let mut lent = &mut crypto;
    let keys = BootKeys::new(&boot).unwrap();
    assert!(parse(&envelope).verify_boot(&mut lent, &keys, 0).is_ok());
}

#[test]
fn a_body_is_decoded_only_after_its_signatures_are_good() {
    let garbage = b"this is no manifest";
    let unsigned = sign_body(
        garbage,
        &[(Role::Release, BOOT_ED), (Role::Boot, RELEASE_ED)],
    );
    assert_eq!(refusal(&unsigned), VerifyError::ReleaseSignatureWrong);
    assert_eq!(boot_refusal(&unsigned), VerifyError::BootSignatureWrong);
    let half_signed = sign_body(garbage, &BOTH_ED[..1]);
    assert_eq!(refusal(&half_signed), VerifyError::BootSignatureMissing);
    let signed = sign_body(garbage, &BOTH_ED);
    let malformed = VerifyError::Manifest(ManifestError::Malformed);
    assert_eq!(
        (refusal(&signed), boot_refusal(&signed)),
        (malformed, malformed)
    );
}

#[test]
fn a_key_that_the_device_knows_to_be_revoked_signs_nothing_any_more() {
    let (_, envelope) = signed(&BOTH_ED);
    let boot = [BOOT_ED, BOOT_ED_NEXT];
    assert!(verify(&envelope, &[RELEASE_ED], &boot, 0b10).is_ok());
    for revoked in [0b01, 0b11, 0xFF] {
        let error = verify(&envelope, &[RELEASE_ED], &boot, revoked).unwrap_err();
        assert_eq!(error, VerifyError::KeyRevoked);
        assert_eq!(
            verify_boot(&envelope, &boot, revoked).unwrap_err(),
            VerifyError::KeyRevoked
        );
    }
}

#[test]
fn a_release_that_revokes_the_only_key_it_is_signed_by_is_refused() {
    let package = Package::new(1, 1024).with(|manifest| manifest.revoked_boot_keys = 0b01);
    let envelope = package.sign(&BOTH_ED);
    let boot = [BOOT_ED, BOOT_ED_NEXT];
    let error = verify(&envelope, &[RELEASE_ED], &boot, 0).unwrap_err();
    assert_eq!(error, VerifyError::KeyRevoked);
    assert_eq!(
        verify_boot(&envelope, &boot, 0).unwrap_err(),
        VerifyError::KeyRevoked
    );
}

#[test]
fn a_release_signed_by_the_new_key_too_can_revoke_the_old_one() {
    let package = Package::new(1, 1024).with(|manifest| manifest.revoked_boot_keys = 0b01);
    let keys = [
        (Role::Release, RELEASE_ED),
        (Role::Boot, BOOT_ED),
        (Role::Boot, BOOT_ED_NEXT),
    ];
    let envelope = package.sign(&keys);
    let boot = [BOOT_ED, BOOT_ED_NEXT];
    assert!(verify(&envelope, &[RELEASE_ED], &boot, 0).is_ok());
    assert!(verify_boot(&envelope, &boot, 0b01).is_ok());
    assert_eq!(
        verify_boot(&envelope, &boot, 0b10).unwrap_err(),
        VerifyError::KeyRevoked
    );
}

#[test]
fn a_forgery_is_called_a_forgery_even_where_keys_are_revoked() {
    let (_, envelope) = signed(&[(Role::Boot, RELEASE_ED)]);
    let error = verify_boot(&envelope, &[BOOT_ED, BOOT_ED_NEXT], 0b01).unwrap_err();
    assert_eq!(error, VerifyError::BootSignatureWrong);
}

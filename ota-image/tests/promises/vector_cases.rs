//! Envelopes, good and bad, each for one rule of the format.

use ota_image::{
    Digest, FrameError, ManifestError, Pages, PublicKey, Role, SignatureEntry, Tlv, VerifyError,
    write_envelope,
};

use crate::common::{
    BOOT_ED, BOOT_ED_NEXT, BOOT_P256, BOTH_ED, BOTH_P256, Package, RELEASE_ED, RELEASE_P256,
    TestKey, encode, sign_body,
};
use crate::keys::{with_other_ed25519_s, with_other_s};
use crate::manifest::{replaced, tlv, varint};

/// An envelope, who looks at it, and what comes of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The client's key; a bootloader has none.
    pub(crate) release: Option<PublicKey>,
    pub(crate) boot: Vec<PublicKey>,
    pub(crate) revoked: u8,
    pub(crate) envelope: Vec<u8>,
    pub(crate) result: Result<(), VerifyError>,
}

impl Case {
    /// Seen by a client with Ed25519 keys, and good.
    fn client(name: &'static str, envelope: impl Into<Vec<u8>>) -> Self {
        Self {
            name,
            release: Some(RELEASE_ED.public()),
            boot: vec![BOOT_ED.public(), BOOT_ED_NEXT.public()],
            revoked: 0,
            envelope: envelope.into(),
            result: Ok(()),
        }
    }

    fn by_bootloader(self) -> Self {
        Self {
            release: None,
            ..self
        }
    }

    fn with_p256_keys(self) -> Self {
        Self {
            release: self.release.map(|_| RELEASE_P256.public()),
            boot: vec![BOOT_P256.public()],
            ..self
        }
    }

    fn with_boot_key(self, key: PublicKey) -> Self {
        Self {
            boot: vec![key],
            ..self
        }
    }

    fn with_revoked(self, revoked: u8) -> Self {
        Self { revoked, ..self }
    }

    fn refused(self, error: impl Into<VerifyError>) -> Self {
        Self {
            result: Err(error.into()),
            ..self
        }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    [
        frame(),
        signatures(),
        algorithms(),
        revocation(),
        numbers(),
        values(),
        fields(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn release() -> Package {
    Package::new(2_500, 1024)
}

fn edited(edit: impl FnOnce(&mut [u8; 1024], usize)) -> Vec<u8> {
    let mut envelope = release().sign(&BOTH_ED);
    edit(&mut envelope, 12 + release().body.len());
    envelope.to_vec()
}

fn frame() -> Vec<Case> {
    use FrameError as F;
    let envelope = release().sign(&BOTH_ED);
    vec![
        Case::client("signed for both roles", envelope),
        Case::client("signed for both roles", envelope).by_bootloader(),
        Case::client("one byte short", &envelope[..1023]).refused(F::WrongLength),
        Case::client("one byte long", [&envelope[..], &[0]].concat()).refused(F::WrongLength),
        Case::client("line end translated", edited(|e, _| e[4] = b'\n')).refused(F::WrongMagic),
        Case::client("format version 2", edited(|e, _| e[8] = 2)).refused(F::UnknownFormat(2)),
        Case::client("body of length 0", edited(|e, _| e[10] = 0)).refused(F::BodyLength),
        Case::client(
            "body of length 732",
            edited(|e, _| (e[10], e[11]) = (0xDC, 2)),
        )
        .refused(F::BodyLength),
        Case::client("five signatures", edited(|e, count| e[count] = 5))
            .refused(F::TooManySignatures),
        Case::client(
            "three signatures counted, two there",
            edited(|e, count| e[count] = 3),
        )
        .refused(F::EmptySignature),
        Case::client(
            "one signature counted, two there",
            edited(|e, count| e[count] = 1),
        )
        .refused(F::BadPadding),
        Case::client("last byte not zero", edited(|e, _| e[1023] = 1)).refused(F::BadPadding),
    ]
}

fn signatures() -> Vec<Case> {
    use VerifyError as E;
    let body = release().body;
    let swapped = [(Role::Release, BOOT_ED), (Role::Boot, RELEASE_ED)];
    let stranger = [(Role::Release, RELEASE_ED), (Role::Boot, RELEASE_ED)];
    let mut wrong_ids = BOTH_ED.map(|(role, key)| key.sign(role, &body));
    wrong_ids[0].key_id = [0; 4];
    wrong_ids[1].key_id = *b"hint";
    let unknown = |role, algorithm| SignatureEntry {
        role,
        algorithm,
        key_id: [1; 4],
        signature: [2; 64],
    };
    let [first, second] = BOTH_ED.map(|(role, key)| key.sign(role, &body));
    let with_unknown = [unknown(3, 1), unknown(2, 3), first, second];
    vec![
        Case::client("unsigned", release().sign(&[])).refused(E::ReleaseSignatureMissing),
        Case::client("unsigned", release().sign(&[]))
            .by_bootloader()
            .refused(E::BootSignatureMissing),
        Case::client("boot signature stripped", release().sign(&BOTH_ED[..1]))
            .refused(E::BootSignatureMissing),
        Case::client("release signature stripped", release().sign(&BOTH_ED[1..]))
            .refused(E::ReleaseSignatureMissing),
        Case::client("release signature stripped", release().sign(&BOTH_ED[1..])).by_bootloader(),
        Case::client("each key in the other's role", release().sign(&swapped))
            .refused(E::ReleaseSignatureWrong),
        Case::client(
            "boot signature by the release key",
            release().sign(&stranger),
        )
        .refused(E::BootSignatureWrong),
        Case::client("a bit of the body flipped", edited(|e, _| e[12] ^= 1))
            .refused(E::ReleaseSignatureWrong),
        Case::client("a bit of the body flipped", edited(|e, _| e[12] ^= 1))
            .by_bootloader()
            .refused(E::BootSignatureWrong),
        Case::client(
            "roles of the two entries exchanged",
            edited(|e, count| {
                e.swap(count + 1, count + 71);
            }),
        )
        .refused(E::ReleaseSignatureWrong),
        Case::client("key ids wrong", write_envelope(&body, &wrong_ids).unwrap()),
        Case::client(
            "unknown role and algorithm",
            write_envelope(&body, &with_unknown).unwrap(),
        ),
    ]
}

fn with_boot_signature(key: TestKey, change: fn(&[u8; 64]) -> [u8; 64]) -> Vec<u8> {
    let body = release().body;
    let release = if key.algorithm == RELEASE_ED.algorithm {
        RELEASE_ED
    } else {
        RELEASE_P256
    };
    let mut boot = key.sign(Role::Boot, &body);
    boot.signature = change(&boot.signature);
    let entries = [release.sign(Role::Release, &body), boot];
    write_envelope(&body, &entries).unwrap().to_vec()
}

fn algorithms() -> Vec<Case> {
    use VerifyError::BootSignatureWrong;
    let mut weak = [0; 32];
    weak[0] = 1;
    let forged = |_: &[u8; 64]| {
        let mut forged = [0; 64];
        forged[0] = 1;
        forged
    };
    vec![
        Case::client("P-256", release().sign(&BOTH_P256)).with_p256_keys(),
        Case::client("P-256", release().sign(&BOTH_P256))
            .with_p256_keys()
            .by_bootloader(),
        Case::client(
            "P-256, s above half the order",
            with_boot_signature(BOOT_P256, with_other_s),
        )
        .with_p256_keys()
        .refused(BootSignatureWrong),
        Case::client(
            "P-256, r zero",
            with_boot_signature(BOOT_P256, |signature| {
                let mut zero = *signature;
                zero[..32].fill(0);
                zero
            }),
        )
        .with_p256_keys()
        .refused(BootSignatureWrong),
        Case::client(
            "Ed25519, S not below the order",
            with_boot_signature(BOOT_ED, with_other_ed25519_s),
        )
        .refused(BootSignatureWrong),
        Case::client(
            "Ed25519, a key of small order",
            with_boot_signature(BOOT_ED, forged),
        )
        .with_boot_key(PublicKey::Ed25519(weak))
        .refused(BootSignatureWrong),
    ]
}

fn revocation() -> Vec<Case> {
    use VerifyError::KeyRevoked;
    let revoking = release().with(|manifest| manifest.revoked_boot_keys = 0b01);
    let old_and_new = [
        (Role::Release, RELEASE_ED),
        (Role::Boot, BOOT_ED),
        (Role::Boot, BOOT_ED_NEXT),
    ];
    let plain = release().sign(&BOTH_ED);
    vec![
        Case::client("the other boot key is revoked", plain).with_revoked(0b10),
        Case::client("the boot key is revoked", plain)
            .with_revoked(0b01)
            .refused(KeyRevoked),
        Case::client("the boot key is revoked", plain)
            .with_revoked(0b01)
            .by_bootloader()
            .refused(KeyRevoked),
        Case::client(
            "the release revokes its own boot key",
            revoking.sign(&BOTH_ED),
        )
        .refused(KeyRevoked),
        Case::client(
            "the release revokes one of its two boot keys",
            revoking.sign(&old_and_new),
        ),
    ]
}

fn signed(body: &[u8]) -> Vec<u8> {
    sign_body(body, &BOTH_ED).to_vec()
}

fn numbers() -> Vec<Case> {
    use ManifestError::{Malformed, NotMinimal};
    let manifest = release().manifest;
    let body = release().body;
    let case = |name, part, bytes: &[u8], error: ManifestError| {
        Case::client(name, signed(&replaced(&manifest, part, bytes))).refused(error)
    };
    let wide = varint(1 << 16);
    vec![
        Case::client("fixed part cut short", signed(&body[..body.len() - 1])).refused(Malformed),
        case("a padded u16", "hardware_min", &[0x81, 0], NotMinimal),
        case("a padded u64", "sequence", &[0x81, 0x80, 0], NotMinimal),
        case("a padded length", "version length", &[0x92, 0], NotMinimal),
        case("a padded count", "page count", &[0x81, 0], NotMinimal),
        case("a u16 above 65535", "hardware_max", &wide, Malformed),
        case(
            "a u32 above 2^32 - 1",
            "load_address",
            &[0xFF, 0xFF, 0xFF, 0xFF, 0x1F],
            Malformed,
        ),
    ]
}

fn values() -> Vec<Case> {
    use ManifestError as M;
    let manifest = release().manifest;
    let case = |name, part, bytes: &[u8], error: ManifestError| {
        Case::client(name, signed(&replaced(&manifest, part, bytes))).refused(error)
    };
    let mut two_pages = manifest.clone();
    two_pages.image_length = 40_000;
    two_pages.pages = Pages::new(&[Digest([1; 32]); 2]).unwrap();
    let one_too_many = replaced(&manifest, "page count", &[&[2][..], &[0; 32]].concat());
    let one_too_few = replaced(&two_pages, "image_length", &varint(70_000));
    vec![
        case(
            "version with a space",
            "version",
            b"1.4.2 rc.1+build.7",
            M::Version,
        ),
        case("version not UTF-8", "version", &[0xFF; 18], M::Malformed),
        case(
            "no hardware revision",
            "hardware_min",
            &varint(301),
            M::HardwareRange,
        ),
        case("empty image", "image_length", &[0], M::EmptyImage),
        case(
            "package above 4 GiB",
            "image_length",
            &varint(u32::MAX.into()),
            M::TooLong,
        ),
        case("chunks of 512 bytes", "chunk_size_log2", &[9], M::ChunkSize),
        case("chunks of 32 KiB", "chunk_size_log2", &[15], M::ChunkSize),
        Case::client("a page digest too many", signed(&one_too_many)).refused(M::PageCount),
        Case::client("a page digest too few", signed(&one_too_few)).refused(M::PageCount),
    ]
}

fn fields() -> Vec<Case> {
    use ManifestError as M;
    let body = release().body;
    let fields = |tlvs: &[u8]| signed(&[&body[..], tlvs].concat());
    let known_good = encode(
        &release().manifest,
        &[Tlv {
            tag: 0x0123,
            value: b"later",
        }],
    );
    let [client, bootloader] = [tlv(0x8003, b""), tlv(0x4003, b"")];
    vec![
        Case::client("an unknown field that is not critical", signed(&known_good)),
        Case::client("an unknown field that is not critical", signed(&known_good)).by_bootloader(),
        Case::client("critical for the client", fields(&client))
            .refused(M::UnknownCritical(0x8003)),
        Case::client("critical for the client", fields(&client)).by_bootloader(),
        Case::client("critical for the bootloader", fields(&bootloader)),
        Case::client("critical for the bootloader", fields(&bootloader))
            .by_bootloader()
            .refused(M::UnknownCritical(0x4003)),
        Case::client("a byte left over", fields(&[0])).refused(M::TlvTruncated),
        Case::client("a field longer than the body", fields(&[5, 0, 2, 0, 1]))
            .refused(M::TlvTruncated),
        Case::client("number 0", fields(&[0; 4])).refused(M::TlvOrder),
        Case::client(
            "a number twice",
            fields(&[tlv(5, b""), tlv(0x8005, b"")].concat()),
        )
        .refused(M::TlvOrder),
        Case::client(
            "numbers descending",
            fields(&[tlv(6, b""), tlv(5, b"")].concat()),
        )
        .refused(M::TlvOrder),
    ]
}

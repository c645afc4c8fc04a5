//! What holds for any input at all.

use ota_image::{
    ChunkSize, Digest, Envelope, MAX_BODY, Manifest, Pages, Reader, Role, SoftwareCrypto, Tlv,
    TrustAnchors, Version, write_envelope,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::{BOOT_ED, BOTH_ED, Package, RELEASE_ED, sign_body};

pub(crate) fn any_manifest() -> impl Strategy<Value = Manifest> {
    let fixed = (
        any::<[u8; 16]>(),
        any::<[u8; 16]>(),
        any::<[u16; 2]>(),
        any::<[u8; 4]>(),
    );
    let numbers = (any::<u32>(), any::<u64>(), any::<u32>(), 1..=128_u32 << 20);
    (fixed, numbers, "[!-~]{1,32}", any::<[u8; 32]>(), 0..=4_u8).prop_map(
        |((vendor, class, hardware, bytes), numbers, version, digest, larger)| {
            let smallest = ChunkSize::smallest_for(numbers.3).unwrap();
            let chunk_size =
                ChunkSize::from_log2(smallest.log2() + larger).unwrap_or(ChunkSize::MAX);
            let mut manifest = Manifest {
                vendor,
                class,
                hardware_min: hardware[0].min(hardware[1]),
                hardware_max: hardware[0].max(hardware[1]),
                component: bytes[0],
                load_address: numbers.0,
                version: Version::new(&version).unwrap(),
                sequence: numbers.1,
                security_counter: numbers.2,
                image_length: numbers.3,
                image_digest: Digest(digest),
                chunk_size,
                pages: Pages::new(&[]).unwrap(),
                payload_format: bytes[1],
                lowest_boot_format: bytes[2],
                revoked_boot_keys: bytes[3],
            };
            let count = manifest.page_count() as usize;
            manifest.pages = Pages::new(&vec![Digest(digest); count]).unwrap();
            manifest
        },
    )
}

fn any_tlvs() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    vec((1..=20_u16, 0..4_u16, vec(any::<u8>(), 0..8)), 0..5).prop_map(|mut tlvs| {
        tlvs.sort_by_key(|(number, ..)| *number);
        tlvs.dedup_by_key(|(number, ..)| *number);
        tlvs.into_iter()
            .map(|(number, bits, value)| (number | bits << 14, value))
            .collect()
    })
}

fn verify(bytes: &[u8]) -> bool {
    let (release, boot) = ([RELEASE_ED.public()], [BOOT_ED.public()]);
    let anchors = TrustAnchors::new(&release, &boot).unwrap();
    Envelope::parse(bytes).is_ok_and(|e| e.verify(&mut SoftwareCrypto, &anchors, 0).is_ok())
}

proptest! {
    #[test]
    fn every_manifest_survives_the_way_through_bytes(
        manifest in any_manifest(), tlvs in any_tlvs(),
    ) {
        let tlvs: Vec<_> = tlvs.iter().map(|(tag, value)| Tlv { tag: *tag, value }).collect();
        let mut out = [0; MAX_BODY];
        let len = manifest.encode(&tlvs, &mut out).unwrap();
        let (decoded, found) =
            Manifest::decode_unverified(&out[..len], Reader::Inspector).unwrap();
        prop_assert_eq!(decoded, manifest);
        prop_assert_eq!(found.collect::<Vec<_>>(), tlvs);
    }

    #[test]
    fn a_manifest_has_one_form_only(manifest in any_manifest(), at: usize, to: u8) {
        let mut out = [0; MAX_BODY];
        let len = manifest.encode(&[], &mut out).unwrap();
        let mut changed = out;
        changed[at % len] = to;
        if let Ok((other, tlvs)) =
            Manifest::decode_unverified(&changed[..len], Reader::Inspector)
        {
            let mut again = [0; MAX_BODY];
            let tlvs: Vec<_> = tlvs.collect();
            let len_again = other.encode(&tlvs, &mut again).unwrap();
            prop_assert_eq!(&again[..len_again], &changed[..len]);
        }
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in vec(any::<u8>(), 0..MAX_BODY)) {
        for reader in [Reader::Client, Reader::Bootloader, Reader::Inspector] {
            let _ = Manifest::decode_unverified(&bytes, reader);
        }
    }

    #[test]
    fn any_1024_bytes_parse_or_are_refused(
        mut bytes in vec(any::<u8>(), 1024..=1024), body_len in 0..800_u16, count in 0..8_u8,
    ) {
        bytes[..8].copy_from_slice(&ota_image::MAGIC);
        bytes[8..10].copy_from_slice(&[1, 0]);
        bytes[10..12].copy_from_slice(&body_len.to_le_bytes());
        bytes[12 + usize::from(body_len)] = count;
        if let Ok(envelope) = Envelope::parse(&bytes) {
            let entries: Vec<_> = envelope.signatures().collect();
            let again = write_envelope(envelope.body(), &entries).unwrap();
            prop_assert_eq!(&again[..], &bytes[..]);
        }
        prop_assert!(!verify(&bytes));
    }

    #[test]
    fn a_signed_body_that_is_garbage_is_refused_and_nothing_else_happens(
        body in vec(any::<u8>(), 1..=MAX_BODY),
    ) {
        prop_assert!(!verify(&sign_body(&body, &BOTH_ED)));
    }

    #[test]
    fn a_signed_envelope_with_any_run_of_bytes_overwritten_is_refused(
        at in 0..1024_usize, run in vec(any::<u8>(), 1..64),
    ) {
        let envelope = Package::new(2_500, 1024).sign(&BOTH_ED);
        let mut changed = envelope;
        for (to, from) in changed[at..].iter_mut().zip(run) {
            *to = from;
        }
        let hints = |bytes: &[u8; 1024]| {
            let mut bytes = *bytes;
            let first = 13 + usize::from(u16::from_le_bytes([envelope[10], envelope[11]]));
            for entry in [first, first + 70] {
                bytes[entry + 2..entry + 6].fill(0);
            }
            bytes
        };
        prop_assert_eq!(verify(&changed), hints(&changed) == hints(&envelope));
    }

    #[test]
    fn geometry_never_overflows(mut manifest in any_manifest(), length: u32, index: u32) {
        manifest.image_length = length;
        let total: Option<u32> = (manifest.payload_offset()).checked_add(length);
        prop_assert_eq!(manifest.package_len(), total.unwrap_or(u32::MAX));
        prop_assert_eq!(manifest.chunk_len(index).is_some(), index < manifest.chunk_count());
        prop_assert_eq!(manifest.page_len(index).is_some(), index < manifest.page_count());
        let _ = (manifest.chunk_offset(index), manifest.page_offset(index));
    }

    #[test]
    fn a_signature_is_for_one_role_and_one_body(
        body in vec(any::<u8>(), 1..=MAX_BODY), other in vec(any::<u8>(), 1..=MAX_BODY),
    ) {
        prop_assume!(body != other);
        let entry = BOOT_ED.sign(Role::Boot, &body);
        prop_assert_ne!(entry.signature, BOOT_ED.sign(Role::Release, &body).signature);
        prop_assert_ne!(entry.signature, BOOT_ED.sign(Role::Boot, &other).signature);
    }
}

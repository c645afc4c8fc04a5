//! The body: one form for each manifest, and nothing that is not understood slips through.

use ota_image::{
    ChunkSize, Digest, Distribution, EncodeError, MAX_BODY, Manifest, ManifestError, Pages, Reader,
    Tlv, Verified, Version, tag,
};

use crate::common::{Package, encode};

pub(crate) type Parts = Vec<(&'static str, Vec<u8>)>;

/// The fixed part written by hand, field by field: a second opinion on the encoder.
pub(crate) fn parts(manifest: &Manifest) -> Parts {
    let m = manifest;
    let pages = m.pages.as_slice();
    let mut parts = vec![
        ("vendor", m.vendor.to_vec()),
        ("class", m.class.to_vec()),
        ("hardware_min", varint(m.hardware_min.into())),
        ("hardware_max", varint(m.hardware_max.into())),
        ("component", vec![m.component]),
        ("load_address", varint(m.load_address.into())),
        ("version length", varint(m.version.as_str().len() as u64)),
        ("version", m.version.as_str().as_bytes().to_vec()),
        ("sequence", varint(m.sequence)),
        ("security_counter", varint(m.security_counter.into())),
        ("image_length", varint(m.image_length.into())),
        ("image_digest", m.image_digest.0.to_vec()),
        ("chunk_size_log2", vec![m.chunk_size.log2()]),
        ("page count", varint(pages.len() as u64)),
    ];
    parts.extend(
        pages
            .iter()
            .map(|digest| ("page digest", digest.0.to_vec())),
    );
    parts.push(("payload_format", vec![m.payload_format]));
    parts.push(("lowest_boot_format", vec![m.lowest_boot_format]));
    parts.push(("revoked_boot_keys", vec![m.revoked_boot_keys]));
    parts
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 0x7F {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

fn join(parts: &Parts) -> Vec<u8> {
    parts.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
}

/// The body with one part replaced.
pub(crate) fn replaced(manifest: &Manifest, name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut parts = parts(manifest);
    parts.iter_mut().find(|(part, _)| *part == name).unwrap().1 = bytes.to_vec();
    join(&parts)
}

fn decode(body: &[u8]) -> Result<Manifest, ManifestError> {
    Manifest::decode_unverified(body, Reader::Inspector).map(|(manifest, _)| manifest)
}

fn refusal(body: &[u8]) -> ManifestError {
    decode(body).unwrap_err()
}

fn sample() -> Package {
    Package::new(40_000, 1024)
}

pub(crate) fn tlv(tag: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).unwrap();
    [&tag.to_le_bytes()[..], &len.to_le_bytes(), value].concat()
}

#[test]
fn the_encoder_writes_what_the_format_says_and_the_decoder_reads_it() {
    let package = sample();
    assert_eq!(package.manifest.pages.count(), 2);
    assert_eq!(package.body, join(&parts(&package.manifest)));
    assert_eq!(decode(&package.body), Ok(package.manifest));
}

#[test]
fn a_fixed_part_cut_short_anywhere_is_refused() {
    let body = sample().body;
    for len in 0..body.len() {
        assert_eq!(
            refusal(&body[..len]),
            ManifestError::Malformed,
            "length {len}"
        );
    }
}

#[test]
fn bytes_after_the_fixed_part_are_tlvs_or_refused() {
    let body = sample().body;
    for zeros in 1..64 {
        let longer = [body.clone(), vec![0; zeros]].concat();
        let expected = if zeros < 4 {
            ManifestError::TlvTruncated
        } else {
            ManifestError::TlvOrder
        };
        assert_eq!(refusal(&longer), expected, "{zeros} zeros");
    }
    let whole = [body, tlv(9, b"value")].concat();
    assert!(decode(&whole).is_ok());
    for cut in 1..whole.len() - sample().body.len() {
        assert_eq!(
            refusal(&whole[..whole.len() - cut]),
            ManifestError::TlvTruncated
        );
    }
    assert_eq!(
        refusal(&[whole, vec![0]].concat()),
        ManifestError::TlvTruncated
    );
}

#[test]
fn a_number_that_is_not_in_its_shortest_form_is_refused() {
    let manifest = sample().manifest;
    let numbers: [(&str, u64); 8] = [
        ("hardware_min", manifest.hardware_min.into()),
        ("hardware_max", manifest.hardware_max.into()),
        ("load_address", 0x7F),
        ("version length", manifest.version.as_str().len() as u64),
        ("sequence", 5),
        ("security_counter", manifest.security_counter.into()),
        ("image_length", manifest.image_length.into()),
        ("page count", manifest.pages.count().into()),
    ];
    for (name, value) in numbers {
        let mut padded = varint(value);
        *padded.last_mut().unwrap() |= 0x80;
        padded.push(0);
        assert!(
            decode(&replaced(&manifest, name, &varint(value))).is_ok(),
            "{name}"
        );
        let error = refusal(&replaced(&manifest, name, &padded));
        assert_eq!(error, ManifestError::NotMinimal, "{name}");
    }
}

#[test]
fn a_number_too_large_for_its_field_is_refused() {
    let manifest = sample().manifest;
    let limits = [
        ("hardware_max", u64::from(u16::MAX)),
        ("load_address", u32::MAX.into()),
        ("security_counter", u32::MAX.into()),
    ];
    for (name, largest) in limits {
        assert!(
            decode(&replaced(&manifest, name, &varint(largest))).is_ok(),
            "{name}"
        );
        let error = refusal(&replaced(&manifest, name, &varint(largest + 1)));
        assert_eq!(error, ManifestError::Malformed, "{name}");
    }
    let endless = [0xFF; 11];
    assert_eq!(
        refusal(&replaced(&manifest, "sequence", &endless)),
        ManifestError::Malformed
    );
}

#[test]
fn the_number_of_page_digests_is_what_length_and_chunk_size_make_it() {
    for (length, chunk_size) in [(40_000, 1024), (1, 1024), (600_000, 4096)] {
        let manifest = Package::new(length, chunk_size).manifest;
        for count in 0..=16_u32 {
            let digests = vec![Digest([7; 32]); count as usize];
            let pages = Pages::new(&digests).unwrap();
            let body = join(&parts(&Manifest {
                pages,
                ..manifest.clone()
            }));
            if count == manifest.page_count() {
                assert!(decode(&body).is_ok());
            } else {
                assert_eq!(refusal(&body), ManifestError::PageCount);
            }
        }
    }
    assert_eq!(Pages::new(&[Digest([7; 32]); 17]), None);
    let mut body = join(&parts(&sample().manifest));
    let count = body.iter().position(|byte| *byte == 10).unwrap();
    assert_eq!(body[count..count + 2], [10, 2], "chunk size and page count");
    body[count + 1] = 17;
    body.extend([0; 17 * 32]);
    assert_eq!(refusal(&body), ManifestError::Malformed);
}

#[test]
fn values_that_make_no_sense_are_refused() {
    use ManifestError as E;
    let manifest = sample().manifest;
    let cases: [(&str, &[u8], E); 7] = [
        ("hardware_min", &varint(301), E::HardwareRange),
        ("image_length", &[0], E::EmptyImage),
        ("image_length", &varint(u32::MAX.into()), E::TooLong),
        ("chunk_size_log2", &[9], E::ChunkSize),
        ("chunk_size_log2", &[15], E::ChunkSize),
        ("version", b"1.4.2 rc.1+build.7", E::Version),
        ("version", b"1.4.2-rc.1+build.\n", E::Version),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(
            refusal(&replaced(&manifest, name, bytes)),
            expected,
            "{name}"
        );
    }
    let not_utf8 = replaced(&manifest, "version", &[0xFF; 18]);
    assert_eq!(refusal(&not_utf8), E::Malformed);
}

#[test]
fn the_encoder_refuses_what_the_decoder_would() {
    let mut out = [0; MAX_BODY];
    let mut check = |change: fn(&mut Manifest), expected| {
        let mut manifest = sample().manifest;
        change(&mut manifest);
        assert_eq!(
            manifest.encode(&[], &mut out),
            Err(EncodeError::Manifest(expected))
        );
    };
    check(|m| m.hardware_min = 301, ManifestError::HardwareRange);
    check(|m| m.image_length = 0, ManifestError::EmptyImage);
    check(|m| m.image_length = u32::MAX, ManifestError::TooLong);
    check(|m| m.image_length = 70_000, ManifestError::PageCount);
    check(|m| m.chunk_size = ChunkSize::MAX, ManifestError::PageCount);
}

#[test]
fn the_encoder_says_when_there_is_no_room() {
    let package = sample();
    let extra = [Tlv {
        tag: 9,
        value: &[1; 30],
    }];
    let whole = encode(&package.manifest, &extra).len();
    for len in 0..whole {
        let mut out = vec![0; len];
        let result = package.manifest.encode(&extra, &mut out);
        assert_eq!(result, Err(EncodeError::BufferTooSmall), "{len} bytes");
    }
    let mut out = vec![0; 100_000];
    assert_eq!(package.manifest.encode(&extra, &mut out), Ok(whole));
    for value in [vec![0; MAX_BODY], vec![0; 65_536]] {
        let long = [Tlv {
            tag: 9,
            value: &value,
        }];
        assert_eq!(
            package.manifest.encode(&long, &mut out),
            Err(EncodeError::BodyLength)
        );
    }
}

#[test]
fn the_largest_fixed_part_leaves_room_for_fields_to_come() {
    let manifest = Manifest {
        hardware_min: u16::MAX,
        hardware_max: u16::MAX,
        load_address: u32::MAX,
        version: Version::new(&"9".repeat(32)).unwrap(),
        sequence: u64::MAX,
        security_counter: u32::MAX,
        image_length: 128 << 20,
        chunk_size: ChunkSize::MAX,
        pages: Pages::new(&[Digest([7; 32]); 16]).unwrap(),
        ..sample().manifest
    };
    let body = encode(&manifest, &[]);
    assert_eq!((body.len(), MAX_BODY - body.len()), (645, 86));
    assert_eq!(decode(&body), Ok(manifest));
}

#[test]
fn an_unknown_critical_field_stops_the_reader_it_is_critical_for_and_no_other() {
    let client = tag::CRITICAL_FOR_CLIENT;
    let bootloader = tag::CRITICAL_FOR_BOOTLOADER;
    for number in [1, 2, 3, 4, 5, 0x3FFF] {
        for (bits, stopped) in [
            (0, &[][..]),
            (client, &[Reader::Client]),
            (bootloader, &[Reader::Bootloader]),
            (client | bootloader, &[Reader::Client, Reader::Bootloader]),
        ] {
            let tag = number | bits;
            let body = sample().with_tlvs(&[Tlv { tag, value: b"?" }]).body;
            for reader in [Reader::Client, Reader::Bootloader, Reader::Inspector] {
                let result = Manifest::decode_unverified(&body, reader);
                if stopped.contains(&reader) {
                    assert_eq!(result.err(), Some(ManifestError::UnknownCritical(tag)));
                } else {
                    let (_, tlvs) = result.unwrap();
                    assert_eq!(tlvs.collect::<Vec<_>>(), [Tlv { tag, value: b"?" }]);
                }
            }
        }
    }
}

#[test]
fn a_critical_field_is_noticed_behind_others() {
    let tlvs = [
        Tlv { tag: 5, value: b"" },
        Tlv {
            tag: 6,
            value: b"fine",
        },
        Tlv {
            tag: 7 | tag::CRITICAL_FOR_CLIENT,
            value: b"",
        },
    ];
    let body = sample().with_tlvs(&tlvs).body;
    let error = Manifest::decode_unverified(&body, Reader::Client).err();
    assert_eq!(error, Some(ManifestError::UnknownCritical(0x8007)));
}

#[test]
fn tags_ascend_by_number_and_none_stands_twice() {
    let critical = tag::CRITICAL_FOR_CLIENT;
    let in_order = [5, 6 | critical, 7];
    let out_of_order = [
        [6, 5, 7],
        [5, 5, 7],
        [5, 5 | critical, 7],
        [5 | critical, 5, 7],
        [0, 1, 2],
    ];
    let body = |tags: [u16; 3]| {
        let tlvs = tags.map(|tag| tlv(tag, b"v")).concat();
        [sample().body, tlvs].concat()
    };
    let encoded = |tags: [u16; 3]| {
        let tlvs = tags.map(|tag| Tlv { tag, value: b"v" });
        sample().manifest.encode(&tlvs, &mut [0; MAX_BODY])
    };
    assert!(decode(&body(in_order)).is_ok());
    assert_eq!(encoded(in_order), Ok(body(in_order).len()));
    for tags in out_of_order {
        assert_eq!(refusal(&body(tags)), ManifestError::TlvOrder, "{tags:?}");
        assert_eq!(encoded(tags), Err(EncodeError::TlvOrder), "{tags:?}");
    }
}

#[test]
fn a_version_is_1_to_32_visible_characters() {
    for good in ["1", "1.2.3", "!~", &"x".repeat(32)] {
        let version = Version::new(good).unwrap();
        assert_eq!(
            (version.as_str(), version.to_string().as_str()),
            (good, good)
        );
        assert_eq!(good.parse(), Ok(version));
    }
    for bad in [
        "",
        " ",
        "1 2",
        "1\n",
        "\u{7f}",
        "é",
        &"x".repeat(33),
        &"x".repeat(256 + 5),
    ] {
        assert_eq!(Version::new(bad), Err(ManifestError::Version), "{bad:?}");
    }
}

#[test]
fn a_chunk_size_is_a_power_of_two_from_1_to_16_kib() {
    for log2 in 0..=255 {
        let size = ChunkSize::from_log2(log2);
        assert_eq!(size.is_some(), (10..=14).contains(&log2));
        if let Some(size) = size {
            assert_eq!((size.log2(), size.bytes()), (log2, 1 << log2));
            assert_eq!(ChunkSize::from_bytes(size.bytes()), Some(size));
            let reach = 16 * size.digests_per_page() * size.bytes();
            assert_eq!(ChunkSize::smallest_for(reach), Some(size));
            assert_eq!(
                ChunkSize::smallest_for(reach + 1),
                ChunkSize::from_log2(log2 + 1)
            );
        }
    }
    for bytes in [0, 1, 512, 1000, 1025, 32_768, u32::MAX] {
        assert_eq!(ChunkSize::from_bytes(bytes), None);
    }
    assert_eq!(ChunkSize::smallest_for(0), Some(ChunkSize::MIN));
}

#[test]
fn a_verified_manifest_takes_at_most_704_bytes_of_ram() {
    assert!(
        size_of::<Verified<Distribution>>() <= 704,
        "{}",
        size_of::<Verified<Distribution>>()
    );
}

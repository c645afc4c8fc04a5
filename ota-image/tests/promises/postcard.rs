//! The fixed part is postcard: the crate of that name writes and reads the same bytes.

use ota_image::{MAX_BODY, Manifest, Reader};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::properties::any_manifest;

/// As docs/image-format.md has it.
#[derive(Serialize, Deserialize)]
struct Fixed {
    vendor: [u8; 16],
    class: [u8; 16],
    hardware_min: u16,
    hardware_max: u16,
    component: u8,
    load_address: u32,
    version: String,
    sequence: u64,
    security_counter: u32,
    image_length: u32,
    image_digest: [u8; 32],
    chunk_size_log2: u8,
    pages: Vec<[u8; 32]>,
    payload_format: u8,
    lowest_boot_format: u8,
    revoked_boot_keys: u8,
}

impl Fixed {
    fn of(manifest: &Manifest) -> Self {
        let pages = manifest.pages.as_slice().iter();
        Self {
            vendor: manifest.vendor,
            class: manifest.class,
            hardware_min: manifest.hardware_min,
            hardware_max: manifest.hardware_max,
            component: manifest.component,
            load_address: manifest.load_address,
            version: manifest.version.as_str().into(),
            sequence: manifest.sequence,
            security_counter: manifest.security_counter,
            image_length: manifest.image_length,
            image_digest: manifest.image_digest.0,
            chunk_size_log2: manifest.chunk_size.log2(),
            pages: pages.map(|digest| digest.0).collect(),
            payload_format: manifest.payload_format,
            lowest_boot_format: manifest.lowest_boot_format,
            revoked_boot_keys: manifest.revoked_boot_keys,
        }
    }
}

fn to_bytes(fixed: &Fixed) -> Vec<u8> {
    let mut out = [0; MAX_BODY];
    postcard::to_slice(fixed, &mut out).unwrap().to_vec()
}

fn encoded(manifest: &Manifest) -> Vec<u8> {
    let mut out = [0; MAX_BODY];
    let len = manifest.encode(&[], &mut out).unwrap();
    out[..len].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_written_is_what_postcard_writes(manifest in any_manifest()) {
        prop_assert_eq!(encoded(&manifest), to_bytes(&Fixed::of(&manifest)));
    }

    #[test]
    fn what_is_read_is_what_postcard_reads_in_the_shortest_form(
        manifest in any_manifest(),
        changes in vec((32..90_usize, any::<u8>()), 0..4),
    ) {
        let mut body = encoded(&manifest);
        for (at, to) in changes {
            let at = at % body.len();
            body[at] = to;
        }
        if let Ok((decoded, _)) = Manifest::decode_unverified(&body, Reader::Inspector) {
            let (fixed, rest) = postcard::take_from_bytes::<Fixed>(&body).unwrap();
            prop_assert_eq!(to_bytes(&fixed), to_bytes(&Fixed::of(&decoded)));
            prop_assert_eq!(to_bytes(&fixed).len() + rest.len(), body.len());
        }
    }
}

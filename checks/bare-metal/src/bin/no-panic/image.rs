//! `ota-image`.

use ota_image::{
    Algorithm, BootKeys, ChunkDigest, ChunkSize, Digest, Envelope, Limits, MAX_BODY, Manifest,
    Pages, PublicKey, Reader, ReleaseId, Role, SignatureEntry, Tlv, TrustAnchors, Verified,
    Version, sha256_of, signing_header, write_envelope,
};

use crate::chip::{ChipCrypto, bytes, number, show, show_bytes, some};

pub(crate) fn key() -> PublicKey {
    match number() {
        0 => PublicKey::P256(bytes()),
        _ => PublicKey::Ed25519(bytes()),
    }
}

pub(crate) fn check_envelope() {
    let mut buffer = [0; 2048];
    let envelope = match Envelope::parse(some(&mut buffer)) {
        Ok(envelope) => envelope,
        Err(error) => return show(error.code()),
    };
    show_bytes(envelope.body());
    for entry in envelope.signatures() {
        show_bytes(&entry.signature);
        show(Role::from_u8(entry.role).is_some());
        show(Algorithm::from_u8(entry.algorithm).is_some());
    }
    show_id(envelope.release_id(&mut ChipCrypto));
    let (release, boot) = ([key(), key()], [key(), key()]);
    match BootKeys::new(&boot) {
        Ok(keys) => match envelope.verify_boot(&mut ChipCrypto, &keys, bytes::<1>()[0]) {
            Ok(manifest) => check_pages(&manifest),
            Err(error) => show(error.code()),
        },
        Err(error) => show(error.code()),
    }
    match TrustAnchors::new(&release, &boot) {
        Ok(anchors) => match envelope.verify(&mut ChipCrypto, &anchors, bytes::<1>()[0]) {
            Ok(manifest) => check_pages(&manifest),
            Err(error) => show(error.code()),
        },
        Err(error) => show(error.code()),
    }
}

fn show_id(id: ReleaseId) {
    show_bytes(&id.short());
    show_bytes(&id.digest().0);
}

fn check_pages<L>(manifest: &Verified<L>) {
    show_id(manifest.id());
    let mut buffer = [0; 4096];
    match manifest.verify_page(&mut ChipCrypto, number(), some(&mut buffer)) {
        Ok(page) => {
            show(page.page());
            show_bytes(page.bytes());
            show_id(page.release());
        }
        Err(error) => show(error.code()),
    }
    let mut digests: [Option<ChunkDigest>; 5] = [None; 5];
    let places = digests.get_mut(..number() as usize).unwrap_or_default();
    let read = manifest.read_digests(&mut ChipCrypto, number(), places, |offset, buffer| {
        show(offset);
        buffer.fill(bytes::<1>()[0]);
        match number() {
            0 => Ok(()),
            error => Err(error),
        }
    });
    match read {
        Ok(count) => show(count as u32),
        Err(error) => show(error.code()),
    }
    for digest in digests.into_iter().flatten() {
        show(digest.index() ^ digest.len());
        show_id(digest.release());
        show(digest.matches_digest(Digest(bytes())));
        show(digest.matches(&mut ChipCrypto, some(&mut buffer)));
        match digest.verify(&mut ChipCrypto, some(&mut buffer)) {
            Ok(chunk) => {
                show(chunk.index());
                show_bytes(chunk.bytes());
                show_id(chunk.release());
            }
            Err(error) => show(error.code()),
        }
    }
}

pub(crate) fn check_manifest() {
    let mut buffer = [0; MAX_BODY];
    let reader = match number() {
        0 => Reader::Client,
        1 => Reader::Bootloader,
        _ => Reader::Inspector,
    };
    match Manifest::decode_unverified(some(&mut buffer), reader) {
        Ok((manifest, tlvs)) => {
            for tlv in tlvs {
                show(tlv.tag);
                show_bytes(tlv.value);
            }
            show_bytes(manifest.version.as_str().as_bytes());
            check(&manifest);
        }
        Err(error) => show(error.code()),
    }
}

fn check(manifest: &Manifest) {
    for number in [
        manifest.chunk_count(),
        manifest.page_count(),
        manifest.table_len(),
        manifest.table_offset(),
        manifest.payload_offset(),
        manifest.package_len(),
    ] {
        show(number);
    }
    for number in [
        manifest.chunk_len(number()),
        manifest.chunk_offset(number()),
        manifest.page_len(number()),
        manifest.page_offset(number()),
        manifest.page_of_chunk(number()),
    ] {
        show(number.unwrap_or_default());
    }
    let [hardware, component, boot_format] = [number(); 3].map(|number| number as u8);
    let limits = Limits {
        vendor: bytes(),
        class: bytes(),
        hardware: hardware.into(),
        component,
        load_address: number(),
        slot_size: number(),
        bank_size: number(),
        max_chunk_size: number(),
        floor: number(),
        boot_format,
    };
    match manifest.check(&limits) {
        Ok(()) => show(0_u32),
        Err(error) => show(error.code()),
    }
}

/// Whatever a manifest can be, well-formed or not.
fn any_manifest() -> Option<Manifest> {
    let mut text = [0; 40];
    let mut digests = [Digest([0; 32]); 20];
    for digest in &mut digests {
        digest.0 = bytes();
    }
    show(ChunkSize::smallest_for(number()).is_some());
    show(ChunkSize::from_log2(bytes::<1>()[0]).is_some());
    Some(Manifest {
        vendor: bytes(),
        class: bytes(),
        hardware_min: number() as u16,
        hardware_max: number() as u16,
        component: number() as u8,
        load_address: number(),
        version: Version::new(str::from_utf8(some(&mut text)).ok()?).ok()?,
        sequence: number().into(),
        security_counter: number(),
        image_length: number(),
        image_digest: Digest(bytes()),
        chunk_size: ChunkSize::from_bytes(number())?,
        pages: Pages::new(digests.get(..number() as usize)?)?,
        payload_format: number() as u8,
        lowest_boot_format: number() as u8,
        revoked_boot_keys: number() as u8,
    })
}

pub(crate) fn write() {
    if let Some(manifest) = any_manifest() {
        check(&manifest);
        let (mut value, mut out) = ([0; 800], [0; 800]);
        let value = &*some(&mut value);
        let tlvs = [number() as u16; 3].map(|tag| Tlv { tag, value });
        match manifest.encode(&tlvs, some(&mut out)) {
            Ok(len) => show(len as u32),
            Err(error) => show(error.code()),
        }
    }
    let (role, algorithm) = (Role::Boot, Algorithm::Ed25519);
    let entry = SignatureEntry::new(role, algorithm, key().key_id(&mut ChipCrypto), bytes());
    let mut body = [0; 800];
    let body = &*some(&mut body);
    show_bytes(&signing_header(role, algorithm, number() as u16));
    show_bytes(&sha256_of(&mut ChipCrypto, body).0);
    match write_envelope(
        body,
        [entry; 6].get(..number() as usize).unwrap_or_default(),
    ) {
        Ok(envelope) => show_bytes(&envelope),
        Err(error) => show(error.code()),
    }
}

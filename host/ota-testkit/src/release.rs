//! Packages, made with test keys.

use ed25519_compact::{KeyPair, Seed};
use ota_image::{
    Algorithm, ChunkSize, ENVELOPE_LEN, Hasher, MAX_BODY, Manifest, Pages, PublicKey, Role,
    SignatureEntry, SoftwareCrypto, Tlv, Version, chunk_hasher, page_hasher, sha256_of,
    signing_header, write_envelope,
};

use crate::rig::LOAD_ADDRESS;

/// Seed of the TEST release key.
pub const RELEASE_SEED: [u8; 32] = *b"TEST KEY ONLY: release, not safe";
/// Seed of the TEST boot key.
pub const BOOT_SEED: [u8; 32] = *b"TEST KEY ONLY: boot, not safe   ";
/// Seed of a TEST key that no device trusts.
pub const OTHER_SEED: [u8; 32] = *b"TEST KEY ONLY: somebody else's  ";
/// The vendor of test releases.
pub const VENDOR: [u8; 16] = [0x56; 16];
/// The class of test releases.
pub const CLASS: [u8; 16] = [0xC1; 16];

fn key_pair(seed: [u8; 32]) -> KeyPair {
    KeyPair::from_seed(Seed::new(seed))
}

/// The public key of a seed.
#[must_use]
pub fn public_key(seed: [u8; 32]) -> PublicKey {
    PublicKey::Ed25519(*key_pair(seed).pk)
}

/// Bytes that do not repeat, the same for the same seed (splitmix64).
#[must_use]
pub fn random_image(len: u32, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    std::iter::from_fn(|| Some(next().to_le_bytes()))
        .flatten()
        .take(len as usize)
        .collect()
}

/// What goes into a release.
#[derive(Clone, Debug)]
pub struct Release {
    /// The image.
    pub image: Vec<u8>,
    /// The manifest; digests and lengths are filled in by [`package`](Self::package).
    pub manifest: Manifest,
    /// Further fields, as tag and value.
    pub fields: Vec<(u16, Vec<u8>)>,
    /// Signatures to make, as role and seed.
    pub signers: Vec<(Role, [u8; 32])>,
}

impl Release {
    /// Release number `n`: version `n.0.0`, sequence `n`, security counter 1, signed by both
    /// roles.
    ///
    /// # Panics
    /// If `chunk_size` is none of the format's.
    #[must_use]
    pub fn new(n: u64, image: Vec<u8>, chunk_size: u32) -> Self {
        let manifest = Manifest {
            vendor: VENDOR,
            class: CLASS,
            hardware_min: 1,
            hardware_max: 3,
            component: 0,
            load_address: LOAD_ADDRESS,
            version: Version::new(&format!("{n}.0.0")).expect("a short version"),
            sequence: n,
            security_counter: 1,
            image_length: 1,
            image_digest: ota_image::Digest([0; 32]),
            chunk_size: ChunkSize::from_bytes(chunk_size).expect("a chunk size of the format"),
            pages: Pages::new(&[]).expect("no pages"),
            payload_format: 0,
            lowest_boot_format: 1,
            revoked_boot_keys: 0,
        };
        let signers = vec![(Role::Release, RELEASE_SEED), (Role::Boot, BOOT_SEED)];
        Self {
            image,
            manifest,
            fields: Vec::new(),
            signers,
        }
    }

    /// With another security counter.
    #[must_use]
    pub fn counter(mut self, counter: u32) -> Self {
        self.manifest.security_counter = counter;
        self
    }

    /// With one more field, which no version knows yet.
    #[must_use]
    pub fn field(mut self, tag: u16) -> Self {
        self.fields.push((tag, vec![1]));
        self
    }

    /// With other signatures.
    #[must_use]
    pub fn signed_by(mut self, signers: &[(Role, [u8; 32])]) -> Self {
        self.signers = signers.to_vec();
        self
    }

    fn table(&self) -> Vec<u8> {
        let size = self.manifest.chunk_size.bytes() as usize;
        let leaf = |chunk: &[u8]| {
            let mut crypto = SoftwareCrypto;
            let mut hasher = chunk_hasher(&mut crypto);
            hasher.update(chunk);
            hasher.finish().0
        };
        self.image.chunks(size).flat_map(leaf).collect()
    }

    /// The whole package: envelope, digest table, payload.
    ///
    /// # Panics
    /// If the image needs more than 16 pages, or the manifest is not one that can be encoded.
    #[must_use]
    pub fn package(&self) -> Vec<u8> {
        let table = self.table();
        let mut crypto = SoftwareCrypto;
        let pages: Vec<_> = table
            .chunks(self.manifest.chunk_size.bytes() as usize)
            .map(|page| {
                let mut hasher = page_hasher(&mut crypto);
                hasher.update(page);
                hasher.finish()
            })
            .collect();
        let manifest = Manifest {
            image_length: u32::try_from(self.image.len()).expect("a small image"),
            image_digest: sha256_of(&mut crypto, &self.image),
            pages: Pages::new(&pages).expect("16 pages at most"),
            ..self.manifest.clone()
        };
        let mut package = self.envelope(&manifest).to_vec();
        package.extend(&table);
        package.extend(&self.image);
        package
    }

    fn envelope(&self, manifest: &Manifest) -> [u8; ENVELOPE_LEN] {
        let mut body = [0; MAX_BODY];
        let tlvs: Vec<_> = self
            .fields
            .iter()
            .map(|(tag, value)| Tlv { tag: *tag, value })
            .collect();
        let len = manifest
            .encode(&tlvs, &mut body)
            .expect("a manifest that can be encoded");
        let body = &body[..len];
        let entries: Vec<_> = self
            .signers
            .iter()
            .map(|(role, seed)| sign(*role, *seed, body))
            .collect();
        write_envelope(body, &entries).expect("an envelope")
    }
}

fn sign(role: Role, seed: [u8; 32], body: &[u8]) -> SignatureEntry {
    let body_len = u16::try_from(body.len()).expect("a short body");
    let mut message = signing_header(role, Algorithm::Ed25519, body_len).to_vec();
    message.extend(body);
    SignatureEntry {
        role: role as u8,
        algorithm: Algorithm::Ed25519 as u8,
        key_id: public_key(seed).key_id(&mut SoftwareCrypto),
        signature: *key_pair(seed).sk.sign(message, None),
    }
}

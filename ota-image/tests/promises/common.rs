//! Test keys (no secret anywhere), and packages built with them.

use ed25519_compact::{KeyPair, Seed};
use ota_image::{
    Algorithm, ChunkSize, Crypto, Digest, Envelope, Hasher, Manifest, PublicKey, Role,
    SignatureEntry, SoftwareCrypto, Tlv, Version, chunk_hasher, page_hasher, sha256_of,
    signing_header, write_envelope,
};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;

pub(crate) const VENDOR: [u8; 16] = *b"test vendor uuid";
pub(crate) const CLASS: [u8; 16] = *b"test class uuid ";
pub(crate) const LOAD_ADDRESS: u32 = 0x1000_8000;

/// A private test key: its secret is 32 bytes of plain text that says so.
#[derive(Clone, Copy)]
pub(crate) struct TestKey {
    pub(crate) name: &'static str,
    pub(crate) secret: &'static [u8; 32],
    pub(crate) algorithm: Algorithm,
}

const fn test_key(name: &'static str, secret: &'static [u8; 32], algorithm: Algorithm) -> TestKey {
    TestKey {
        name,
        secret,
        algorithm,
    }
}

pub(crate) const RELEASE_ED: TestKey = test_key(
    "release-ed25519",
    b"TEST KEY, PUBLIC: release Ed2551",
    Algorithm::Ed25519,
);
pub(crate) const BOOT_ED: TestKey = test_key(
    "boot-ed25519",
    b"TEST KEY, PUBLIC: boot 0 Ed25519",
    Algorithm::Ed25519,
);
pub(crate) const BOOT_ED_NEXT: TestKey = test_key(
    "boot-ed25519-next",
    b"TEST KEY, PUBLIC: boot 1 Ed25519",
    Algorithm::Ed25519,
);
pub(crate) const RELEASE_P256: TestKey = test_key(
    "release-p256",
    b"TEST KEY, PUBLIC: release P-256.",
    Algorithm::P256,
);
pub(crate) const BOOT_P256: TestKey = test_key(
    "boot-p256",
    b"TEST KEY, PUBLIC: boot 0 P-256..",
    Algorithm::P256,
);

impl TestKey {
    pub(crate) fn public(&self) -> PublicKey {
        match self.algorithm {
            Algorithm::Ed25519 => PublicKey::Ed25519(*self.ed25519().pk),
            Algorithm::P256 => {
                let point = self.p256().verifying_key().to_sec1_point(false);
                PublicKey::P256(point.as_bytes()[1..].try_into().unwrap())
            }
        }
    }

    /// Signs a body for a role.
    pub(crate) fn sign(&self, role: Role, body: &[u8]) -> SignatureEntry {
        let header = signing_header(role, self.algorithm, u16::try_from(body.len()).unwrap());
        let message = [&header[..], body].concat();
        let key_id = self.public().key_id(&mut SoftwareCrypto);
        SignatureEntry::new(role, self.algorithm, key_id, self.sign_message(&message))
    }

    /// Deterministic in both algorithms, so that vectors can be made again.
    pub(crate) fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        match self.algorithm {
            Algorithm::Ed25519 => *self.ed25519().sk.sign(message, None),
            Algorithm::P256 => {
                let digest = sha256_of(&mut SoftwareCrypto, message);
                let signature: p256::ecdsa::Signature =
                    self.p256().sign_prehash(&digest.0).unwrap();
                signature.normalize_s().to_bytes().into()
            }
        }
    }

    fn ed25519(&self) -> KeyPair {
        KeyPair::from_seed(Seed::new(*self.secret))
    }

    fn p256(&self) -> SigningKey {
        SigningKey::from_slice(self.secret).unwrap()
    }
}

/// An image whose bytes differ from chunk to chunk.
pub(crate) fn image(len: u32) -> Vec<u8> {
    (0..len)
        .map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect()
}

/// All parts of a package but its signatures.
#[derive(Clone)]
pub(crate) struct Package {
    pub(crate) manifest: Manifest,
    pub(crate) body: Vec<u8>,
    pub(crate) table: Vec<u8>,
    pub(crate) image: Vec<u8>,
}

impl Package {
    pub(crate) fn new(image_length: u32, chunk_size: u32) -> Self {
        let image = image(image_length);
        let chunk_size = ChunkSize::from_bytes(chunk_size).unwrap();
        let table = table_of(&image, chunk_size);
        let pages: Vec<Digest> = table
            .chunks(chunk_size.bytes() as usize)
            .map(page_digest)
            .collect();
        let manifest = Manifest {
            vendor: VENDOR,
            class: CLASS,
            hardware_min: 1,
            hardware_max: 300,
            component: 0,
            load_address: LOAD_ADDRESS,
            version: Version::new("1.4.2-rc.1+build.7").unwrap(),
            sequence: 1_767_225_600_000,
            security_counter: 7,
            image_length,
            image_digest: sha256_of(&mut SoftwareCrypto, &image),
            chunk_size,
            pages: ota_image::Pages::new(&pages).unwrap(),
            payload_format: 0,
            lowest_boot_format: 1,
            revoked_boot_keys: 0,
        };
        Self {
            body: encode(&manifest, &[]),
            manifest,
            table,
            image,
        }
    }

    /// The same, with other values in the manifest.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Manifest)) -> Self {
        change(&mut self.manifest);
        self.body = encode(&self.manifest, &[]);
        self
    }

    /// The same, with TLVs.
    pub(crate) fn with_tlvs(mut self, tlvs: &[Tlv<'_>]) -> Self {
        self.body = encode(&self.manifest, tlvs);
        self
    }

    /// The envelope with these signatures.
    pub(crate) fn sign(&self, keys: &[(Role, TestKey)]) -> [u8; 1024] {
        sign_body(&self.body, keys)
    }

    /// Envelope, table, payload.
    pub(crate) fn file(&self, envelope: &[u8; 1024]) -> Vec<u8> {
        [&envelope[..], &self.table, &self.image].concat()
    }
}

/// The envelope of a body, whatever it is, with these signatures.
pub(crate) fn sign_body(body: &[u8], keys: &[(Role, TestKey)]) -> [u8; 1024] {
    let entries: Vec<_> = keys
        .iter()
        .map(|(role, key)| key.sign(*role, body))
        .collect();
    write_envelope(body, &entries).unwrap()
}

pub(crate) fn encode(manifest: &Manifest, tlvs: &[Tlv<'_>]) -> Vec<u8> {
    let mut body = vec![0; ota_image::MAX_BODY];
    let len = manifest.encode(tlvs, &mut body).unwrap();
    body.truncate(len);
    body
}

fn table_of(image: &[u8], chunk_size: ChunkSize) -> Vec<u8> {
    image
        .chunks(chunk_size.bytes() as usize)
        .flat_map(|chunk| chunk_digest(chunk).0)
        .collect()
}

pub(crate) fn chunk_digest(chunk: &[u8]) -> Digest {
    let mut crypto = SoftwareCrypto;
    let mut hasher = chunk_hasher(&mut crypto);
    hasher.update(chunk);
    hasher.finish()
}

pub(crate) fn page_digest(page: &[u8]) -> Digest {
    let mut crypto = SoftwareCrypto;
    let mut hasher = page_hasher(&mut crypto);
    hasher.update(page);
    hasher.finish()
}

/// The two signatures that a release has, in Ed25519.
pub(crate) const BOTH_ED: [(Role, TestKey); 2] =
    [(Role::Release, RELEASE_ED), (Role::Boot, BOOT_ED)];
/// The two signatures that a release has, in P-256.
pub(crate) const BOTH_P256: [(Role, TestKey); 2] =
    [(Role::Release, RELEASE_P256), (Role::Boot, BOOT_P256)];

/// A small release, and its envelope.
pub(crate) fn signed(keys: &[(Role, TestKey)]) -> (Package, [u8; 1024]) {
    let package = Package::new(2_500, 1024);
    let envelope = package.sign(keys);
    (package, envelope)
}

pub(crate) fn parse(envelope: &[u8]) -> Envelope<'_> {
    Envelope::parse(envelope).unwrap()
}

/// [`SoftwareCrypto`] that counts verifications.
#[derive(Default)]
pub(crate) struct Counting {
    pub(crate) verifications: usize,
}

impl Crypto for Counting {
    type Hasher<'a> = <SoftwareCrypto as Crypto>::Hasher<'a>;

    fn sha256(&mut self) -> Self::Hasher<'_> {
        SoftwareCrypto.sha256()
    }

    fn verify(
        &mut self,
        key: &PublicKey,
        message: &[&[u8]],
        signature: &[u8; 64],
    ) -> Result<(), ota_image::BadSignature> {
        self.verifications += 1;
        SoftwareCrypto.verify(key, message, signature)
    }
}

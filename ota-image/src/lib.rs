#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::unreachable
    )
)]

mod body;
mod crypto;
mod digest;
mod frame;
mod keys;
mod manifest;
mod pem;
mod policy;
mod software;
mod table;
mod values;
mod verify;
mod wire;

pub use body::{EncodeError, ManifestError, Reader, Tlv, Tlvs, tag};
pub use crypto::{BadSignature, Crypto, Hasher, chunk_hasher, page_hasher, sha256_of};
pub use digest::{Digest, ReleaseId};
pub use frame::{
    ENVELOPE_LEN, Envelope, FORMAT_VERSION, FrameError, MAGIC, MAX_BODY, MAX_SIGNATURES,
    SIGNATURE_ENTRY_LEN, SignatureEntry, signing_header, write_envelope,
};
pub use keys::{Algorithm, BootKeys, KeyError, MAX_KEYS, PublicKey, Role, TrustAnchors};
pub use manifest::Manifest;
pub use policy::{Limits, MAX_COUNTER_STEP, PolicyError};
pub use software::{SoftwareCrypto, SoftwareHasher};
pub use table::{ChunkDigest, ChunkMismatch, PageError, TableError, VerifiedChunk, VerifiedPage};
pub use values::{ChunkSize, MAX_PAGES, MAX_VERSION_LEN, Pages, Version};
pub use verify::{Boot, Distribution, Verified, VerifyError};

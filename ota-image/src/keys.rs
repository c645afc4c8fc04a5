//! Public keys, the two roles, and the sets of keys a device trusts.

use core::fmt;

use crate::{Crypto, Digest, Hasher};

/// Most keys a role can have: the mask of revoked boot keys has a bit for each.
pub const MAX_KEYS: usize = 8;

/// A signature algorithm. The number is what stands in the envelope.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Algorithm {
    /// Pure Ed25519 (RFC 8032).
    Ed25519 = 1,
    /// ECDSA on P-256 over SHA-256; signatures are `r || s` with `s` in the lower half.
    P256 = 2,
}

impl Algorithm {
    /// The algorithm of a number from an envelope, if it is known.
    #[must_use]
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::Ed25519),
            2 => Some(Self::P256),
            _ => None,
        }
    }
}

/// What a signature says. The number is what stands in the envelope.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Role {
    /// "This may be distributed": checked by the client, before it asks for the first chunk.
    Release = 1,
    /// "This may run": checked by the client and by the bootloader.
    Boot = 2,
}

impl Role {
    /// The role of a number from an envelope, if it is known.
    #[must_use]
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::Release),
            2 => Some(Self::Boot),
            _ => None,
        }
    }
}

/// A public key with its algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PublicKey {
    /// The 32 bytes of RFC 8032.
    Ed25519([u8; 32]),
    /// The point's `x || y`, big-endian (SEC 1 uncompressed, without its first byte).
    P256([u8; 64]),
}

impl PublicKey {
    /// The algorithm, which is the key's and never the envelope's to say.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::P256(_) => Algorithm::P256,
        }
    }

    /// The key's bytes: 32 for Ed25519, 64 for P-256.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::P256(bytes) => bytes,
        }
    }

    /// The first four bytes of SHA-256 over the algorithm's number and the key: a hint which
    /// signature to try first, and nothing more.
    pub fn key_id<C: Crypto>(&self, crypto: &mut C) -> [u8; 4] {
        let mut hasher = crypto.sha256();
        hasher.update(&[self.algorithm() as u8]);
        hasher.update(self.as_bytes());
        let Digest(digest) = hasher.finish();
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// `==`, for constants.
    const fn same(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.as_bytes(), other.as_bytes());
        while let ([a, a_rest @ ..], [b, b_rest @ ..]) = (ours, theirs) {
            if *a != *b {
                return false;
            }
            (ours, theirs) = (a_rest, b_rest);
        }
        // Lengths differ between algorithms, so what is left over tells these apart.
        ours.is_empty() && theirs.is_empty()
    }
}

/// The keys whose `boot` signature lets an image run: fixed in the bootloader.
///
/// Their order matters: bit *i* of a mask of revoked keys means the *i*-th.
#[derive(Clone, Copy, Debug)]
pub struct BootKeys<'a>(&'a [PublicKey]);

impl<'a> BootKeys<'a> {
    /// Takes 1 to 8 different keys.
    ///
    /// # Errors
    /// [`KeyError::Empty`], [`KeyError::TooMany`], [`KeyError::Duplicate`].
    pub const fn new(keys: &'a [PublicKey]) -> Result<Self, KeyError> {
        match check_set(keys) {
            Ok(()) => Ok(Self(keys)),
            Err(error) => Err(error),
        }
    }

    /// The keys, in the order of the mask's bits.
    #[must_use]
    pub const fn keys(&self) -> &'a [PublicKey] {
        self.0
    }
}

/// The keys that a client trusts: for distribution, and (the bootloader's) for running.
#[derive(Clone, Copy, Debug)]
pub struct TrustAnchors<'a> {
    release: &'a [PublicKey],
    boot: BootKeys<'a>,
}

impl<'a> TrustAnchors<'a> {
    /// Takes 1 to 8 different keys for each role, and none for both: two roles are worth two
    /// signatures only as long as no single key gives both.
    ///
    /// # Errors
    /// [`KeyError::Empty`], [`KeyError::TooMany`], [`KeyError::Duplicate`],
    /// [`KeyError::BothRoles`].
    pub const fn new(release: &'a [PublicKey], boot: &'a [PublicKey]) -> Result<Self, KeyError> {
        if let Err(error) = check_set(release) {
            return Err(error);
        }
        let keys = match BootKeys::new(boot) {
            Ok(keys) => keys,
            Err(error) => return Err(error),
        };
        let mut rest = release;
        while let [key, tail @ ..] = rest {
            if contains(boot, key) {
                return Err(KeyError::BothRoles);
            }
            rest = tail;
        }
        Ok(Self {
            release,
            boot: keys,
        })
    }

    /// The keys for the role [`Role::Release`].
    #[must_use]
    pub const fn release(&self) -> &'a [PublicKey] {
        self.release
    }

    /// The keys for the role [`Role::Boot`].
    #[must_use]
    pub const fn boot(&self) -> BootKeys<'a> {
        self.boot
    }
}

const fn check_set(keys: &[PublicKey]) -> Result<(), KeyError> {
    if keys.is_empty() {
        return Err(KeyError::Empty);
    }
    if keys.len() > MAX_KEYS {
        return Err(KeyError::TooMany);
    }
    let mut rest = keys;
    while let [key, tail @ ..] = rest {
        if contains(tail, key) {
            return Err(KeyError::Duplicate);
        }
        rest = tail;
    }
    Ok(())
}

const fn contains(keys: &[PublicKey], key: &PublicKey) -> bool {
    let mut rest = keys;
    while let [first, tail @ ..] = rest {
        if first.same(key) {
            return true;
        }
        rest = tail;
    }
    false
}

/// Why keys cannot be trust anchors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyError {
    /// A role has no key.
    Empty,
    /// A role has more than [`MAX_KEYS`] keys.
    TooMany,
    /// A role has the same key twice.
    Duplicate,
    /// The same key stands for both roles.
    BothRoles,
    /// The bytes are no point of the curve, or one that would verify anything.
    Invalid,
    /// The key's algorithm is not compiled in.
    Unsupported,
    /// Not the PEM file of a public key that is known here.
    Encoding,
}

impl KeyError {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Empty => 0x0210,
            Self::TooMany => 0x0211,
            Self::Duplicate => 0x0212,
            Self::BothRoles => 0x0213,
            Self::Invalid => 0x0214,
            Self::Unsupported => 0x0215,
            Self::Encoding => 0x0216,
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a role has no key: give it at least one",
            Self::TooMany => "a role has more than 8 keys: retire the oldest",
            Self::Duplicate => "a role has the same key twice: remove one of the two",
            Self::BothRoles => "one key stands for both roles: generate a second key",
            Self::Invalid => "the key is not a usable point of its curve: generate another",
            Self::Unsupported => "the key's algorithm is not built in: enable its feature",
            Self::Encoding => "not a public key in PEM: give the .pub file of `ota keygen`",
        })
    }
}

impl core::error::Error for KeyError {}

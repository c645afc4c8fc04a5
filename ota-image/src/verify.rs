//! From an envelope to a manifest that can be relied on: signatures first, decoding after.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use crate::{
    BootKeys, Crypto, Envelope, FrameError, Manifest, ManifestError, PublicKey, Reader, ReleaseId,
    Role, TrustAnchors, signing_header,
};

/// Proof: release *and* boot signature are good, and nothing that a client must know is unknown.
#[derive(Clone, Copy, Debug)]
pub struct Distribution;

/// Proof: the boot signature is good, and nothing that a bootloader must know is unknown.
#[derive(Clone, Copy, Debug)]
pub struct Boot;

/// A manifest whose signatures were checked; `L` says which: [`Distribution`] or [`Boot`].
///
/// Only [`Envelope::verify`] and [`Envelope::verify_boot`] make one, and nothing changes it. It
/// says that the manifest is authentic, not that it is for this device: see
/// [`Manifest::check`].
pub struct Verified<L> {
    manifest: Manifest,
    id: ReleaseId,
    level: PhantomData<L>,
}

impl<L> Verified<L> {
    /// The id of the release.
    #[must_use]
    pub const fn id(&self) -> ReleaseId {
        self.id
    }
}

impl<L> Deref for Verified<L> {
    type Target = Manifest;

    fn deref(&self) -> &Manifest {
        &self.manifest
    }
}

impl<L> Clone for Verified<L> {
    fn clone(&self) -> Self {
        Self {
            manifest: self.manifest.clone(),
            id: self.id,
            level: PhantomData,
        }
    }
}

impl<L> fmt::Debug for Verified<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("id", &self.id)
            .field("manifest", &self.manifest)
            .finish()
    }
}

impl Envelope<'_> {
    /// The client's check: a signature of each role, then the manifest.
    ///
    /// `revoked` is the mask of boot keys that the device knows to be revoked; those that the
    /// release itself revokes are added to it.
    ///
    /// # Errors
    /// [`VerifyError`]; the body is not decoded before both signatures are good.
    pub fn verify<C: Crypto>(
        &self,
        crypto: &mut C,
        anchors: &TrustAnchors<'_>,
        revoked: u8,
    ) -> Result<Verified<Distribution>, VerifyError> {
        match self.find_signer(crypto, Role::Release, anchors.release(), 0) {
            Signer::Key(_) => {}
            Signer::Missing => return Err(VerifyError::ReleaseSignatureMissing),
            Signer::Wrong => return Err(VerifyError::ReleaseSignatureWrong),
        }
        self.verify_as(crypto, anchors.boot(), revoked, Reader::Client)
    }

    /// The bootloader's check: a boot signature, then the manifest.
    ///
    /// `revoked` is the mask of boot keys that the device knows to be revoked; those that the
    /// release itself revokes are added to it.
    ///
    /// # Errors
    /// [`VerifyError`]; the body is not decoded before the signature is good.
    pub fn verify_boot<C: Crypto>(
        &self,
        crypto: &mut C,
        keys: &BootKeys<'_>,
        revoked: u8,
    ) -> Result<Verified<Boot>, VerifyError> {
        self.verify_as(crypto, *keys, revoked, Reader::Bootloader)
    }

    fn verify_as<C: Crypto, L>(
        &self,
        crypto: &mut C,
        keys: BootKeys<'_>,
        revoked: u8,
        reader: Reader,
    ) -> Result<Verified<L>, VerifyError> {
        let signer = self.find_boot_signer(crypto, keys, revoked)?;
        let (manifest, _) =
            Manifest::decode_unverified(self.body(), reader).map_err(VerifyError::Manifest)?;
        let revoked = revoked | manifest.revoked_boot_keys;
        if is_in(revoked, signer) {
            // A release may carry a signature of the old key, for devices that do not have the
            // new one, next to one of the new key: then that one has to be good.
            match self.find_signer(crypto, Role::Boot, keys.keys(), revoked) {
                Signer::Key(_) => {}
                Signer::Missing | Signer::Wrong => return Err(VerifyError::KeyRevoked),
            }
        }
        Ok(Verified {
            manifest,
            id: self.release_id(crypto),
            level: PhantomData,
        })
    }

    fn find_boot_signer<C: Crypto>(
        &self,
        crypto: &mut C,
        keys: BootKeys<'_>,
        revoked: u8,
    ) -> Result<u8, VerifyError> {
        let failure = match self.find_signer(crypto, Role::Boot, keys.keys(), revoked) {
            Signer::Key(index) => return Ok(index),
            Signer::Missing => VerifyError::BootSignatureMissing,
            Signer::Wrong => VerifyError::BootSignatureWrong,
        };
        // Only for the message: a forgery and a retired key are not the same thing to hear of.
        match self.find_signer(crypto, Role::Boot, keys.keys(), !revoked) {
            Signer::Key(_) => Err(VerifyError::KeyRevoked),
            Signer::Missing | Signer::Wrong => Err(failure),
        }
    }

    /// The first key, of those whose bit in `excluded` is clear, that made a signature of `role`.
    /// Pairs whose key id matches are tried first, then the others: each pair once.
    fn find_signer<C: Crypto>(
        &self,
        crypto: &mut C,
        role: Role,
        keys: &[PublicKey],
        excluded: u8,
    ) -> Signer {
        let mut outcome = Signer::Missing;
        for hinted in [true, false] {
            let allowed = |(index, _): &(u8, &PublicKey)| !is_in(excluded, *index);
            for (index, key) in (0..).zip(keys).filter(allowed) {
                match self.try_key(crypto, role, key, hinted) {
                    Signer::Key(()) => return Signer::Key(index),
                    Signer::Wrong => outcome = Signer::Wrong,
                    Signer::Missing => {}
                }
            }
        }
        outcome
    }

    fn try_key<C: Crypto>(
        &self,
        crypto: &mut C,
        role: Role,
        key: &PublicKey,
        hinted: bool,
    ) -> Signer<()> {
        let algorithm = key.algorithm();
        let key_id = key.key_id(crypto);
        let header = signing_header(role, algorithm, self.body_len());
        let message: [&[u8]; 2] = [&header, self.body()];
        let mut outcome = Signer::Missing;
        for entry in self.signatures() {
            let fits = entry.role == role as u8 && entry.algorithm == algorithm as u8;
            if !fits || (entry.key_id == key_id) != hinted {
                continue;
            }
            if crypto.verify(key, &message, &entry.signature).is_ok() {
                return Signer::Key(());
            }
            outcome = Signer::Wrong;
        }
        outcome
    }
}

/// What a search for a signature of a role came to.
enum Signer<K = u8> {
    /// This key made one.
    Key(K),
    /// There are some, and none is good.
    Wrong,
    /// There is none that one of the keys could have made.
    Missing,
}

fn is_in(mask: u8, index: u8) -> bool {
    // Sets of keys have at most eight.
    mask.checked_shr(index.into())
        .is_some_and(|rest| rest & 1 == 1)
}

/// Why an envelope is not verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VerifyError {
    /// It is not an envelope.
    Frame(FrameError),
    /// No release signature by an algorithm of the keys.
    ReleaseSignatureMissing,
    /// Release signatures, and none is good.
    ReleaseSignatureWrong,
    /// No boot signature by an algorithm of the keys.
    BootSignatureMissing,
    /// Boot signatures, and none is good.
    BootSignatureWrong,
    /// The boot signatures that are good are by keys that are revoked.
    KeyRevoked,
    /// The signatures are good, and the manifest is not.
    Manifest(ManifestError),
}

impl VerifyError {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Frame(error) => error.code(),
            Self::ReleaseSignatureMissing => 0x0201,
            Self::ReleaseSignatureWrong => 0x0202,
            Self::BootSignatureMissing => 0x0203,
            Self::BootSignatureWrong => 0x0204,
            Self::KeyRevoked => 0x0205,
            Self::Manifest(error) => error.code(),
        }
    }
}

impl From<FrameError> for VerifyError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<ManifestError> for VerifyError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frame(error) => return fmt::Display::fmt(error, f),
            Self::ReleaseSignatureMissing => {
                "no release signature for these keys: sign the package with the release key"
            }
            Self::ReleaseSignatureWrong => {
                "the release signature is wrong: the package was changed, or signed with another key"
            }
            Self::BootSignatureMissing => {
                "no boot signature for these keys: sign the package with the boot key"
            }
            Self::BootSignatureWrong => {
                "the boot signature is wrong: the package was changed, or signed with another key"
            }
            Self::KeyRevoked => "the boot key that signed is revoked: sign with a newer boot key",
            Self::Manifest(error) => return fmt::Display::fmt(error, f),
        })
    }
}

impl core::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Frame(error) => Some(error),
            Self::Manifest(error) => Some(error),
            _ => None,
        }
    }
}

//! Errors: stable numbers, and one line that says what to do.

use std::collections::BTreeSet;
use std::error::Error;

use ota_image::{
    BadSignature, ChunkMismatch, EncodeError, FrameError, KeyError, ManifestError, PageError,
    PolicyError, TableError, VerifyError,
};

pub(crate) type Row = (u16, String, String);

/// The innermost variant's name: `Manifest(UnknownCritical(5))` is `UnknownCritical`.
pub(crate) fn name(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let inner = text
        .strip_prefix("Frame(")
        .or(text.strip_prefix("Manifest("))
        .unwrap_or(&text);
    inner
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}

/// Number, name and line of every error.
pub(crate) fn all() -> Vec<Row> {
    fn each<E: Error + Copy>(errors: &[E], code: fn(E) -> u16) -> Vec<Row> {
        let row = |error: &E| (code(*error), name(error), error.to_string());
        errors.iter().map(row).collect()
    }
    use {EncodeError as W, FrameError as F, KeyError as K, ManifestError as M, PolicyError as P};
    let frame = [
        F::WrongLength,
        F::WrongMagic,
        F::UnknownFormat(9),
        F::BodyLength,
        F::TooManySignatures,
        F::EmptySignature,
        F::BadPadding,
    ];
    let verify = [
        VerifyError::ReleaseSignatureMissing,
        VerifyError::ReleaseSignatureWrong,
        VerifyError::BootSignatureMissing,
        VerifyError::BootSignatureWrong,
        VerifyError::KeyRevoked,
    ];
    let key = [
        K::Empty,
        K::TooMany,
        K::Duplicate,
        K::BothRoles,
        K::Invalid,
        K::Unsupported,
        K::Encoding,
    ];
    let manifest = [
        M::Malformed,
        M::NotMinimal,
        M::Version,
        M::HardwareRange,
        M::EmptyImage,
        M::TooLong,
        M::ChunkSize,
        M::PageCount,
        M::TlvTruncated,
        M::TlvOrder,
        M::UnknownCritical(0x8001),
    ];
    let encode = [
        W::BufferTooSmall,
        W::BodyLength,
        W::TlvOrder,
        W::TooManySignatures,
        W::EmptySignature,
    ];
    let policy = [
        P::WrongVendor,
        P::WrongClass,
        P::WrongHardware,
        P::WrongComponent,
        P::WrongLoadAddress,
        P::ImageTooLarge,
        P::TableTooLarge,
        P::ChunkTooLarge,
        P::BelowFloor,
        P::CounterTooFar,
        P::UnknownPayloadFormat,
        P::BootloaderTooOld,
    ];
    let page = [
        PageError::NoSuchPage,
        PageError::WrongLength,
        PageError::WrongDigest,
    ];
    let table = [
        TableError::NoSuchChunk,
        TableError::WrongDigest,
        TableError::Read("why"),
    ];
    [
        each(&frame, F::code),
        each(&[BadSignature], BadSignature::code),
        each(&verify, VerifyError::code),
        each(&key, K::code),
        each(&manifest, M::code),
        each(&encode, W::code),
        each(&policy, P::code),
        each(&[ChunkMismatch], ChunkMismatch::code),
        each(&page, PageError::code),
        each(&table, |error| TableError::code(&error)),
    ]
    .concat()
}

#[test]
fn every_error_has_a_number_and_a_line_of_its_own() {
    let errors = all();
    let codes: BTreeSet<_> = errors.iter().map(|(code, ..)| code).collect();
    let lines: BTreeSet<_> = errors.iter().map(|(.., text)| text).collect();
    assert_eq!(codes.len(), errors.len(), "two errors share a number");
    assert_eq!(lines.len(), errors.len(), "two errors share a line");
}

#[test]
fn the_line_says_what_is_wrong_and_then_what_to_do() {
    for (code, _, text) in all() {
        let (wrong, next) = text.split_once(": ").unwrap_or_else(|| panic!("{text:?}"));
        assert!(
            !wrong.is_empty() && !next.is_empty() && !text.contains('\n'),
            "{text:?}"
        );
        assert!(text.len() <= 120, "{code:#06x}: {text:?}");
    }
}

#[test]
fn numbers_never_change() {
    assert_eq!(FrameError::WrongMagic.code(), 0x0102);
    assert_eq!(VerifyError::Frame(FrameError::WrongMagic).code(), 0x0102);
    assert_eq!(VerifyError::BootSignatureWrong.code(), 0x0204);
    assert_eq!(
        VerifyError::Manifest(ManifestError::UnknownCritical(7)).code(),
        0x030B
    );
    assert_eq!(EncodeError::Manifest(ManifestError::Version).code(), 0x0303);
    assert_eq!(PolicyError::BelowFloor.code(), 0x0409);
    assert_eq!(ChunkMismatch.code(), 0x0501);
}

#[test]
fn an_error_leads_to_its_cause() {
    let error = VerifyError::from(FrameError::BadPadding);
    assert_eq!(error.source().unwrap().to_string(), error.to_string());
    assert!(
        VerifyError::from(ManifestError::Malformed)
            .source()
            .is_some()
    );
    assert!(VerifyError::KeyRevoked.source().is_none());
}

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

mod bank;
mod boot;
mod image;
mod io;
mod journal;
#[cfg(test)]
mod journal_tests;
mod map;
mod product;
mod record;
#[cfg(test)]
mod record_tests;
mod rescue;
mod staging;
mod state;
mod storage;
mod swap;
#[cfg(test)]
mod swap_tests;
mod trial;
mod updater;

pub use boot::{Bootloader, Decision, Recovery, Refusal, Start};
pub use journal::JournalWear;
pub use map::{Area, Chip, Device, FlashMap, Layout, MapError, Strategy, smallest_journal};
pub use product::{BOOT_FORMAT, Product};
pub use record::{
    FAILED_RELEASES, FailedRelease, RECORD_FORMAT, RECORD_LEN, Reason, Record, ReleaseTag,
};
pub use staging::{AcceptError, Need, StagedImage, Staging, Work, WorkError};
pub use state::{
    Action, BootEvent, BootState, Cause, Effect, Failure, Fallback, Phase, Rebuilt, ResetCause,
    Transition, TrialLimits, TrialState, Which, rescues, step,
};
pub use storage::{
    EitherError, Fed, FlashError, FlashMismatch, Geometry, Index, OneFlash, Region, Storage,
    TwoFlash,
};
pub use trial::{ConfirmError, Confirmation, HealthReport, HealthWindow, Verdict};
pub use updater::{
    Admission, AdmitError, Judgement, MAX_SEQUENCE_STEP, Offer, OpenError, RequestError,
    RevertError, Updater,
};

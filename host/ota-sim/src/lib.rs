#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod compare;
mod config;
mod cut;
mod error;
mod fate;
mod fault;
mod file;
mod flash;
mod guard;
mod inject;
mod nor;
mod power;
mod rng;
mod rules;
mod stats;
mod status;
mod tear;
mod unit;

pub use config::Config;
pub use cut::{Cut, Interrupted, ParseCutError, Plan, Tear};
pub use error::{FlashError, OnViolation, Violation, ViolationKind};
pub use fault::{Fault, ParseFaultError, Trouble};
pub use flash::Flash;
pub use nor::Nor;
pub use stats::Stats;

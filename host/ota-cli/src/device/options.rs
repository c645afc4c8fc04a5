//! How a device is run, and how a run ends.

use std::time::Duration;

use ota_sim::Cut;

use super::Behave;
use crate::refusal::Refusal;

/// How a device is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address of the package; `http` only.
    pub url: String,
    /// Firmware that is not healthy.
    pub behave: Vec<Behave>,
    /// When the power goes, counted in flash operations of this run.
    pub cut: Option<Cut>,
    /// Stop after so many power cycles.
    pub cycles: Option<u32>,
    /// How patient the client is.
    pub client: Client,
}

/// How patient the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Faults in a row before the attempt ends.
    pub retries: u8,
    /// The wait after the first fault, doubled after each further one.
    pub backoff: Duration,
    /// How long an answer, and each piece of it, may take.
    pub stall: Duration,
}

impl Client {
    /// For a server nearby.
    pub const DEFAULT: Self = Self {
        retries: 5,
        backoff: Duration::from_millis(100),
        stall: Duration::from_secs(5),
    };
}

impl Options {
    /// A run with nothing out of the ordinary.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            behave: Vec::new(),
            cut: None,
            cycles: None,
            client: Client::DEFAULT,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The server offers what is running.
    UpToDate,
    /// The power cycles that were asked for are over.
    Stopped,
    /// The device does not take what the server offers.
    Refused(Refusal),
    /// The update could not be looked for, or not be downloaded; what was staged is kept.
    Failed(Refusal),
    /// Nothing can be booted.
    Recovery(Refusal),
    /// The power went, with this id.
    PowerCut(Cut),
}

impl End {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::UpToDate => "up-to-date",
            Self::Stopped => "stopped",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Recovery(_) => "recovery",
            Self::PowerCut(_) => "power-cut",
        }
    }
}

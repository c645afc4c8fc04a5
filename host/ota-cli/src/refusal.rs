//! Errors that carry a stable code.

use std::fmt;

/// Why a device would refuse something: the sentence and the stable code of the crate that said
/// it, for people who look it up and programs that compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: u16,
    reason: String,
}

impl Refusal {
    /// A reason of a device, which has a code of its own.
    pub(crate) fn new(code: u16, reason: &impl fmt::Display) -> Self {
        Self {
            code,
            reason: reason.to_string(),
        }
    }

    /// The stable code: see `docs/` for the list.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// What is wrong and what to do next, on one line.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The refusal within an error, however much context was added.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {:#06x})", self.reason, self.code)
    }
}

impl std::error::Error for Refusal {}

macro_rules! refusals {
    ($($error:ident),*) => {$(
        impl From<ota_image::$error> for Refusal {
            fn from(error: ota_image::$error) -> Self {
                Self { code: error.code(), reason: error.to_string() }
            }
        }
    )*};
}

impl From<ota_esp32c3::image::ImageError> for Refusal {
    fn from(error: ota_esp32c3::image::ImageError) -> Self {
        Self::new(error.code(), &error)
    }
}

refusals!(
    BadSignature,
    ChunkMismatch,
    EncodeError,
    FrameError,
    KeyError,
    ManifestError,
    PageError,
    PolicyError,
    VerifyError
);
